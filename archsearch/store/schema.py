"""The tables of a run's database, its version, and how it is opened."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from archsearch.errors import NoSpace, StoreError

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


@contextmanager
def guarded(path: Path) -> Iterator[None]:
    """Turn what SQLite says about a bad file or a full disk into an error that a person can act on."""
    try:
        yield
    except sqlite3.OperationalError as error:
        text = str(error)
        if "full" in text or "disk I/O" in text:
            raise NoSpace(f"{path}: {text}; free some space and give the same command again, nothing is lost") from None
        if "readonly" in text or "unable to open" in text:
            raise StoreError(f"{path}: {text}; check the permissions of the folder") from None
        raise StoreError(f"{path}: {text}; {RECOVERY}") from None
    except sqlite3.DatabaseError as error:
        raise StoreError(f"{path}: {error}; {RECOVERY}") from None


RECOVERY = "the run is damaged: put back a copy of its folder, or start another run (nothing was overwritten)"


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
        connection = sqlite3.connect(
            f"{path.resolve().as_uri()}?mode={'rw' if write else 'ro'}", uri=True, isolation_level=None
        )
        try:
            _check(connection, path)
            if write:
                connection.execute("PRAGMA synchronous = FULL")
        except BaseException:
            connection.close()
            raise
        return connection


def _check(connection: sqlite3.Connection, path: Path) -> None:
    if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION:
        raise StoreError(f"{path} is no archsearch run; {RECOVERY}")
    found = connection.execute("PRAGMA user_version").fetchone()[0]
    if found > VERSION:
        raise StoreError(
            f"{path}: written by archsearch schema {found}, this version reads up to {VERSION}; upgrade archsearch"
        )
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    missing = {"facts", "cells", "steps", "trials"} - tables
    if missing:
        raise StoreError(f"{path}: table {sorted(missing)[0]} is missing; {RECOVERY}")


def create(path: Path) -> sqlite3.Connection:
    """Make a new, empty database."""
    with guarded(path):
        connection = sqlite3.connect(path, isolation_level=None)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.executescript(
            f"BEGIN; {TABLES} PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {VERSION}; COMMIT;"
        )
        return connection
