"""Salvage: every row of a damaged run that holds, copied into a new run; the damaged one is only read."""

from __future__ import annotations

import contextlib
import sqlite3
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from archsearch.errors import InputError, RunLocked, StoreError
from archsearch.protocol.checks import plan_faults
from archsearch.protocol.plan import RunPlan
from archsearch.store.connecting import (
    RECOVERY,
    check_schema,
    copy_of_database,
    create,
    guarded,
    opened,
    reachable,
)
from archsearch.store.contents import NAMES, UNFINISHED, Contents, read_contents
from archsearch.store.folder import SETTINGS, Lock, make_run, settings_toml
from archsearch.store.run_store import FILE, RunStore
from archsearch.store.schema import UPGRADES, build
from archsearch.toml_files import read_toml

SAVED = ("data", "sources", "scored", "elapsed", "session", "merged")
"""The single values that a salvaged run has, beside its plan; how it ended is open, but for a merged one."""

PAGE = 4096
"""Bytes of a page of a run's database."""


@dataclass(frozen=True)
class Examination:
    """What is in a run's database, sound or not.

    Attributes:
        fault: What keeps it from being opened; empty if nothing does.
        contents: All that can be read.
    """

    fault: str
    contents: Contents

    @property
    def sound(self) -> bool:
        """Whether every row holds and every page can be read."""
        return not self.fault and not self.contents.damaged


def examine(path: Path) -> Examination:
    """Return what is in a run's database, which a search may be writing; nothing is changed."""
    try:
        with contextlib.closing(reachable(path, write=False)) as connection:
            connection.execute("BEGIN")  # one moment of a run that goes on
            version = check_schema(connection, path)
            said = connection.execute("PRAGMA integrity_check(3)").fetchall()
            fault = "; ".join(text for (text,) in said if text != "ok").replace("\n", " ")
            return Examination(fault, read_contents(connection, version, path.stat().st_size))
    except sqlite3.Error as error:
        return Examination(str(error), _best(path))
    except StoreError as error:
        return Examination(str(error).removeprefix(f"{path}: ").removesuffix(f"; {RECOVERY}"), _best(path))


def salvage(folder: Path, to: Path) -> Contents:
    """Copy every row of a run that can be read and holds into a new run; return what that was.

    Steps go up to the first that is lost: those after it are asked again when the new run goes on, and are the same, as are
    results that are lost.

    Args:
        folder: Of the run.
        to: Of the new run, which must not be there.

    Raises:
        RunLocked: Somebody searches in the run.
        InputError: The new folder is there, or cannot be made.
        StoreError: The plan is lost, without which the rest says nothing.
    """
    if holder := Lock(folder).holder:
        raise RunLocked(f"run {folder.name} is in use by {holder}; wait for it")
    if to.exists():
        raise InputError(f"{to} is there already; give another name with --salvage")
    contents = _best(folder / FILE)
    plan = _plan(folder, contents)
    if plan is None:
        raise StoreError(
            f"{folder / FILE}: its plan is lost, and nothing can be saved without it; put back a copy"
        )
    make_run(to, plan, lambda store: _fill(store, contents))
    return contents


def _plan(folder: Path, contents: Contents) -> RunPlan | None:
    """Return the plan of the database, else the one that its copy for people says in full."""
    if "plan" in contents.facts:
        return msgspec.json.decode(contents.facts["plan"][1], type=RunPlan)
    with contextlib.suppress(OSError, ValueError):
        plan = read_toml(folder / SETTINGS, RunPlan)
        if not list(plan_faults(plan)) and settings_toml(plan) == (folder / SETTINGS).read_text(
            encoding="utf-8"
        ):
            return plan
    return None


def _best(path: Path) -> Contents:
    """Return what can be read of a database: as it is, or with the first page that every run has."""
    found = [Contents(unread=list(NAMES))]
    with tempfile.TemporaryDirectory() as temporary:
        for version in (None, *sorted(UPGRADES, reverse=True), 1):
            copy = copy_of_database(path, Path(temporary))
            if version is not None:
                _renew_first_page(copy, version)
            with contextlib.suppress(sqlite3.Error, StoreError), _readable(copy) as connection:
                contents = read_contents(connection, check_schema(connection, path), copy.stat().st_size)
                found.append(contents)
                if contents.sealed or "plan" in contents.facts:
                    break  # what was sealed is never read as if it had no seals
            for leftover in Path(temporary).iterdir():
                leftover.unlink()
    return max(found, key=lambda contents: contents.count)


@contextlib.contextmanager
def _readable(path: Path) -> Iterator[sqlite3.Connection]:
    connection = opened(path, "rw")  # a copy of ours: what its log holds may be brought into it
    try:
        yield connection
    finally:
        connection.close()


def _renew_first_page(path: Path, version: int) -> None:
    """Write what the first page of every run of a version says over that of a file: it says where the tables begin."""
    with tempfile.TemporaryDirectory() as folder:
        fresh = Path(folder) / FILE
        create(fresh, lambda connection: build(connection, version)).close()
        page = bytearray(fresh.read_bytes()[:PAGE])
    page[28:32] = (path.stat().st_size // PAGE).to_bytes(4, "big")  # pages in all
    page[32:40] = bytes(8)  # no free ones
    page[92:96] = page[24:28]  # and this is up to date
    with path.open("r+b") as file:
        file.write(page)


def _fill(store: RunStore, contents: Contents) -> None:
    """Put rows into a new run, in one transaction; what was being trained waits again."""
    connection = store.database.connection
    with guarded(store.database.path):
        connection.execute("BEGIN IMMEDIATE")
        for name, value, _ in contents.facts.values():
            if name in SAVED or (name, value) == ("ended", "merged"):
                store.facts.put(connection, name, value)
        connection.executemany("INSERT OR IGNORE INTO cells VALUES (?, ?)", contents.rows["cells"].values())
        connection.executemany(
            "INSERT INTO steps (number, cell, asked, verdict, seal) VALUES (?, ?, ?, ?, ?)", contents.steps
        )
        connection.executemany(
            "INSERT INTO trials (key, cell, task, record, state, attempt, deaths, worker, score, outcome, seal) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            contents.rows["trials"].values(),
        )
        connection.executemany("INSERT INTO claims VALUES (?, ?, ?, ?)", contents.rows["claims"].values())
        connection.execute(
            f"UPDATE trials SET state = 'interrupted', score = NULL, outcome = NULL, seal = NULL WHERE state IN {UNFINISHED}"
        )
        connection.execute("COMMIT")
