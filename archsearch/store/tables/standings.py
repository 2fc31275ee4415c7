"""What follows from the told steps: what they count, and where the scored candidates and clones stand."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

import msgspec

from archsearch.protocol.history import Candidate, Counts, History, Place, place
from archsearch.store.database import Database
from archsearch.store.tables.kept import KeptTable
from archsearch.store.tables.steps import StepTable


class Standings:
    """The table `scored`, and the counts beside it.

    Args:
        database: The run's.
        kept: Where the counts stand.
        steps: What both follow from.
    """

    def __init__(self, database: Database, kept: KeptTable, steps: StepTable) -> None:
        self.database, self.kept, self.steps = database, kept, steps

    @property
    def counts(self) -> Counts | None:
        """What the told steps count, as it was kept; None if it was not, or for other steps than these."""
        text = self.kept.value("counts")
        if text is None:
            return None
        try:
            counts = msgspec.json.decode(text, type=Counts)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None
        return counts if counts.told == self.steps.count_told() else None

    def told_and_candidates(self) -> tuple[int, int]:
        """Return how many steps were told, and how many candidates they tried."""
        if (counts := self.counts) is not None:
            return counts.told, counts.candidates
        told = [step for step, verdict in self.steps.read() if verdict is not None]
        return len(told), len({step.cell for step in told if step.kind not in ("nothing", "placebo")})

    def places(self) -> list[Place]:
        """Return the places of the scored candidates and clones, as they were kept, in no order."""
        return list(map(Place._make, self.database.rows("SELECT -fitness, step, cell FROM scored")))

    def keep(self, history: History, candidates: Iterable[Candidate]) -> None:
        """Keep what a history counts, and where some of its candidates stand now.

        Args:
            history: It was told all steps that the database has told.
            candidates: Those whose place may have changed.
        """
        with self.database.transaction() as connection:
            self._put_counts(connection, history)
            for candidate in candidates:
                if candidate.judgement is None:
                    connection.execute("DELETE FROM scored WHERE cell = ?", (candidate.id,))
                else:
                    row = candidate.id, candidate.step, -place(candidate).loss
                    connection.execute("INSERT OR REPLACE INTO scored VALUES (?, ?, ?)", row)

    def keep_all(self, history: History) -> None:
        """Keep what a history counts and where all of its candidates stand, whatever was kept before."""
        with self.database.transaction() as connection:
            self._put_counts(connection, history)
            connection.execute("DELETE FROM scored")
            rows = [(each.id, each.step, -each.loss) for each in (*history.places, *history.placebos)]
            connection.executemany("INSERT INTO scored VALUES (?, ?, ?)", rows)

    def _put_counts(self, connection: sqlite3.Connection, history: History) -> None:
        self.kept.put(connection, "counts", msgspec.json.encode(history.counts).decode())
