"""Run folders: where they lie, what they are called, and who may search in them."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import socket
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any

import filelock
import msgspec
import tomli_w

from archsearch.errors import InputError, RunLocked, StoreError
from archsearch.protocol.plan import RunPlan
from archsearch.store.run_store import FILE, RunStore

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{digit}" for port in ("com", "lpt") for digit in range(1, 10))}


def run_folder(run: str, runs: Path) -> Path:
    """Return the folder of a run, given by name under `runs` or by path; it need not exist.

    Raises:
        InputError: The name is none.
    """
    if "/" in run or os.sep in run:
        return Path(run)
    if not NAME.fullmatch(run) or run.split(".")[0].lower() in RESERVED:
        raise InputError(f"run name {run!r}: letters, digits, '.', '_' and '-', at most 64, the first a letter or digit")
    return runs / run


def existing_run(run: str, runs: Path) -> Path:
    """Return the folder of a run that exists.

    Raises:
        InputError: There is none; the message lists the runs there are.
    """
    folder = run_folder(run, runs)
    if not folder.is_dir():
        known = ", ".join(path.name for path in list_runs(runs)[:8]) or "none yet: 'archsearch evolve' makes one"
        raise InputError(f"no run {run!r} in {folder.parent} (runs there: {known})")
    if not (folder / FILE).exists():
        raise InputError(f"{folder} is no run: it has no {FILE}")
    return folder


def list_runs(runs: Path) -> list[Path]:
    """Return the folders of all runs, the newest first."""
    if not runs.is_dir():
        return []
    found = [path for path in runs.iterdir() if (path / FILE).is_file() and not path.name.startswith(".")]
    return sorted(
        found,
        key=lambda path: ((path / "run.toml").stat().st_mtime if (path / "run.toml").exists() else 0, path.name),
        reverse=True,
    )


def free_name(preset: str, runs: Path) -> str:
    """Return PRESET-<n+1>, n the largest number in use."""
    taken = [
        int(m[1])
        for path in (runs.iterdir() if runs.is_dir() else ())
        if (m := re.fullmatch(rf"{re.escape(preset)}-(\d+)", path.name))
    ]
    return f"{preset}-{max(taken, default=0) + 1}"


def make_run(folder: Path, plan: RunPlan) -> None:
    """Make a run's folder with its database and a copy of its settings, complete or not at all.

    Raises:
        InputError: The folder exists, or cannot be made.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = folder.parent / f".new-{secrets.token_hex(8)}"
        temporary.mkdir(mode=0o700)
    except OSError as error:
        raise InputError(f"{folder.parent}: {error.strerror}; choose another folder with --runs") from None
    try:
        RunStore.create(temporary, plan).close()
        (temporary / "run.toml").write_text(settings_toml(plan), encoding="utf-8")
        temporary.rename(folder)
    except OSError as error:
        raise InputError(f"{folder}: {error.strerror}") from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def settings_toml(plan: RunPlan) -> str:
    """Return the resolved settings as TOML, for people."""
    content = _without_none(msgspec.to_builtins(plan))
    return "# A copy for people; what counts stands in run.db.\n" + tomli_w.dumps(content)


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_none(of) for key, of in value.items() if of is not None}
    if isinstance(value, list | tuple):
        return ["none" if of is None else _without_none(of) for of in value]
    return value


class Lock:
    """The right to search in a run: an flock on `lock` in its folder, free again when its owner is gone.

    The file's text names the owner, for the message only.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lock = filelock.FileLock(folder / "lock")

    def __enter__(self) -> Lock:
        try:
            self.lock.acquire(timeout=0)
        except filelock.Timeout:
            raise RunLocked(
                f"run {self.folder.name} is in use by {self._owner()}; wait for it, or start another run"
            ) from None
        except OSError as error:
            raise StoreError(f"{self.folder / 'lock'}: {error.strerror}; check the permissions of the folder") from None
        owner = {"pid": os.getpid(), "host": socket.gethostname(), "since": f"{datetime.now():%H:%M}"}
        (self.folder / "owner.json").write_text(json.dumps(owner), encoding="utf-8")
        return self

    def _owner(self) -> str:
        try:
            owner = json.loads((self.folder / "owner.json").read_text(encoding="utf-8"))
            return f"process {owner['pid']} on host {owner['host']} since {owner['since']}"
        except (OSError, ValueError, KeyError, TypeError):
            return "another process"

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.lock.release()
