"""One run's database: everything needed to go on with it and to replay it. Only the driver writes."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from archsearch.cell import Cell
from archsearch.errors import CellError, StoreError
from archsearch.protocol.plan import RunPlan
from archsearch.protocol.records import Outcome, Step, Trial, Verdict
from archsearch.store.schema import RECOVERY, connect, create, guarded

FILE = "run.db"

ENDED = ("done", "diverged", "oom", "timeout", "crashed", "error")


class RunStore:
    """The database of one run.

    Every method that changes something is one transaction. A finished trial stays as it is; a result that comes late or
    twice is ignored.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self.connection, self.path = connection, path
        self._cells: dict[str, Cell] = {}

    @classmethod
    def create(cls, folder: Path, plan: RunPlan) -> RunStore:
        """Make the database of a new run in an existing folder."""
        store = cls(create(folder / FILE), folder / FILE)
        try:
            store.set_fact("plan", msgspec.json.encode(plan).decode())
        except BaseException:
            store.close()
            raise
        return store

    @classmethod
    def open(cls, folder: Path, write: bool = False) -> RunStore:
        """Open the database of a run.

        Raises:
            StoreError: It is missing, foreign, damaged or too new.
        """
        return cls(connect(folder / FILE, write), folder / FILE)

    def close(self) -> None:
        """Close the database."""
        self.connection.close()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with guarded(self.path):
            try:
                self.connection.execute("BEGIN IMMEDIATE")
                yield self.connection
                self._commit()
            except BaseException:
                if self.connection.in_transaction:  # a full disk has ended it already
                    self.connection.execute("ROLLBACK")
                raise

    def _commit(self) -> None:
        self.connection.execute("COMMIT")

    def _rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        with guarded(self.path):
            return self.connection.execute(query, values).fetchall()

    def _decoded(self, text: str | bytes, type_: Any, what: str) -> Any:
        try:
            return msgspec.json.decode(text, type=type_)
        except (msgspec.DecodeError, TypeError, UnicodeDecodeError) as error:
            raise StoreError(f"{self.path}: {what} cannot be read ({error}); {RECOVERY}") from None

    # -- facts: single values -----------------------------------------------------------------------------------

    def fact(self, name: str) -> str | None:
        """Return a single value, None if it was never set."""
        rows = self._rows("SELECT value FROM facts WHERE name = ?", name)
        return str(rows[0][0]) if rows else None

    def set_fact(self, name: str, value: str) -> None:
        """Set a single value."""
        with self._transaction() as connection:
            connection.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value))

    def drop_fact(self, name: str) -> None:
        """Forget a single value."""
        with self._transaction() as connection:
            connection.execute("DELETE FROM facts WHERE name = ?", (name,))

    @property
    def plan(self) -> RunPlan:
        """The run's plan, as it was resolved when the run was made."""
        text = self.fact("plan")
        if text is None:
            raise StoreError(f"{self.path}: the plan is missing; {RECOVERY}")
        plan: RunPlan = self._decoded(text, RunPlan, "the plan")
        return plan

    @property
    def elapsed(self) -> float:
        """Seconds of search so far, over all sessions."""
        text = self.fact("elapsed") or "0"
        try:
            seconds = float(text)
        except ValueError:
            seconds = math.nan
        if not 0 <= seconds < math.inf:
            raise StoreError(f"{self.path}: the seconds of search are {text!r}; {RECOVERY}")
        return seconds

    def keep_time(self, elapsed: float) -> None:
        """Store the seconds of search so far."""
        self.set_fact("elapsed", repr(elapsed))

    # -- cells and steps ----------------------------------------------------------------------------------------

    def cell(self, cell: str) -> Cell:
        """Return a cell of the run by its id."""
        if cell not in self._cells:
            rows = self._rows("SELECT text FROM cells WHERE id = ?", cell)
            if not rows:
                raise StoreError(f"{self.path}: cell {cell} is missing; {RECOVERY}")
            try:
                found = Cell.parse(rows[0][0], f"cell {cell[:9]}")
            except (CellError, TypeError) as error:
                raise StoreError(f"{self.path}: {error}; {RECOVERY}") from None
            if found.id != cell:
                raise StoreError(f"{self.path}: the text of cell {cell[:9]} is another cell; {RECOVERY}")
            self._cells[cell] = found
        return self._cells[cell]

    def add_cell(self, cell: Cell) -> None:
        """Keep a cell's text."""
        with self._transaction() as connection:
            connection.execute("INSERT OR IGNORE INTO cells VALUES (?, ?)", (cell.id, cell.text()))
        self._cells[cell.id] = cell

    def cells_like(self, prefix: str) -> list[str]:
        """Return the ids that begin with a prefix."""
        return [
            row[0]
            for row in self._rows("SELECT id FROM cells WHERE substr(id, 1, ?) = ?", len(prefix), prefix)
        ]

    def add_step(self, step: Step, cell: Cell | None) -> None:
        """Store a step as it was asked, with the cell it brings, before anything of it is dispatched."""
        with self._transaction() as connection:
            if cell is not None:
                connection.execute("INSERT OR IGNORE INTO cells VALUES (?, ?)", (cell.id, cell.text()))
                self._cells[cell.id] = cell
            asked = msgspec.json.encode(step).decode()
            connection.execute("INSERT INTO steps VALUES (?, ?, ?, NULL)", (step.number, step.cell, asked))

    def tell_step(self, number: int, verdict: Verdict, elapsed: float) -> None:
        """Store how a step ended, all steps before it having ended, and the seconds of search so far."""
        with self._transaction() as connection:
            text = msgspec.json.encode(verdict).decode()
            connection.execute("UPDATE steps SET verdict = ? WHERE number = ?", (text, number))
            connection.execute("INSERT OR REPLACE INTO facts VALUES ('elapsed', ?)", (repr(elapsed),))

    def steps(self) -> list[tuple[Step, Verdict | None]]:
        """Return all steps in order, those that were told with their verdict."""
        rows = self._rows("SELECT number, asked, verdict FROM steps ORDER BY number")
        found = []
        for position, (number, asked, verdict) in enumerate(rows):
            if number != position:
                raise StoreError(f"{self.path}: step {position} is missing; {RECOVERY}")
            step = self._decoded(asked, Step, f"step {number}")
            if step.number != number:
                raise StoreError(f"{self.path}: step {number} says it is {step.number}; {RECOVERY}")
            found.append(
                (step, None if verdict is None else self._decoded(verdict, Verdict, f"step {number}"))
            )
        return found

    # -- trials -------------------------------------------------------------------------------------------------

    def outcome(self, key: str) -> Outcome | None:
        """Return how a trial ended, None if it has not."""
        rows = self._rows("SELECT state, score, outcome FROM trials WHERE key = ?", key)
        if not rows or rows[0][0] not in ENDED:
            return None
        outcome: Outcome = self._decoded(rows[0][2], Outcome, f"trial {key[:9]}")
        score = rows[0][1]
        if score is None if outcome.status == "done" else score is not None:
            raise StoreError(
                f"{self.path}: trial {key[:9]} is {outcome.status} with score {score!r}; {RECOVERY}"
            )
        if score is not None and not (isinstance(score, int | float) and math.isfinite(score)):
            raise StoreError(f"{self.path}: the score of trial {key[:9]} is {score!r}; {RECOVERY}")
        return msgspec.structs.replace(outcome, score=score)

    def claim(self, trial: Trial, worker: int) -> int:
        """Record that a worker begins an attempt at a trial; return the attempt's number, from 1."""
        with self._transaction() as connection:
            connection.execute(
                "INSERT INTO trials (key, cell, task, record, state, attempt, worker) VALUES (?, ?, ?, ?, 'running', 1, ?) "
                "ON CONFLICT (key) DO UPDATE SET state = 'running', attempt = attempt + 1, worker = excluded.worker "
                f"WHERE state NOT IN {ENDED}",
                (trial.key, trial.cell, trial.task, msgspec.json.encode(trial).decode(), worker),
            )
            row = connection.execute("SELECT attempt FROM trials WHERE key = ?", (trial.key,)).fetchone()
            return int(row[0])

    def finish(self, trial: Trial, attempt: int, outcome: Outcome) -> bool:
        """Store how an attempt ended; return whether it counted, which a late or second result does not."""
        outcome = finite(outcome)
        with self._transaction() as connection:
            cursor = connection.execute(
                "UPDATE trials SET state = ?, score = ?, outcome = ? WHERE key = ? AND attempt = ? AND state = 'running'",
                (outcome.status, outcome.score, _text(outcome), trial.key, attempt),
            )
            return cursor.rowcount == 1

    def bury(self, trial: Trial, attempt: int, outcome: Outcome, most: int) -> bool:
        """Record a death, and with the last of `most` deaths the outcome; return whether it was the last."""
        with self._transaction() as connection:
            cursor = connection.execute(
                "UPDATE trials SET deaths = deaths + 1, state = iif(deaths + 1 >= ?, ?, 'interrupted'), "
                "outcome = iif(deaths + 1 >= ?, ?, NULL) "
                "WHERE key = ? AND attempt = ? AND state = 'running' RETURNING deaths",
                (most, outcome.status, most, _text(outcome), trial.key, attempt),
            )
            return any(deaths >= most for (deaths,) in cursor.fetchall())

    def release(self, trial: Trial, attempt: int) -> None:
        """Put back an attempt that its worker never began."""
        with self._transaction() as connection:
            connection.execute(
                "UPDATE trials SET state = 'interrupted' WHERE key = ? AND attempt = ? AND state = 'running'",
                (trial.key, attempt),
            )

    def take_over(self, trial: Trial, outcome: Outcome) -> None:
        """Store a trial that was trained elsewhere under the same record."""
        self.finish(trial, self.claim(trial, 0), outcome)

    def interrupt(self) -> int:
        """Put the attempts that a driver left running back to the queue; return how many trials wait there."""
        with self._transaction() as connection:
            connection.execute("UPDATE trials SET state = 'interrupted' WHERE state = 'running'")
            return int(
                connection.execute("SELECT count(*) FROM trials WHERE state = 'interrupted'").fetchone()[0]
            )

    def poisoned(self) -> set[str]:
        """Return the cells that killed two workers."""
        return {
            row[0]
            for row in self._rows(
                "SELECT DISTINCT cell FROM trials WHERE state IN ('crashed', 'oom') AND deaths >= 2"
            )
        }

    def trials(self) -> list[tuple[Trial, Outcome]]:
        """Return all trials that have ended, each with how, by cell and task."""
        rows = self._rows(f"SELECT key, record FROM trials WHERE state IN {ENDED} ORDER BY cell, task, key")
        trials = [(key, self._decoded(record, Trial, f"trial {key[:9]}")) for key, record in rows]
        return [(trial, outcome) for key, trial in trials if (outcome := self.outcome(key)) is not None]

    def count(self) -> int:
        """Return how many trials have ended."""
        return int(self._rows(f"SELECT count(*) FROM trials WHERE state IN {ENDED}")[0][0])


def finite(outcome: Outcome) -> Outcome:
    """Return an outcome whose numbers are finite: JSON and SQLite keep no others. One without a score has diverged."""
    numbers = {
        name: getattr(outcome, name) for name in ("score", "accuracy", "nll", "test_accuracy", "test_nll")
    }
    wrong = {name: None for name, value in numbers.items() if value is not None and not math.isfinite(value)}
    curve = tuple(
        point for point in outcome.curve if math.isfinite(point.accuracy) and math.isfinite(point.nll)
    )
    sound = msgspec.structs.replace(outcome, curve=curve, **wrong)
    if sound.status == "done" and sound.score is None:
        return msgspec.structs.replace(sound, status="diverged", reason=f"score {outcome.score}")
    return sound


def _text(outcome: Outcome) -> str:
    """Return an outcome as JSON, without the score, which has a column of its own."""
    return msgspec.json.encode(msgspec.structs.replace(outcome, score=None)).decode()
