"""The tables of a run's database, to the letter, their version, and the way from an older one."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from functools import cache

from archsearch.protocol.records import ENDED, HOST_STATUSES
from archsearch.store.seal import asked_seal, fact_seal, told_seal, trial_seal

APPLICATION = 0x61726373
"""Marks the file as a run of archsearch (`arcs`)."""

VERSION = 3

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
"""Schema 1; what later ones add is in `UPGRADES`."""


def add_seals(connection: sqlite3.Connection) -> None:
    """Give every fact, step and ended trial a seal. Those that are there are believed: nothing else is known of them."""
    for table in ("facts", "steps", "trials"):
        connection.execute(f"ALTER TABLE {table} ADD COLUMN seal TEXT")
    facts = connection.execute("SELECT name, value FROM facts").fetchall()
    connection.executemany(
        "UPDATE facts SET seal = ? WHERE name = ?", [(fact_seal(name, value), name) for name, value in facts]
    )
    steps = connection.execute("SELECT number, cell, asked, verdict FROM steps").fetchall()
    connection.executemany("UPDATE steps SET seal = ? WHERE number = ?", map(_sealed_step, steps))
    trials = connection.execute(f"SELECT key, state, score, outcome FROM trials WHERE state IN {ENDED}")
    connection.executemany("UPDATE trials SET seal = ? WHERE key = ?", list(map(_sealed_trial, trials)))


def _sealed_step(row: tuple[int, str, str, str | None]) -> tuple[str, int]:
    number, cell, asked, verdict = row
    seal = asked_seal(number, cell, asked)
    return (seal if verdict is None else told_seal(seal, verdict)), number


def _sealed_trial(row: tuple[str, str, object, str]) -> tuple[str | None, str]:
    key, state, score, outcome = row
    sound = score is None or isinstance(score, float)
    return (trial_seal(key, state, score, outcome) if sound else None), key  # type: ignore[arg-type]


KEPT = (
    "CREATE TABLE kept (name TEXT PRIMARY KEY, value TEXT NOT NULL, seal TEXT NOT NULL) WITHOUT ROWID",
    "CREATE TABLE scored (cell TEXT PRIMARY KEY, step INTEGER NOT NULL, fitness REAL NOT NULL) WITHOUT ROWID",
    "CREATE INDEX steps_by_cell ON steps (cell)",
    "CREATE INDEX trials_deadly ON trials (cell) WHERE deaths >= 2",
    f"CREATE INDEX trials_host ON trials (state) WHERE state IN {HOST_STATUSES}",
)


def add_kept(connection: sqlite3.Connection) -> None:
    """Make the tables of what follows from steps and trials, kept so that nobody has to go through all of them."""
    for statement in KEPT:
        connection.execute(statement)


CLAIMS = "CREATE TABLE claims (number INTEGER PRIMARY KEY, claim TEXT NOT NULL, pairs TEXT NOT NULL, seal TEXT NOT NULL)"


def add_claims(connection: sqlite3.Connection) -> None:
    """Make the table of the run's claims before the referee, with the pairs of each."""
    connection.execute(CLAIMS)


UPGRADES: dict[int, tuple[Callable[[sqlite3.Connection], None], ...]] = {
    2: (add_seals, add_kept),
    3: (add_claims,),
}
"""Version -> what makes a database of the version before one of it."""


def build(connection: sqlite3.Connection, version: int = VERSION) -> None:
    """Make the tables of a version in an empty database, in the transaction that is open."""
    for statement in TABLES.split(";"):
        if statement.strip():
            connection.execute(statement.strip())
    connection.execute(f"PRAGMA application_id = {APPLICATION}")
    upgrade(connection, 1, version)


def upgrade(connection: sqlite3.Connection, found: int, version: int = VERSION) -> None:
    """Bring a database to a version, in the transaction that is open.

    Args:
        connection: To it.
        found: The version that it has.
        version: The version that it gets.
    """
    for number in range(found + 1, version + 1):
        for change in UPGRADES[number]:
            change(connection)
    connection.execute(f"PRAGMA user_version = {version}")


Letters = dict[tuple[str, str], tuple[str, str | None]]
"""Kind and name of each table and index -> the table that it belongs to, and the statement that made it."""


def letters(connection: sqlite3.Connection) -> Letters:
    """Return what a database says it is made of.

    Raises:
        sqlite3.DatabaseError: It says nothing that can be read.
    """
    try:
        rows = connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_schema").fetchall()
    except UnicodeDecodeError:  # of SQLite's message, which quotes what it could not read
        raise sqlite3.DatabaseError("malformed database schema, with a name that is no UTF-8") from None
    return {(kind, name): (table, statement) for kind, name, table, statement in rows}


@cache
def expected_letters(version: int) -> Letters:
    """Return what a run's database of a version is made of."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        build(connection, version)
        return letters(connection)


def schema_fault(connection: sqlite3.Connection, version: int) -> str | None:
    """Return in what a database is not made as a run's of its version is, None if it is.

    A run has no trigger, no view and no CHECK, so what a stranger's database would do by itself is never done.
    """
    found, wanted = letters(connection), expected_letters(version)
    for kind, name in wanted:
        if (kind, name) not in found:
            return f"{kind} {name} is missing"
    for (kind, name), made in found.items():
        if (kind, name) not in wanted:
            return f"it has a {kind} {name[:80]!r}, which no run has"
        if made != wanted[kind, name]:
            return f"{kind} {name} is not made as that of a run"
    return None
