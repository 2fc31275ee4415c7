"""One run's database: everything needed to go on with it and to replay it. Only the driver writes."""

from __future__ import annotations

import math
import sqlite3
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, get_args

import msgspec

from archsearch.cell import Cell
from archsearch.errors import CellError, StoreError
from archsearch.protocol.checks import LARGEST, plan_faults
from archsearch.protocol.claims import Claim, Pairs
from archsearch.protocol.history import Candidate, Counts, History, Place, place
from archsearch.protocol.plan import RunPlan
from archsearch.protocol.records import ENDED, HOST_STATUSES, Outcome, Step, Subject, Trial, Verdict
from archsearch.store.connecting import CHECKED, RECOVERY, connect, create, guarded
from archsearch.store.seal import asked_seal, claim_seal, fact_seal, record_holds, told_seal, trial_seal
from archsearch.tasks import TaskSource
from archsearch.words import short_id

FILE = "run.db"

CELLS = 1_000
"""Cells that are kept in memory: more than the pool, and the steps that are open."""

NUMBERS = ("score", "accuracy", "nll", "test_accuracy", "test_nll")
"""What an outcome says in numbers that may fail to be finite."""

STEP = "number, cell, asked, verdict, seal"
"""The columns of a step."""

UNFINISHED = "state IN ('running', 'interrupted')"
"""In the very words of the index on such trials, without which SQLite would not use it."""

Ending = Literal["finished", "time", "interrupted", "exhausted", "merged"]
"""How a session of a run ends; an interrupted run is not over, and a merged one never had a session."""


class Session(msgspec.Struct, frozen=True, omit_defaults=True):
    """What people are told of a search from outside; it decides nothing.

    Attributes:
        max_candidates: Candidates after which the run is finished, as was said last; None for no limit.
        max_seconds: Seconds of search after which it is; None for no limit.
        prepared: Seconds of search before the first step; None while references and clones train.
        offered: Seconds that workers were there, all together, until a step was told last.
        waited: How many of these they waited for work.
        host: Where it was searched last, by the name that the machine has for itself; empty where that was not noted.
    """

    max_candidates: int | None = None
    max_seconds: float | None = None
    prepared: float | None = None
    offered: float = 0.0
    waited: float = 0.0
    host: str = ""


class Part(msgspec.Struct, frozen=True):
    """A run that a merged one was made of.

    Attributes:
        run: Its name.
        seed: Its seed.
        steps: Steps that it had told.
        candidates: Candidates that these had tried.
    """

    run: str
    seed: int
    steps: int
    candidates: int


class RunStore:
    """The database of one run.

    It is a context manager that closes itself. Every method that changes something, and every value that is set, is one
    transaction, or part of the one that `group` makes of several. A finished trial stays as it is; a result that comes late
    or twice is ignored. What is stored is believed if its seal holds; a result that does not hold is to be trained again
    where the run goes on, and damage for readers.

    Args:
        connection: The opened database.
        path: Its file.
        write: Whether it may be written.

    Attributes:
        _groups: How many groups are open, one inside the other.
        _cells: The run's cells that were read or added of late, by id.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path, write: bool = False) -> None:
        self.connection, self.path, self.write = connection, path, write
        self._groups = 0
        self._cells: dict[str, Cell] = {}

    @classmethod
    def create(cls, folder: Path, plan: RunPlan) -> RunStore:
        """Make the database of a new run in an existing folder."""
        store = cls(create(folder / FILE), folder / FILE, write=True)
        try:
            store._set_fact("plan", msgspec.json.encode(plan).decode())
        except BaseException:
            store.close()
            raise
        return store

    @classmethod
    def open(cls, folder: Path, write: bool = False, *, again: bool = False) -> RunStore:
        """Open the database of a run.

        Args:
            folder: The run's.
            write: Whether to write.
            again: Whether this process has opened it before, so that the file is not looked through once more.

        Raises:
            StoreError: It is missing, foreign, damaged or too new.
        """
        return cls(connect(folder / FILE, write, again), folder / FILE, write)

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
                if not self.connection.in_transaction:
                    self.connection.execute("BEGIN IMMEDIATE")
                yield self.connection
                if not self._groups:
                    self._commit()
            except BaseException:
                self._roll_back()
                raise

    @contextmanager
    def group(self) -> Iterator[None]:
        """Make one transaction of all changes until the end: one wait for the disk, however many they are.

        It begins with the first change, so that waiting for one holds up nobody. An error that is none of the database's
        keeps what was changed before it.
        """
        self._groups += 1
        try:
            yield
        finally:
            self._groups -= 1
            if not self._groups and self.connection.in_transaction:
                with guarded(self.path):
                    self._commit()

    @contextmanager
    def moment(self) -> Iterator[None]:
        """Make all that is read until the end that of one moment of a run that goes on; its writer is not held up."""
        with guarded(self.path):
            self.connection.execute("BEGIN")
        try:
            yield
        finally:
            self._roll_back()

    def _commit(self) -> None:
        try:
            self.connection.execute("COMMIT")
        except BaseException:
            self._roll_back()
            raise

    def _roll_back(self) -> None:
        if self.connection.in_transaction:  # a full disk has ended it already
            self.connection.execute("ROLLBACK")

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
        rows = self._rows("SELECT value, seal FROM facts WHERE name = ?", name)
        if not rows:
            return None
        value, seal = rows[0]
        if seal != fact_seal(name, value):
            raise self.damaged(f"the {name} of the run does not hold")
        return str(value)

    def _set_fact(self, name: str, value: str | None) -> None:
        with self._transaction() as connection:
            if value is None:
                connection.execute("DELETE FROM facts WHERE name = ?", (name,))
            else:
                put_fact(connection, name, value)

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
    def sources(self) -> dict[str, TaskSource]:
        """Where the files of the user's own tasks lay last, by the tasks' full names."""
        text = self._fact("sources")
        return (
            {}
            if text is None
            else dict(self._decoded(text, dict[str, TaskSource], "the places of own tasks"))
        )

    @sources.setter
    def sources(self, places: Mapping[str, TaskSource]) -> None:
        self._set_fact("sources", msgspec.json.encode(places).decode())

    @property
    def scored(self) -> dict[str, int]:
        """How many positions the validation of each task scores, by full name; none in runs that did not note it."""
        text = self._fact("scored")
        counts: dict[str, int] = (
            {} if text is None else self._decoded(text, dict[str, int], "validation sizes")
        )
        if any(not 0 <= count <= LARGEST for count in counts.values()):
            raise self.damaged(f"the sizes of validations are {text!r}")
        return counts

    @scored.setter
    def scored(self, counts: dict[str, int]) -> None:
        self._set_fact("scored", msgspec.json.encode(counts).decode())

    @property
    def session(self) -> Session | None:
        """What was said of the search last; None in runs that did not note it."""
        text = self._fact("session")
        return None if text is None else self._decoded(text, Session, "what was said of the search")

    @session.setter
    def session(self, session: Session) -> None:
        self._set_fact("session", msgspec.json.encode(session).decode())

    @property
    def merged(self) -> tuple[Part, ...]:
        """What a merged run was made of, by seed; nothing of a run that was searched in."""
        text = self._fact("merged")
        return () if text is None else self._decoded(text, tuple[Part, ...], "what the run was merged from")

    @merged.setter
    def merged(self, parts: tuple[Part, ...]) -> None:
        self._set_fact("merged", msgspec.json.encode(parts).decode())

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
        found = self._cells.pop(cell, None) or self._read_cell(cell)
        return self._remember(found, cell)

    def _remember(self, cell: Cell, identity: str) -> Cell:
        """Keep a cell in memory; the one that was wanted last goes last."""
        self._cells[identity] = cell
        if len(self._cells) > CELLS:
            del self._cells[next(iter(self._cells))]
        return cell

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
        self._remember(cell, cell.id)

    def cells_like(self, prefix: str) -> list[str]:
        """Return the ids that begin with a prefix."""
        query = "SELECT id FROM cells WHERE id >= ? AND id < ? ORDER BY id"
        rows = self._rows(query, prefix, prefix + "\U0010ffff")
        return [identity for (identity,) in rows]

    def add_step(self, step: Step, cell: Cell | None) -> None:
        """Store a step as it was asked, with the cell it brings, before anything of it is dispatched."""
        with self._transaction() as connection:
            if cell is not None:
                connection.execute("INSERT OR IGNORE INTO cells VALUES (?, ?)", (cell.id, cell.text()))
                self._remember(cell, cell.id)
            asked = msgspec.json.encode(step).decode()
            connection.execute(
                "INSERT INTO steps (number, cell, asked, seal) VALUES (?, ?, ?, ?)",
                (step.number, step.cell, asked, asked_seal(step.number, step.cell, asked)),
            )

    def tell_step(self, number: int, verdict: Verdict, elapsed: float) -> None:
        """Store how a step ended, all steps before it having ended.

        Args:
            number: Of the step.
            verdict: How it ended.
            elapsed: Seconds of search so far.
        """
        with self._transaction() as connection:
            text = msgspec.json.encode(verdict).decode()
            (asked,) = connection.execute("SELECT seal FROM steps WHERE number = ?", (number,)).fetchone()
            seal = told_seal(asked, text)
            connection.execute(
                "UPDATE steps SET verdict = ?, seal = ? WHERE number = ?", (text, seal, number)
            )
            put_fact(connection, "elapsed", repr(elapsed))

    def steps(self, since: int = 0) -> list[tuple[Step, Verdict | None]]:
        """Return all steps from a number on, in order, those that were told with their verdict."""
        query = f"SELECT {STEP} FROM steps WHERE number >= ? ORDER BY number"
        steps: list[tuple[Step, Verdict | None]] = []
        for position, (number, cell, asked, verdict, seal) in enumerate(self._rows(query, since), since):
            if number != position:
                raise self.damaged(f"step {position} is missing")
            if verdict is not None and steps and steps[-1][1] is None:
                raise self.damaged(f"step {number} was told before step {number - 1}")
            steps.append(self._step(number, cell, asked, verdict, seal=seal))
        return steps

    @property
    def has_told(self) -> bool:
        """Whether a step was told."""
        return bool(self._rows("SELECT 1 FROM steps WHERE verdict IS NOT NULL LIMIT 1"))

    def _step(
        self, number: int, cell: str, asked: str, verdict: str | None, *, seal: str
    ) -> tuple[Step, Verdict | None]:
        if not step_holds(number, cell, asked, verdict, seal=seal):
            raise self.damaged(f"step {number} does not hold")
        step: Step = self._decoded(asked, Step, f"step {number}")
        if step.number != number:
            raise self.damaged(f"step {number} says it is {step.number}")
        if verdict is None:
            return step, None
        return step, self._decoded(verdict, Verdict, f"step {number}")

    def steps_of(self, cell: str, told: int | None = None) -> list[tuple[Step, Verdict | None]]:
        """Return the steps that tried a cell, in order.

        Args:
            cell: The cell's id.
            told: How many steps, from the first, may be among them; None for all.
        """
        query = f"SELECT {STEP} FROM steps WHERE cell = ? AND number < ? ORDER BY number"
        most = sys.maxsize if told is None else told
        rows = self._rows(query, cell, most)
        return [
            self._step(number, cell, asked, verdict, seal=seal) for number, _, asked, verdict, seal in rows
        ]

    def brought_before(self, number: int) -> list[str]:
        """Return the ids of the cells that the first so many steps brought, in order."""
        query = "SELECT cell FROM steps WHERE number < ? AND cell <> '' GROUP BY cell ORDER BY min(number)"
        return [cell for (cell,) in self._rows(query, number)]

    def count_steps(self) -> int:
        """Return how many steps were asked."""
        return 1 + self._last("steps WHERE true")

    def steps_without_news(self, told: int) -> int:
        """Return how many of the first so many steps, the last of them in a row but for clones, brought nothing new."""
        other = "cell <> '' AND json_extract(asked, '$.kind') <> 'placebo'"
        last = self._last(f"steps WHERE {other} AND number < ?", told)
        query = "SELECT count(*) FROM steps WHERE cell = '' AND number > ? AND number < ?"
        return int(self._rows(query, last, told)[0][0])

    def _last(self, steps: str, *values: Any) -> int:
        rows = self._rows(f"SELECT number FROM {steps} ORDER BY number DESC LIMIT 1", *values)
        return int(rows[0][0]) if rows else -1

    # -- what follows from the told steps -----------------------------------------------------------------------

    def _kept(self, name: str) -> str | None:
        """Return a value that follows from the records; None if it was not kept, or does not hold."""
        rows = self._rows("SELECT value, seal FROM kept WHERE name = ?", name)
        return str(rows[0][0]) if rows and rows[0][1] == fact_seal(name, rows[0][0]) else None

    @property
    def counts(self) -> Counts | None:
        """What the told steps count, as it was kept; None if it was not, or for other steps than these."""
        text = self._kept("counts")
        if text is None:
            return None
        try:
            counts = msgspec.json.decode(text, type=Counts)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None
        return counts if counts.told == 1 + self._last("steps WHERE verdict IS NOT NULL") else None

    def count_told(self) -> tuple[int, int]:
        """Return how many steps were told, and how many candidates they tried."""
        if (counts := self.counts) is not None:
            return counts.told, counts.candidates
        told = [step for step, verdict in self.steps() if verdict is not None]
        return len(told), len({step.cell for step in told if step.kind not in ("nothing", "placebo")})

    def places(self) -> list[Place]:
        """Return the places of the scored candidates and clones, as they were kept, in no order."""
        return list(map(Place._make, self._rows("SELECT -fitness, step, cell FROM scored")))

    def keep_told(self, history: History, candidates: Iterable[Candidate]) -> None:
        """Keep what a history counts, and where some of its candidates stand now.

        Args:
            history: It was told all steps that the database has told.
            candidates: Those whose place may have changed.
        """
        with self._transaction() as connection:
            _keep(connection, "counts", msgspec.json.encode(history.counts).decode())
            for candidate in candidates:
                if candidate.judgement is None:
                    connection.execute("DELETE FROM scored WHERE cell = ?", (candidate.id,))
                else:
                    row = candidate.id, candidate.step, -place(candidate).loss
                    connection.execute("INSERT OR REPLACE INTO scored VALUES (?, ?, ?)", row)

    def keep_history(self, history: History) -> None:
        """Keep what a history counts and where all of its candidates stand, whatever was kept before."""
        with self._transaction() as connection:
            _keep(connection, "counts", msgspec.json.encode(history.counts).decode())
            connection.execute("DELETE FROM scored")
            rows = [(each.id, each.step, -each.loss) for each in (*history.places, *history.placebos)]
            connection.executemany("INSERT INTO scored VALUES (?, ?, ?)", rows)

    # -- trials -------------------------------------------------------------------------------------------------

    def outcome(self, key: str) -> Outcome | None:
        """Return how a trial ended, None if it has not."""
        rows = self._rows("SELECT state, score, outcome, seal FROM trials WHERE key = ?", key)
        if not rows or rows[0][0] not in ENDED:
            return None
        state, score, text, seal = rows[0]
        if not trial_holds(key, state, score, text, seal=seal):
            if not self.write:
                raise self.damaged(f"the result of trial {short_id(key)} does not hold")
            self._reopen(key)
            return None
        outcome: Outcome = self._decoded(text, Outcome, f"trial {short_id(key)}")
        if (score is None) == (outcome.status == "done"):
            raise self.damaged(f"trial {short_id(key)} is {outcome.status} with score {score!r}")
        return msgspec.structs.replace(outcome, score=score)

    def look_through(self) -> None:
        """Put all results that do not hold back to the queue; in a database so large that it is not gone through, none.

        What follows from steps and trials is then made anew, so that what a told step needs of them is trained again.
        """
        if self.path.stat().st_size > CHECKED:
            return
        rows = self._rows(f"SELECT key, state, score, outcome, seal FROM trials WHERE state IN {ENDED}")
        false = [key for key, *ended, seal in rows if not trial_holds(key, *ended, seal=seal)]
        with self.group():
            for key in false:
                self._reopen(key)
            if false:
                with self._transaction() as connection:
                    connection.execute("DELETE FROM kept WHERE name = 'counts'")

    def _reopen(self, key: str) -> None:
        """Put a trial whose result does not hold back to the queue: it gives the same result again."""
        with self._transaction() as connection:
            connection.execute(
                "UPDATE trials SET state = 'interrupted', attempt = CAST(attempt AS INTEGER), score = NULL, "
                "outcome = NULL, seal = NULL WHERE key = ?",
                (key,),
            )
            connection.execute("DELETE FROM kept WHERE name = 'trials'")
        if self._rows("SELECT state FROM trials WHERE key = ?", key) != [("interrupted",)]:
            raise self.damaged(f"the result of trial {short_id(key)} does not hold and cannot be replaced")

    def claim(self, trial: Trial, worker: int) -> int:
        """Record that a worker begins an attempt at a trial; return the attempt's number, from 1."""
        key = trial.key
        with self._transaction() as connection:
            connection.execute(
                "INSERT INTO trials (key, cell, task, record, state, attempt, worker) VALUES (?, ?, ?, ?, 'running', 1, ?) "
                "ON CONFLICT (key) DO UPDATE SET state = 'running', attempt = attempt + 1, worker = excluded.worker "
                f"WHERE state NOT IN {ENDED}",
                (key, trial.cell, trial.task, msgspec.json.encode(trial).decode(), worker),
            )
            row = connection.execute("SELECT attempt FROM trials WHERE key = ?", (key,)).fetchone()
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
                "UPDATE trials SET state = ?, score = ?, outcome = ?, seal = ? "
                "WHERE key = ? AND attempt = ? AND state = 'running'",
                (outcome.status, outcome.score, _text(outcome), _seal(trial, outcome), trial.key, attempt),
            )
            return self._counted(connection, cursor.rowcount == 1)

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
                "outcome = iif(deaths + 1 >= ?, ?, NULL), seal = iif(deaths + 1 >= ?, ?, NULL) "
                "WHERE key = ? AND attempt = ? AND state = 'running' RETURNING deaths",
                (most, outcome.status, most, _text(outcome), most, _seal(trial, outcome), trial.key, attempt),
            )
            return self._counted(connection, any(deaths >= most for (deaths,) in cursor.fetchall()))

    def _counted(self, connection: sqlite3.Connection, ended: bool) -> bool:
        """Count a trial that has ended; return whether it has."""
        if ended:
            known = self._kept("trials")
            _keep(connection, "trials", str(self._count() if known is None else int(known) + 1))
        return ended

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
            connection.execute(
                f"UPDATE trials SET state = 'interrupted' WHERE {UNFINISHED} AND state = 'running'"
            )
            count = connection.execute(f"SELECT count(*) FROM trials WHERE {UNFINISHED}")
            return int(count.fetchone()[0])

    def poisoned(self) -> set[Subject]:
        """Return what killed two workers."""
        return {trial.subject for trial in self._trials_where("state IN ('crashed', 'oom') AND deaths >= 2")}

    def host_ended(self) -> list[Trial]:
        """Return the trials that the host ended, by crash, memory, timeout or an error of ours."""
        return self._trials_where(f"state IN {HOST_STATUSES}")

    def _trials_where(self, condition: str) -> list[Trial]:
        rows = self._rows(f"SELECT key, record FROM trials WHERE {condition} ORDER BY key")
        return [self._trial(key, record) for key, record in rows]

    def reopen(self, trials: Iterable[Trial]) -> None:
        """Put trials back to the queue that had ended, as if they had never been tried."""
        keys = [(trial.key,) for trial in trials]
        if not keys:
            return  # counting a million trials anew takes a second
        with self._transaction() as connection:
            connection.executemany(
                "UPDATE trials SET state = 'interrupted', deaths = 0, score = NULL, outcome = NULL, seal = NULL "
                "WHERE key = ?",
                keys,
            )
            connection.execute("DELETE FROM kept WHERE name = 'trials'")

    def trials(self) -> list[tuple[Trial, Outcome]]:
        """Return all trials that have ended, each with how, by cell and task."""
        rows = self._rows(f"SELECT key, record FROM trials WHERE state IN {ENDED} ORDER BY cell, task, key")
        trials = [(key, self._trial(key, record)) for key, record in rows]
        return [(trial, outcome) for key, trial in trials if (outcome := self.outcome(key)) is not None]

    def some_trials(self, most: int) -> list[tuple[Trial, Outcome]]:
        """Return trials that have ended by themselves, each with how; where there are more, so many drawn at random.

        Keys are hashes, so the first of them are such a draw, and the same one every time.
        """
        query = "SELECT key, record FROM trials WHERE state IN ('done', 'diverged') ORDER BY key LIMIT ?"
        trials = [(key, self._trial(key, record)) for key, record in self._rows(query, most)]
        return [(trial, outcome) for key, trial in trials if (outcome := self.outcome(key)) is not None]

    def _trial(self, key: str, record: str) -> Trial:
        if not record_holds(key, record):
            raise self.damaged(f"the record of trial {short_id(key)} does not hold")
        trial: Trial = self._decoded(record, Trial, f"trial {short_id(key)}")
        return trial

    def host_failures(self) -> dict[str, int]:
        """Return how many trials ended by crash, memory, timeout or an error of ours."""
        query = (
            f"SELECT state, count(*) FROM trials WHERE state IN {HOST_STATUSES} GROUP BY state ORDER BY state"
        )
        return dict(self._rows(query))

    def trials_of(self, cell: str) -> list[tuple[Trial, Outcome]]:
        """Return the trials of a cell that have ended, each with how, by task."""
        query = f"SELECT key, record FROM trials WHERE cell = ? AND state IN {ENDED} ORDER BY task, key"
        trials = [(key, self._trial(key, record)) for key, record in self._rows(query, cell)]
        return [(trial, outcome) for key, trial in trials if (outcome := self.outcome(key)) is not None]

    def count(self) -> int:
        """Return how many trials have ended."""
        known = self._kept("trials")
        return self._count() if known is None else int(known)

    def _count(self) -> int:
        """Count the trials that have ended one by one, as in a run where the number was not kept."""
        return int(self._rows(f"SELECT count(*) FROM trials WHERE NOT {UNFINISHED}")[0][0])

    # -- claims -------------------------------------------------------------------------------------------------

    def claims(self) -> dict[int, tuple[Claim, Pairs]]:
        """Return the run's claims before the referee by number, each with its pairs."""
        rows = self._rows("SELECT number, claim, pairs, seal FROM claims ORDER BY number")
        return {number: self._claim(number, *row) for number, *row in rows}

    def _claim(self, number: int, claim: str, pairs: str, seal: str) -> tuple[Claim, Pairs]:
        if (read := read_claim(number, claim, pairs, seal)) is None:
            raise self.damaged(f"claim {number} does not hold")
        return read

    def keep_claim(self, number: int, claim: Claim, pairs: Pairs) -> None:
        """Store a claim with all pairs that it has.

        Args:
            number: Its place in the ledger.
            claim: The claim.
            pairs: By task, in their order.
        """
        texts = [msgspec.json.encode(of).decode() for of in (claim, pairs)]
        with self._transaction() as connection:
            row = (number, *texts, claim_seal(number, *texts))
            connection.execute("INSERT OR REPLACE INTO claims VALUES (?, ?, ?, ?)", row)


def read_claim(number: Any, claim: Any, pairs: Any, seal: Any) -> tuple[Claim, Pairs] | None:
    """Return a claim and its pairs as a row has them; None if that is not what was stored.

    Args:
        number: Its place in the ledger.
        claim: The claim as JSON.
        pairs: Its pairs as JSON.
        seal: The seal beside them.
    """
    if seal != claim_seal(number, claim, pairs):
        return None
    try:
        read = msgspec.json.decode(claim, type=Claim), msgspec.json.decode(pairs, type=Pairs)
    except (msgspec.DecodeError, TypeError, ValueError, RecursionError):
        return None
    return read if read[0].tasks and set(read[1]) == {task.name for task in read[0].tasks} else None


def _keep(connection: sqlite3.Connection, name: str, value: str) -> None:
    """Keep a value that follows from the records, in the transaction that is open."""
    connection.execute("INSERT OR REPLACE INTO kept VALUES (?, ?, ?)", (name, value, fact_seal(name, value)))


def put_fact(connection: sqlite3.Connection, name: str, value: str) -> None:
    """Store a single value with its seal, in the transaction that is open.

    Args:
        connection: To the database.
        name: Of the value.
        value: The value as text.
    """
    row = (name, value, fact_seal(name, value))
    connection.execute("INSERT OR REPLACE INTO facts (name, value, seal) VALUES (?, ?, ?)", row)


def step_holds(number: int, cell: Any, asked: Any, verdict: Any, *, seal: Any) -> bool:
    """Whether a step's row is what was stored.

    Args:
        number: Of the step.
        cell: The id of its cell.
        asked: The step as JSON.
        verdict: How it ended, as JSON; None while it is open.
        seal: The seal beside them.
    """
    first = asked_seal(number, cell, asked)
    return bool(seal == (first if verdict is None else told_seal(first, verdict)))


def trial_holds(key: str, state: Any, score: Any, outcome: Any, *, seal: Any) -> bool:
    """Whether the row of a trial that has ended is what was stored, with a score that is a number if it has one.

    Args:
        key: Of the trial.
        state: How it ended.
        score: Its score.
        outcome: The rest of its outcome, as JSON.
        seal: The seal beside them.
    """
    if score is not None and not (isinstance(score, float) and math.isfinite(score)):
        return False
    return bool(seal == trial_seal(key, state, score, outcome))


def finite(outcome: Outcome) -> Outcome:
    """Return an outcome whose numbers are finite: JSON and SQLite keep no others. One without a score has diverged."""
    numbers = {name: getattr(outcome, name) for name in NUMBERS}
    wrong = {name: None for name, value in numbers.items() if value is not None and not math.isfinite(value)}
    curve = tuple(p for p in outcome.curve if math.isfinite(p.accuracy) and math.isfinite(p.nll))
    if not wrong and len(curve) == len(outcome.curve) and (outcome.status, outcome.score) != ("done", None):
        return outcome
    sound = msgspec.structs.replace(outcome, curve=curve, **wrong)
    if sound.status == "done" and sound.score is None:
        return msgspec.structs.replace(sound, status="diverged", reason=f"score {outcome.score}")
    return sound


def _seal(trial: Trial, outcome: Outcome) -> str:
    return trial_seal(trial.key, outcome.status, outcome.score, _text(outcome))


def _text(outcome: Outcome) -> str:
    """Return an outcome as JSON, without the score, which has a column of its own."""
    return msgspec.json.encode(msgspec.structs.replace(outcome, score=None)).decode()
