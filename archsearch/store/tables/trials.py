"""The trials of a run: what is being attempted, and how the others ended."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Any

import msgspec

from archsearch.protocol.records import ENDED, HOST_STATUSES, Outcome, Subject, Trial
from archsearch.store.connecting import CHECKED
from archsearch.store.database import Database
from archsearch.store.outcomes import finite, outcome_text
from archsearch.store.seal import record_holds, trial_holds, trial_seal
from archsearch.store.tables.kept import KeptTable
from archsearch.words import short_id

UNFINISHED = "state IN ('running', 'interrupted')"
"""In the very words of the index on such trials, without which SQLite would not use it."""


class TrialTable:
    """The table `trials`; what the dispatcher files trials in (`workers.trial_log.TrialLog`).

    A finished trial stays as it is; a result that comes late or twice is ignored. A result that does not hold is to be
    trained again where the run goes on, and damage for readers.

    Args:
        database: The run's.
        kept: Where the number of ended trials stands.
    """

    def __init__(self, database: Database, kept: KeptTable) -> None:
        self.database, self.kept = database, kept

    def group(self) -> AbstractContextManager[None]:
        """Make one transaction of all that is filed until the end."""
        return self.database.group()

    def claim(self, trial: Trial, worker: int) -> int:
        """Record that a worker begins an attempt at a trial; return the attempt's number, from 1."""
        key = trial.key
        with self.database.transaction() as connection:
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
        with self.database.transaction() as connection:
            cursor = connection.execute(
                "UPDATE trials SET state = ?, score = ?, outcome = ?, seal = ? "
                "WHERE key = ? AND attempt = ? AND state = 'running'",
                (
                    outcome.status,
                    outcome.score,
                    outcome_text(outcome),
                    _seal(trial, outcome),
                    trial.key,
                    attempt,
                ),
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
        with self.database.transaction() as connection:
            cursor = connection.execute(
                "UPDATE trials SET deaths = deaths + 1, state = iif(deaths + 1 >= ?, ?, 'interrupted'), "
                "outcome = iif(deaths + 1 >= ?, ?, NULL), seal = iif(deaths + 1 >= ?, ?, NULL) "
                "WHERE key = ? AND attempt = ? AND state = 'running' RETURNING deaths",
                (
                    most,
                    outcome.status,
                    most,
                    outcome_text(outcome),
                    most,
                    _seal(trial, outcome),
                    trial.key,
                    attempt,
                ),
            )
            return self._counted(connection, any(deaths >= most for (deaths,) in cursor.fetchall()))

    def _counted(self, connection: sqlite3.Connection, ended: bool) -> bool:
        """Count a trial that has ended; return whether it has."""
        if ended:
            known = self.kept.value("trials")
            self.kept.put(connection, "trials", str(self._count() if known is None else int(known) + 1))
        return ended

    def release(self, trial: Trial, attempt: int) -> None:
        """Put back an attempt that its worker never began."""
        with self.database.transaction() as connection:
            connection.execute(
                "UPDATE trials SET state = 'interrupted' WHERE key = ? AND attempt = ? AND state = 'running'",
                (trial.key, attempt),
            )

    def take_over(self, trial: Trial, outcome: Outcome) -> None:
        """Store a trial that was trained elsewhere under the same record."""
        self.finish(trial, self.claim(trial, 0), outcome)

    def interrupt(self) -> int:
        """Put the attempts that a driver left running back to the queue; return how many trials wait there."""
        with self.database.transaction() as connection:
            connection.execute(
                f"UPDATE trials SET state = 'interrupted' WHERE {UNFINISHED} AND state = 'running'"
            )
            count = connection.execute(f"SELECT count(*) FROM trials WHERE {UNFINISHED}")
            return int(count.fetchone()[0])

    def reopen(self, trials: Iterable[Trial]) -> None:
        """Put trials back to the queue that had ended, as if they had never been tried."""
        keys = [(trial.key,) for trial in trials]
        if not keys:
            return  # counting a million trials anew takes a second
        with self.database.transaction() as connection:
            connection.executemany(
                "UPDATE trials SET state = 'interrupted', deaths = 0, score = NULL, outcome = NULL, seal = NULL "
                "WHERE key = ?",
                keys,
            )
            self.kept.drop(connection, "trials")

    def outcome(self, key: str) -> Outcome | None:
        """Return how a trial ended, None if it has not."""
        rows = self.database.rows("SELECT state, score, outcome, seal FROM trials WHERE key = ?", key)
        if not rows or rows[0][0] not in ENDED:
            return None
        state, score, text, seal = rows[0]
        if not trial_holds(key, state, score, text, seal=seal):
            if not self.database.write:
                raise self.database.damaged(f"the result of trial {short_id(key)} does not hold")
            self._reopen(key)
            return None
        outcome: Outcome = self.database.decoded(text, Outcome, f"trial {short_id(key)}")
        if (score is None) == (outcome.status == "done"):
            raise self.database.damaged(f"trial {short_id(key)} is {outcome.status} with score {score!r}")
        return msgspec.structs.replace(outcome, score=score)

    def look_through(self) -> None:
        """Put all results that do not hold back to the queue; in a database so large that it is not gone through, none.

        What follows from steps and trials is then made anew, so that what a told step needs of them is trained again.
        """
        if self.database.path.stat().st_size > CHECKED:
            return
        rows = self.database.rows(
            f"SELECT key, state, score, outcome, seal FROM trials WHERE state IN {ENDED}"
        )
        false = [key for key, *ended, seal in rows if not trial_holds(key, *ended, seal=seal)]
        with self.database.group():
            for key in false:
                self._reopen(key)
            if false:
                with self.database.transaction() as connection:
                    self.kept.drop(connection, "counts")

    def _reopen(self, key: str) -> None:
        """Put a trial whose result does not hold back to the queue: it gives the same result again."""
        with self.database.transaction() as connection:
            connection.execute(
                "UPDATE trials SET state = 'interrupted', attempt = CAST(attempt AS INTEGER), score = NULL, "
                "outcome = NULL, seal = NULL WHERE key = ?",
                (key,),
            )
            self.kept.drop(connection, "trials")
        if self.database.rows("SELECT state FROM trials WHERE key = ?", key) != [("interrupted",)]:
            raise self.database.damaged(
                f"the result of trial {short_id(key)} does not hold and cannot be replaced"
            )

    def poisoned(self) -> set[Subject]:
        """Return what killed two workers."""
        return {
            trial.subject
            for _, trial in self._found("state IN ('crashed', 'oom') AND deaths >= 2 ORDER BY key")
        }

    def host_ended(self) -> list[Trial]:
        """Return the trials that the host ended, by crash, memory, timeout or an error of ours."""
        return [trial for _, trial in self._found(f"state IN {HOST_STATUSES} ORDER BY key")]

    def host_failures(self) -> dict[str, int]:
        """Return how many trials ended by crash, memory, timeout or an error of ours."""
        query = (
            f"SELECT state, count(*) FROM trials WHERE state IN {HOST_STATUSES} GROUP BY state ORDER BY state"
        )
        return dict(self.database.rows(query))

    def ended(self) -> list[tuple[Trial, Outcome]]:
        """Return all trials that have ended, each with how, by cell and task."""
        return self._with_outcomes(f"state IN {ENDED} ORDER BY cell, task, key")

    def of(self, cell: str) -> list[tuple[Trial, Outcome]]:
        """Return the trials of a cell that have ended, each with how, by task."""
        return self._with_outcomes(f"cell = ? AND state IN {ENDED} ORDER BY task, key", cell)

    def some(self, most: int) -> list[tuple[Trial, Outcome]]:
        """Return trials that have ended by themselves, each with how; where there are more, so many drawn at random.

        Keys are hashes, so the first of them are such a draw, and the same one every time.
        """
        return self._with_outcomes("state IN ('done', 'diverged') ORDER BY key LIMIT ?", most)

    def _with_outcomes(self, which: str, *values: Any) -> list[tuple[Trial, Outcome]]:
        trials = self._found(which, *values)
        return [(trial, outcome) for key, trial in trials if (outcome := self.outcome(key)) is not None]

    def _found(self, which: str, *values: Any) -> list[tuple[str, Trial]]:
        """Return trials by key.

        Args:
            which: Which, and in which order, as SQL has it after WHERE.
            values: For the question marks in it.
        """
        rows = self.database.rows(f"SELECT key, record FROM trials WHERE {which}", *values)
        return [(key, self._trial(key, record)) for key, record in rows]

    def _trial(self, key: str, record: str) -> Trial:
        if not record_holds(key, record):
            raise self.database.damaged(f"the record of trial {short_id(key)} does not hold")
        trial: Trial = self.database.decoded(record, Trial, f"trial {short_id(key)}")
        return trial

    def count(self) -> int:
        """Return how many trials have ended."""
        known = self.kept.value("trials")
        return self._count() if known is None else int(known)

    def _count(self) -> int:
        """Count the trials that have ended one by one, as in a run where the number was not kept."""
        return int(self.database.rows(f"SELECT count(*) FROM trials WHERE NOT {UNFINISHED}")[0][0])


def _seal(trial: Trial, outcome: Outcome) -> str:
    return trial_seal(trial.key, outcome.status, outcome.score, outcome_text(outcome))
