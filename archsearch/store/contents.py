"""All rows of a run's database that hold, read one by one, also where pages between them are damaged."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec

from archsearch.cell import Cell
from archsearch.errors import CellError
from archsearch.protocol.plan import RunPlan
from archsearch.protocol.records import ENDED, Outcome, Step, Trial, Verdict
from archsearch.store.seal import (
    asked_seal,
    fact_seal,
    record_holds,
    step_holds,
    told_seal,
    trial_holds,
    trial_seal,
)
from archsearch.store.tables.claims import read_claim

NAMES = ("facts", "cells", "steps", "trials", "claims")
FACTS = ("plan", "data", "sources", "scored", "ended", "elapsed", "session", "merged")
UNFINISHED = ("running", "interrupted")

INSTRUCTIONS = 500_000_000
"""Of SQLite, that one table may take: pages that lead in circles have an end."""

Row = tuple[Any, ...]


@dataclass(frozen=True)
class Table:
    """A table that is read.

    Attributes:
        name: Its name.
        columns: Its columns, the first of which is its key.
        sealed: Whether it has seals.
        holds: Whether a row is what was stored.
        seal: Makes the seal of a row of schema 1, which has none.
        since: The first schema that has it.
    """

    name: str
    columns: tuple[str, ...]
    sealed: bool
    holds: Callable[[Row], bool]
    seal: Callable[[Row], str | None] = lambda row: None
    since: int = 1

    @property
    def key(self) -> str:
        """The name of the column that rows are found by."""
        return self.columns[0]


@dataclass
class Contents:
    """What a run's database holds.

    Attributes:
        rows: The rows that hold, by table and key.
        lost: The keys of those that were read and do not hold, by table.
        unread: The tables of which not every row could be read.
        sealed: Whether a row has a seal, so that it was not written under schema 1.
    """

    rows: dict[str, dict[Any, Row]] = field(default_factory=lambda: {name: {} for name in NAMES})
    lost: dict[str, list[Any]] = field(default_factory=dict)
    unread: list[str] = field(default_factory=list)
    sealed: bool = False

    @property
    def facts(self) -> dict[str, Row]:
        """The single values that hold."""
        return self.rows["facts"]

    @property
    def count(self) -> int:
        """How many rows hold."""
        return sum(map(len, self.rows.values()))

    @property
    def damaged(self) -> bool:
        """Whether a row does not hold, or could not be read."""
        return bool(self.unread) or any(self.lost.values())

    @property
    def steps(self) -> list[Row]:
        """The steps before the first that is missing, or whose cell is: those after it are asked again, and are the same."""
        found: list[Row] = []
        for number in range(len(self.rows["steps"])):
            row = self.rows["steps"].get(number)
            if row is None or (row[1] and row[1] not in self.rows["cells"]):
                break
            found.append(row)
        return found


def _decodes(text: Any, kind: Any) -> Any:
    """Return what a text says, None if it is none of its kind."""
    try:
        return msgspec.json.decode(text, type=kind)
    except (msgspec.DecodeError, TypeError, ValueError):
        return None


def _fact_holds(row: Row) -> bool:
    name, value, seal = row
    if name not in FACTS or seal != fact_seal(name, value):
        return False
    return name != "plan" or _decodes(value, RunPlan) is not None


def _cell_holds(row: Row) -> bool:
    identity, text = row
    try:
        return bool(Cell.parse(text).id == identity)
    except (CellError, TypeError):
        return False


def _step_holds(row: Row) -> bool:
    number, cell, asked, verdict, seal = row
    step = _decodes(asked, Step)
    told = verdict is None or _decodes(verdict, Verdict) is not None
    return told and step is not None and step.number == number and step_holds(*row[:4], seal=seal)


def _step_seal(row: Row) -> str:
    seal = asked_seal(*row[:3])
    return seal if row[3] is None else told_seal(seal, row[3])


def _trial_holds(row: Row) -> bool:
    key, cell, task, text, state, *_, score, outcome, seal = row
    trial = _decodes(text, Trial)
    if trial is None or not record_holds(key, text) or (trial.cell, trial.task) != (cell, task):
        return False
    if state in UNFINISHED:
        return True
    return (
        state in ENDED
        and _decodes(outcome, Outcome) is not None
        and trial_holds(key, state, score, outcome, seal=seal)
    )


def _trial_seal(row: Row) -> str | None:
    key, *_, state, _, _, _, score, outcome = row
    sound = score is None or isinstance(score, float)
    return trial_seal(key, state, score, outcome) if sound else None


TRIAL = ("key", "cell", "task", "record", "state", "attempt", "deaths", "worker", "score", "outcome")
TABLES = (
    Table("facts", ("name", "value"), True, _fact_holds, lambda row: fact_seal(*row)),
    Table("cells", ("id", "text"), False, _cell_holds),
    Table("steps", ("number", "cell", "asked", "verdict"), True, _step_holds, _step_seal),
    Table("trials", TRIAL, True, _trial_holds, _trial_seal),
    Table("claims", ("number", "claim", "pairs"), True, lambda row: read_claim(*row) is not None, since=3),
)


def read_contents(connection: sqlite3.Connection, version: int, size: int) -> Contents:
    """Return all that can be read, and which rows of it hold.

    Args:
        connection: To a database that is made as a run's.
        version: Of its schema.
        size: Of its file in bytes; no more than some times that is read.
    """
    contents = Contents()
    for table in [table for table in TABLES if table.since <= version]:
        rows, whole = _Reader(connection, table, version, 4 * size).read(contents)
        held = {key: row for key, row in rows.items() if table.holds(row)}
        contents.rows[table.name] = held
        contents.sealed |= version > 1 and table.sealed and any(row[-1] is not None for row in rows.values())
        contents.lost[table.name] = [key for key in rows if key not in held]
        if not whole:
            contents.unread.append(table.name)
    return contents


class _Reader:
    """Reads one table: forwards to the first page that cannot be read, backwards to the last, and row by row between.

    Args:
        connection: To the database.
        table: The table.
        version: Of the schema.
        bytes_left: How much is read at most.

    Attributes:
        select: The beginning of every query.
    """

    def __init__(self, connection: sqlite3.Connection, table: Table, version: int, bytes_left: int) -> None:
        self.connection, self.table, self.version, self.bytes_left = connection, table, version, bytes_left
        sealed = table.sealed and version > 1
        self.select = f"SELECT {', '.join(table.columns)}{', seal' if sealed else ''} FROM {table.name} "

    def read(self, known: Contents) -> tuple[dict[Any, Row], bool]:
        """Return all rows by key, and whether that is all.

        Args:
            known: What was read of the tables before, which names rows of this one.
        """
        rows: dict[Any, Row] = {}
        whole = self._take(rows, f"{self.select} ORDER BY {self.table.key}")
        if not whole:
            self._take(rows, f"{self.select} ORDER BY {self.table.key} DESC")
            for key in [key for key in self._keys(rows, known) if key not in rows]:
                self._take(rows, f"{self.select} WHERE {self.table.key} = ?", key)
        return rows, whole

    def _take(self, rows: dict[Any, Row], query: str, *values: Any) -> bool:
        """Add what a query finds; return whether it came to its end."""
        self.connection.set_progress_handler(lambda: 1, INSTRUCTIONS)
        try:
            for row in self.connection.execute(query, values):
                self.bytes_left -= sum(len(value) for value in row if isinstance(value, str))
                if self.bytes_left < 0:
                    return False
                rows.setdefault(row[0], self._complete(row))
        except (sqlite3.Error, OverflowError):
            return False
        finally:
            self.connection.set_progress_handler(None, 0)
        return True

    def _complete(self, row: Row) -> Row:
        """Return a row with its seal."""
        if not self.table.sealed or self.version > 1:
            return row
        return (*row, self.table.seal(row))

    def _keys(self, rows: dict[Any, Row], known: Contents) -> Iterable[Any]:
        """Return the keys that rows may have which no scan has reached."""
        if self.table.name == "facts":
            return FACTS
        if self.table.name in ("steps", "claims"):
            return range(max((key for key in rows if isinstance(key, int)), default=0) + 1)
        return list(self._keys_of_index()) if self.table.name == "trials" else ()

    def _keys_of_index(self) -> Iterator[Any]:
        """Yield the keys of trials as the index of their cells has them."""
        for direction in ("", "DESC"):
            query = f"SELECT key FROM trials INDEXED BY trials_by_cell ORDER BY cell {direction}"
            try:
                for (key,) in self.connection.execute(query):
                    yield key
            except sqlite3.Error:
                continue
