"""Changes a run's database with valid seals, as somebody does who knows how they are made."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from archsearch.protocol.records import ENDED
from archsearch.store.seal import asked_seal, fact_seal, told_seal, trial_seal


def forge(folder: Path, statement: str, *values: object) -> None:
    """Execute a statement on a run's database, and seal everything in it anew."""
    with closing(sqlite3.connect(folder / "run.db")) as connection, connection:
        connection.execute(statement, values)
        seal_again(connection)


def seal_again(connection: sqlite3.Connection) -> None:
    """Seal every fact, step and ended trial as it is."""
    for name, value in connection.execute("SELECT name, value FROM facts").fetchall():
        seal = fact_seal(name, value)
        connection.execute("UPDATE facts SET seal = ? WHERE name = ?", (seal, name))
    for number, *asked, verdict in connection.execute(
        "SELECT number, cell, asked, verdict FROM steps"
    ).fetchall():
        seal = asked_seal(number, *asked)
        seal = seal if verdict is None else told_seal(seal, verdict)
        connection.execute("UPDATE steps SET seal = ? WHERE number = ?", (seal, number))
    ended = connection.execute(f"SELECT key, state, score, outcome FROM trials WHERE state IN {ENDED}")
    for row in ended.fetchall():
        connection.execute("UPDATE trials SET seal = ? WHERE key = ?", (trial_seal(*row), row[0]))
