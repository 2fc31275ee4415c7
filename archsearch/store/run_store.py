"""One run's database: everything needed to go on with it and to replay it. Only the driver writes."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, get_args

import msgspec

from archsearch.cell import Cell
from archsearch.errors import CellError, StoreError
from archsearch.protocol.checks import plan_faults
from archsearch.protocol.plan import RunPlan
from archsearch.protocol.records import (
    ENDED,
    HOST_STATUSES,
    Outcome,
    Step,
    Subject,
    Trial,
    Verdict,
)
from archsearch.store.schema import RECOVERY, connect, create, guarded
from archsearch.words import short_id

FILE = "run.db"

NUMBERS = ("score", "accuracy", "nll", "test_accuracy", "test_nll")
"""What an outcome says in numbers that may fail to be finite."""

Ending = Literal["finished", "time", "interrupted", "exhausted"]
"""How a session of a run ends; an interrupted run is not over."""


class RunStore:
    """The database of one run.

    It is a context manager that closes itself. Every method that changes something, and every value that is set, is one
    transaction. A finished trial stays as it is; a result that comes late or twice is ignored.

    Args:
        connection: The opened database.
        path: Its file.

    Attributes:
        _cells: The run's cells that were read or added, by id.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self.connection, self.path = connection, path
        self._cells: dict[str, Cell] = {}

    @classmethod
    def create(cls, folder: Path, plan: RunPlan) -> RunStore:
        """Make the database of a new run in an existing folder."""
        store = cls(create(folder / FILE), folder / FILE)
        try:
            store._set_fact("plan", msgspec.json.encode(plan).decode())
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

    def __enter__(self) -> RunStore:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

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
            raise self.damaged(f"{what} cannot be read ({error})") from None

    def damaged(self, problem: str) -> StoreError:
        """Return the error of records that cannot be right."""
        return StoreError(f"{self.path}: {problem}; {RECOVERY}")

    # -- facts: single values -----------------------------------------------------------------------------------

    def _fact(self, name: str) -> str | None:
        rows = self._rows("SELECT value FROM facts WHERE name = ?", name)
        return str(rows[0][0]) if rows else None

    def _set_fact(self, name: str, value: str | None) -> None:
        with self._transaction() as connection:
            if value is None:
                connection.execute("DELETE FROM facts WHERE name = ?", (name,))
            else:
                connection.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value))

    @property
    def plan(self) -> RunPlan:
        """The run's plan, as it was resolved when the run was made."""
        text = self._fact("plan")
        if text is None:
            raise self.damaged("the plan is missing")
        plan: RunPlan = self._decoded(text, RunPlan, "the plan")
        for fault in plan_faults(plan):
            raise self.damaged(f"the plan makes no search ({fault})")
        return plan

    @property
    def data(self) -> str | None:
        """The folder of the tasks' files that was given last; None if none was."""
        return self._fact("data")

    @data.setter
    def data(self, folder: str) -> None:
        self._set_fact("data", folder)

    @property
    def ended(self) -> Ending | None:
        """How the run ended; None while it may go on."""
        text = self._fact("ended")
        if text is not None and text not in get_args(Ending):
            raise self.damaged(f"it has ended by {text!r}")
        return text  # type: ignore[return-value]

    @ended.setter
    def ended(self, ending: Ending | None) -> None:
        self._set_fact("ended", ending)

    @property
    def elapsed(self) -> float:
        """Seconds of search so far, over all sessions."""
        text = self._fact("elapsed") or "0"
        try:
            seconds = float(text)
        except ValueError:
            seconds = math.nan
        if not 0 <= seconds < math.inf:
            raise self.damaged(f"the seconds of search are {text!r}")
        return seconds

    @elapsed.setter
    def elapsed(self, seconds: float) -> None:
        self._set_fact("elapsed", repr(seconds))

    # -- cells and steps ----------------------------------------------------------------------------------------

    def cell(self, cell: str) -> Cell:
        """Return a cell of the run by its id."""
        if cell not in self._cells:
            self._cells[cell] = self._read_cell(cell)
        return self._cells[cell]

    def _read_cell(self, identity: str) -> Cell:
        rows = self._rows("SELECT text FROM cells WHERE id = ?", identity)
        if not rows:
            raise self.damaged(f"cell {identity} is missing")
        try:
            cell = Cell.parse(rows[0][0], f"cell {short_id(identity)}")
            same = cell.id == identity
        except (CellError, TypeError) as error:
            raise self.damaged(str(error)) from None
        if not same:
            raise self.damaged(f"the text of cell {short_id(identity)} is another cell")
        return cell

    def add_cell(self, cell: Cell) -> None:
        """Keep a cell's text."""
        with self._transaction() as connection:
            connection.execute("INSERT OR IGNORE INTO cells VALUES (?, ?)", (cell.id, cell.text()))
        self._cells[cell.id] = cell

    def cells_like(self, prefix: str) -> list[str]:
        """Return the ids that begin with a prefix."""
        rows = self._rows("SELECT id FROM cells WHERE substr(id, 1, ?) = ?", len(prefix), prefix)
        return [identity for (identity,) in rows]

    def add_step(self, step: Step, cell: Cell | None) -> None:
        """Store a step as it was asked, with the cell it brings, before anything of it is dispatched."""
        with self._transaction() as connection:
            if cell is not None:
                connection.execute("INSERT OR IGNORE INTO cells VALUES (?, ?)", (cell.id, cell.text()))
                self._cells[cell.id] = cell
            asked = msgspec.json.encode(step).decode()
            connection.execute("INSERT INTO steps VALUES (?, ?, ?, NULL)", (step.number, step.cell, asked))

    def tell_step(self, number: int, verdict: Verdict, elapsed: float) -> None:
        """Store how a step ended, all steps before it having ended.

        Args:
            number: Of the step.
            verdict: How it ended.
            elapsed: Seconds of search so far.
        """
        with self._transaction() as connection:
            text = msgspec.json.encode(verdict).decode()
            connection.execute("UPDATE steps SET verdict = ? WHERE number = ?", (text, number))
            connection.execute("INSERT OR REPLACE INTO facts VALUES ('elapsed', ?)", (repr(elapsed),))

    def steps(self) -> list[tuple[Step, Verdict | None]]:
        """Return all steps in order, those that were told with their verdict."""
        rows = self._rows("SELECT number, asked, verdict FROM steps ORDER BY number")
        steps: list[tuple[Step, Verdict | None]] = []
        for position, (number, asked, verdict) in enumerate(rows):
            if number != position:
                raise self.damaged(f"step {position} is missing")
            if verdict is not None and steps and steps[-1][1] is None:
                raise self.damaged(f"step {number} was told before step {number - 1}")
            steps.append(self._step(number, asked, verdict))
        return steps

    def _step(self, number: int, asked: str, verdict: str | None) -> tuple[Step, Verdict | None]:
        step: Step = self._decoded(asked, Step, f"step {number}")
        if step.number != number:
            raise self.damaged(f"step {number} says it is {step.number}")
        if verdict is None:
            return step, None
        return step, self._decoded(verdict, Verdict, f"step {number}")

    # -- trials -------------------------------------------------------------------------------------------------

    def outcome(self, key: str) -> Outcome | None:
        """Return how a trial ended, None if it has not."""
        rows = self._rows("SELECT state, score, outcome FROM trials WHERE key = ?", key)
        if not rows or rows[0][0] not in ENDED:
            return None
        _, score, text = rows[0]
        outcome: Outcome = self._decoded(text, Outcome, f"trial {short_id(key)}")
        if (score is None) == (outcome.status == "done"):
            raise self.damaged(f"trial {short_id(key)} is {outcome.status} with score {score!r}")
        if score is not None and not (isinstance(score, int | float) and math.isfinite(score)):
            raise self.damaged(f"the score of trial {short_id(key)} is {score!r}")
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
        """Store how an attempt ended.

        Args:
            trial: The trial.
            attempt: The attempt's number.
            outcome: How it ended.

        Returns:
            Whether it counted, which a late or second result does not.
        """
        outcome = finite(outcome)
        with self._transaction() as connection:
            cursor = connection.execute(
                "UPDATE trials SET state = ?, score = ?, outcome = ? WHERE key = ? AND attempt = ? AND state = 'running'",
                (outcome.status, outcome.score, _text(outcome), trial.key, attempt),
            )
            return cursor.rowcount == 1

    def bury(self, trial: Trial, attempt: int, outcome: Outcome, most: int) -> bool:
        """Record a death, and with the last that a trial is allowed the outcome.

        Args:
            trial: The trial.
            attempt: The attempt's number.
            outcome: How it ends if this death is the last.
            most: How many deaths a trial is allowed.

        Returns:
            Whether it was the last.
        """
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
            count = connection.execute("SELECT count(*) FROM trials WHERE state = 'interrupted'")
            return int(count.fetchone()[0])

    def poisoned(self) -> set[Subject]:
        """Return what killed two workers."""
        return {trial.subject for trial in self._trials_where("state IN ('crashed', 'oom') AND deaths >= 2")}

    def host_ended(self) -> list[Trial]:
        """Return the trials that the host ended, by crash, memory, timeout or an error of ours."""
        return self._trials_where(f"state IN {HOST_STATUSES}")

    def _trials_where(self, condition: str) -> list[Trial]:
        rows = self._rows(f"SELECT key, record FROM trials WHERE {condition} ORDER BY key")
        return [self._decoded(record, Trial, f"trial {short_id(key)}") for key, record in rows]

    def reopen(self, trials: Iterable[Trial]) -> None:
        """Put trials back to the queue that had ended, as if they had never been tried."""
        with self._transaction() as connection:
            connection.executemany(
                "UPDATE trials SET state = 'interrupted', deaths = 0, score = NULL, outcome = NULL WHERE key = ?",
                [(trial.key,) for trial in trials],
            )

    def trials(self) -> list[tuple[Trial, Outcome]]:
        """Return all trials that have ended, each with how, by cell and task."""
        rows = self._rows(f"SELECT key, record FROM trials WHERE state IN {ENDED} ORDER BY cell, task, key")
        trials = [(key, self._decoded(record, Trial, f"trial {key[:9]}")) for key, record in rows]
        return [(trial, outcome) for key, trial in trials if (outcome := self.outcome(key)) is not None]

    def trials_of(self, cell: str) -> list[tuple[Trial, Outcome]]:
        """Return the trials of a cell that have ended, each with how, by task."""
        query = f"SELECT key, record FROM trials WHERE cell = ? AND state IN {ENDED} ORDER BY task, key"
        rows = self._rows(query, cell)
        trials = [(key, self._decoded(record, Trial, f"trial {short_id(key)}")) for key, record in rows]
        return [(trial, outcome) for key, trial in trials if (outcome := self.outcome(key)) is not None]

    def count(self) -> int:
        """Return how many trials have ended."""
        return int(self._rows(f"SELECT count(*) FROM trials WHERE state IN {ENDED}")[0][0])


def finite(outcome: Outcome) -> Outcome:
    """Return an outcome whose numbers are finite: JSON and SQLite keep no others. One without a score has diverged."""
    numbers = {name: getattr(outcome, name) for name in NUMBERS}
    wrong = {name: None for name, value in numbers.items() if value is not None and not math.isfinite(value)}
    curve = tuple(p for p in outcome.curve if math.isfinite(p.accuracy) and math.isfinite(p.nll))
    sound = msgspec.structs.replace(outcome, curve=curve, **wrong)
    if sound.status == "done" and sound.score is None:
        return msgspec.structs.replace(sound, status="diverged", reason=f"score {outcome.score}")
    return sound


def _text(outcome: Outcome) -> str:
    """Return an outcome as JSON, without the score, which has a column of its own."""
    return msgspec.json.encode(msgspec.structs.replace(outcome, score=None)).decode()
