"""The tables of a run's database, its version, and how it is opened."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from archsearch.errors import NoSpace, ReadOnly, RunLocked, StoreError

APPLICATION = 0x61726373
"""Marks the file as a run of archsearch (`arcs`)."""

VERSION = 1

TABLES = """
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE cells (id TEXT PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE steps (number INTEGER PRIMARY KEY, cell TEXT NOT NULL, asked TEXT NOT NULL, verdict TEXT);
CREATE TABLE trials (
    key TEXT PRIMARY KEY,
    cell TEXT NOT NULL,
    task TEXT NOT NULL,
    record TEXT NOT NULL,
    state TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    deaths INTEGER NOT NULL DEFAULT 0,
    worker INTEGER,
    score REAL,
    outcome TEXT
) WITHOUT ROWID;
CREATE INDEX trials_by_cell ON trials (cell);
CREATE INDEX trials_running ON trials (state) WHERE state IN ('running', 'interrupted');
"""


RECOVERY = "the run is damaged: put back a copy of its folder, or start another run (nothing was overwritten)"

FULL = (
    "SQLITE_FULL",
    "SQLITE_IOERR_WRITE",
    "SQLITE_IOERR_FSYNC",
    "SQLITE_IOERR_TRUNCATE",
    "SQLITE_IOERR_SHMSIZE",
)
"""What SQLite calls a disk on which nothing more can be written."""


@contextmanager
def guarded(path: Path) -> Iterator[None]:
    """Turn what SQLite says about a bad file or a full disk into an error that a person can act on."""
    try:
        yield
    except sqlite3.Error as error:
        name = getattr(error, "sqlite_errorname", "")
        if name in FULL:
            raise no_space(path, str(error)) from None
        if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
            raise RunLocked(f"{path} is held by another program ({error}); close that first") from None
        if name.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM")):
            raise ReadOnly(f"{path}: {error}; check the disk and the permissions of the folder") from None
        raise StoreError(f"{path}: {error}; {RECOVERY}") from None


def no_space(path: Path, problem: str) -> NoSpace:
    """Return the error of a full disk."""
    with contextlib.suppress(OSError):
        problem += f", {shutil.disk_usage(path if path.is_dir() else path.parent).free:,} bytes free"
    return NoSpace(f"{path}: {problem}; free some space and give the same command again, nothing is lost")


def connect(path: Path, write: bool) -> sqlite3.Connection:
    """Open a run's database.

    Args:
        path: The file.
        write: Whether to write; readers never create or change anything.

    Raises:
        StoreError: It is missing, no run, damaged, or newer than this version.
    """
    if not path.is_file():
        raise StoreError(f"{path} is missing; {RECOVERY}")
    with guarded(path):
        try:
            connection = _opened(path, "rw" if write else "ro")
        except sqlite3.OperationalError as error:
            if write or error.sqlite_errorname not in ("SQLITE_CANTOPEN", "SQLITE_READONLY_DIRECTORY"):
                raise
            connection = _copied(path)  # a folder that may only be read, where SQLite cannot share its memory
        try:
            _check(connection, path)
            if write:
                connection.execute("PRAGMA synchronous = FULL")
        except BaseException:
            connection.close()
            raise
        return connection


def _opened(path: Path, mode: str) -> sqlite3.Connection:
    connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode={mode}", uri=True, isolation_level=None)
    try:
        connection.execute("PRAGMA application_id")
    except BaseException:
        connection.close()
        raise
    return connection


def _copied(path: Path) -> sqlite3.Connection:
    """Return a copy in memory."""
    with tempfile.TemporaryDirectory() as folder:
        for name in (path.name, f"{path.name}-wal"):
            with contextlib.suppress(FileNotFoundError):
                (Path(folder) / name).write_bytes((path.parent / name).read_bytes())
        memory = sqlite3.connect(":memory:", isolation_level=None)
        with contextlib.closing(_opened(Path(folder) / path.name, "rw")) as copy:
            copy.backup(memory)
        return memory


def _check(connection: sqlite3.Connection, path: Path) -> None:
    if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION:
        raise StoreError(f"{path} is no archsearch run; {RECOVERY}")
    found = connection.execute("PRAGMA user_version").fetchone()[0]
    if found > VERSION:
        raise StoreError(
            f"{path}: written by archsearch schema {found}, this version reads up to {VERSION}; upgrade archsearch"
        )
    if found < 1:
        raise StoreError(f"{path}: its schema has no version; {RECOVERY}")
    if (problem := connection.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
        raise StoreError(f"{path}: {problem}; {RECOVERY}")
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    missing = {"facts", "cells", "steps", "trials"} - tables
    if missing:
        raise StoreError(f"{path}: table {sorted(missing)[0]} is missing; {RECOVERY}")


def create(path: Path) -> sqlite3.Connection:
    """Make a new, empty database."""
    with guarded(path):
        connection = sqlite3.connect(path, isolation_level=None)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.executescript(
                f"BEGIN; {TABLES} PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {VERSION}; COMMIT;"
            )
        except BaseException:
            connection.close()
            raise
        return connection
