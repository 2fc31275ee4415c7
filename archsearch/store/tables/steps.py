"""The steps of a run: each as it was asked, and how it ended once it was told."""

from __future__ import annotations

import sys
from typing import Any

import msgspec

from archsearch.cell import Cell
from archsearch.protocol.records import Step, Verdict
from archsearch.store.database import Database
from archsearch.store.seal import asked_seal, step_holds, told_seal
from archsearch.store.tables.cells import CellTable
from archsearch.store.tables.facts import FactTable

STEP = "number, cell, asked, verdict, seal"
"""The columns of a step."""


class StepTable:
    """The table `steps`.

    Args:
        database: The run's.
        facts: Where the seconds of search stand, which every told step moves on.
        cells: Where the cells stand that steps bring.
    """

    def __init__(self, database: Database, facts: FactTable, cells: CellTable) -> None:
        self.database, self.facts, self.cells = database, facts, cells

    def add(self, step: Step, cell: Cell | None) -> None:
        """Store a step as it was asked, with the cell it brings, before anything of it is dispatched."""
        with self.database.transaction() as connection:
            if cell is not None:
                self.cells.put(connection, cell)
            asked = msgspec.json.encode(step).decode()
            connection.execute(
                "INSERT INTO steps (number, cell, asked, seal) VALUES (?, ?, ?, ?)",
                (step.number, step.cell, asked, asked_seal(step.number, step.cell, asked)),
            )

    def tell(self, number: int, verdict: Verdict, elapsed: float) -> None:
        """Store how a step ended, all steps before it having ended.

        Args:
            number: Of the step.
            verdict: How it ended.
            elapsed: Seconds of search so far.
        """
        with self.database.transaction() as connection:
            text = msgspec.json.encode(verdict).decode()
            (asked,) = connection.execute("SELECT seal FROM steps WHERE number = ?", (number,)).fetchone()
            seal = told_seal(asked, text)
            connection.execute(
                "UPDATE steps SET verdict = ?, seal = ? WHERE number = ?", (text, seal, number)
            )
            self.facts.put(connection, "elapsed", repr(elapsed))

    def read(self, since: int = 0) -> list[tuple[Step, Verdict | None]]:
        """Return all steps from a number on, in order, those that were told with their verdict."""
        query = f"SELECT {STEP} FROM steps WHERE number >= ? ORDER BY number"
        steps: list[tuple[Step, Verdict | None]] = []
        for position, (number, cell, asked, verdict, seal) in enumerate(
            self.database.rows(query, since), since
        ):
            if number != position:
                raise self.database.damaged(f"step {position} is missing")
            if verdict is not None and steps and steps[-1][1] is None:
                raise self.database.damaged(f"step {number} was told before step {number - 1}")
            steps.append(self._step(number, cell, asked, verdict, seal=seal))
        return steps

    def of(self, cell: str, told: int | None = None) -> list[tuple[Step, Verdict | None]]:
        """Return the steps that tried a cell, in order.

        Args:
            cell: The cell's id.
            told: How many steps, from the first, may be among them; None for all.
        """
        query = f"SELECT {STEP} FROM steps WHERE cell = ? AND number < ? ORDER BY number"
        most = sys.maxsize if told is None else told
        rows = self.database.rows(query, cell, most)
        return [
            self._step(number, cell, asked, verdict, seal=seal) for number, _, asked, verdict, seal in rows
        ]

    def _step(
        self, number: int, cell: str, asked: str, verdict: str | None, *, seal: str
    ) -> tuple[Step, Verdict | None]:
        if not step_holds(number, cell, asked, verdict, seal=seal):
            raise self.database.damaged(f"step {number} does not hold")
        step: Step = self.database.decoded(asked, Step, f"step {number}")
        if step.number != number:
            raise self.database.damaged(f"step {number} says it is {step.number}")
        if verdict is None:
            return step, None
        return step, self.database.decoded(verdict, Verdict, f"step {number}")

    @property
    def has_told(self) -> bool:
        """Whether a step was told."""
        return bool(self.database.rows("SELECT 1 FROM steps WHERE verdict IS NOT NULL LIMIT 1"))

    def brought_before(self, number: int) -> list[str]:
        """Return the ids of the cells that the first so many steps brought, in order."""
        query = "SELECT cell FROM steps WHERE number < ? AND cell <> '' GROUP BY cell ORDER BY min(number)"
        return [cell for (cell,) in self.database.rows(query, number)]

    def count(self) -> int:
        """Return how many steps were asked."""
        return 1 + self._last("steps WHERE true")

    def count_told(self) -> int:
        """Return how many steps were told."""
        return 1 + self._last("steps WHERE verdict IS NOT NULL")

    def without_news(self, told: int) -> int:
        """Return how many of the first so many steps, the last of them in a row but for clones, brought nothing new."""
        other = "cell <> '' AND json_extract(asked, '$.kind') <> 'placebo'"
        last = self._last(f"steps WHERE {other} AND number < ?", told)
        query = "SELECT count(*) FROM steps WHERE cell = '' AND number > ? AND number < ?"
        return int(self.database.rows(query, last, told)[0][0])

    def _last(self, steps: str, *values: Any) -> int:
        rows = self.database.rows(f"SELECT number FROM {steps} ORDER BY number DESC LIMIT 1", *values)
        return int(rows[0][0]) if rows else -1
