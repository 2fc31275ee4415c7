"""Run folders: where they lie, what they are called, and who may search in them."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import shutil
import socket
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any

import filelock
import msgspec
import psutil
import tomli_w

from archsearch.errors import InputError, ReadOnly, RunLocked
from archsearch.files import NEW_FOLDER, sync_folder, write_whole
from archsearch.protocol.plan import RunPlan
from archsearch.store.connecting import no_space
from archsearch.store.run_store import FILE, RunStore

SETTINGS, OWNER = "run.toml", "owner.json"
MOST_FOLDERS = 200
"""Folders in the path of a run; to make more in one go is a loop's mistake."""

OWNER_LOOKS, OWNER_WAIT = 20, 0.02

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
RESERVED = {
    "con",
    "prn",
    "aux",
    "nul",
    *(f"{port}{digit}" for port in ("com", "lpt") for digit in range(1, 10)),
}


def run_folder(run: str, runs: Path) -> Path:
    """Return the folder of a run, given by name under `runs` or by path; it need not exist.

    Raises:
        InputError: The name is none.
    """
    if "/" in run or os.sep in run:
        _reachable(run)
        return Path(run)
    if not NAME.fullmatch(run) or run.split(".")[0].lower() in RESERVED:
        raise InputError(
            f"run name {run!r}: letters, digits, '.', '_' and '-', at most 64, the first a letter or digit"
        )
    return runs / run


def _reachable(run: str) -> None:
    """Refuse a path that cannot be one.

    Raises:
        InputError: It is too long, or a part of it may not be read.
    """
    try:
        os.lstat(run)
    except (FileNotFoundError, NotADirectoryError):
        return
    except (OSError, ValueError) as error:
        raise InputError(f"run {run[:80]!r}: {getattr(error, 'strerror', None) or error}") from None


def existing_run(run: str, runs: Path) -> Path:
    """Return the folder of a run that exists.

    Raises:
        InputError: There is none; the message lists the runs there are.
    """
    folder = run_folder(run, runs)
    if folder.is_file():
        raise InputError(f"{run!r} is a file; a run is a folder, so name that: {folder.parent}")
    if not folder.is_dir():
        known = (
            ", ".join(path.name for path in list_runs(folder.parent)[:8])
            or "none yet: 'archsearch evolve' makes one"
        )
        raise InputError(f"no run {run!r} in {folder.parent} (runs there: {known})")
    if not (folder / FILE).exists():
        raise InputError(f"{folder} is no run: it has no {FILE}")
    return folder


def list_runs(runs: Path) -> list[Path]:
    """Return the folders of all runs, the newest first."""
    visible = [path for path in _inside(runs) if path.name[0] != "." and os.access(path / FILE, os.R_OK)]
    return sorted(visible, key=lambda path: (_age(path), path), reverse=True)


def _inside(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def _age(run: Path) -> float:
    """Return when a run was made; only the order among equal runs, and of names that people are shown, depends on it."""
    try:
        return (run / SETTINGS).stat().st_mtime
    except OSError:
        return 0.0


def free_name(preset: str, runs: Path) -> str:
    """Return PRESET-<n+1>, n the largest number in use; what no name may hold is left out of the preset's name."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", preset).lstrip("._-")[:40] or "run"
    numbered = re.compile(rf"{re.escape(name)}-(\d{{1,18}})")
    matches = [numbered.fullmatch(path.name) for path in _inside(runs)]
    return f"{name}-{max((int(match[1]) for match in matches if match), default=0) + 1}"


def make_run(folder: Path, plan: RunPlan, fill: Callable[[RunStore], object] | None = None) -> None:
    """Make a run's folder with its database and a copy of its settings, complete or not at all.

    Args:
        folder: Where it will lie.
        plan: The run's plan.
        fill: Puts into the database what it holds from the beginning; None for a run that has not begun.

    Raises:
        FileExistsError: The folder exists.
        InputError: It cannot be made.
        NoSpace: The disk is full.
    """
    if len(folder.parts) > MOST_FOLDERS:
        raise InputError(
            f"{str(folder)[:80]}…: a path of {len(folder.parts):,} folders; at most {MOST_FOLDERS} are made"
        )
    temporary = folder.parent / f"{NEW_FOLDER}{secrets.token_hex(8)}"
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary.mkdir(mode=0o700)
        with RunStore.create(temporary, plan) as store:
            if fill is not None:
                fill(store)
        write_whole(temporary / SETTINGS, settings_toml(plan).encode())
        temporary.rename(folder)
        sync_folder(folder.parent)
    except OSError as error:
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST) and temporary.is_dir():
            raise FileExistsError(str(folder)) from None
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise no_space(folder.parent, str(error.strerror)) from None
        raise InputError(f"{folder.parent}: {error.strerror}; choose another folder with --runs") from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def settings_toml(plan: RunPlan) -> str:
    """Return the resolved settings as TOML, for people."""
    content = _without_none(msgspec.to_builtins(plan))
    return "# A copy for people; what counts stands in run.db.\n" + tomli_w.dumps(content)


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_none(item) for key, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return ["none" if item is None else _without_none(item) for item in value]
    return value


class _Owner(msgspec.Struct):
    pid: int
    host: str
    since: str


class Lock:
    """The right to search in a run: an flock on `lock` in its folder, free again when its owner is gone.

    The file `owner.json` beside it names the owner, for the message only.

    Args:
        folder: The run's folder.

    Attributes:
        lock: The lock on the file.
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
            raise ReadOnly(
                f"{self.folder / 'lock'}: {error.strerror}; check the disk and the permissions of the folder"
            ) from None
        owner = _Owner(os.getpid(), socket.gethostname(), f"{datetime.now():%Y-%m-%d %H:%M}")
        with contextlib.suppress(OSError):  # a full disk: the message is poorer, the lock holds
            write_whole(self.folder / OWNER, msgspec.json.encode(owner))
        return self

    @property
    def holder(self) -> str | None:
        """Who searches in the run, in words; None if nobody does. The lock itself is not touched, so nobody is kept out."""
        try:
            number = (self.folder / "lock").stat().st_ino
            held = re.search(rf"FLOCK .*:{number} ", Path("/proc/locks").read_text())
        except FileNotFoundError:
            held = None
        return self._owner() if held else None

    def _owner(self) -> str:
        """Return who holds the lock, in words; it may have taken it this very moment, before it said so."""
        for _ in range(OWNER_LOOKS):
            with contextlib.suppress(OSError, msgspec.DecodeError):
                owner = msgspec.json.decode((self.folder / OWNER).read_bytes(), type=_Owner)
                if owner.host != socket.gethostname() or psutil.pid_exists(owner.pid):
                    return f"process {owner.pid} on host {owner.host} since {owner.since}"
            time.sleep(OWNER_WAIT)
        return "another process"

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(OSError):
            (self.folder / OWNER).unlink()
        self.lock.release()
