"""Runs of a study of cells: of a plan and a seed each, kept in a folder, so that an interrupted study goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from archsearch.cell import Cell
from archsearch.studies.kept_lines import Seeded, kept_or_made


class Planned(Seeded, Protocol):
    """A run of a plan and a seed; each kind is a msgspec.Struct."""

    @property
    def plan(self) -> Any:
        """What was done."""

    @property
    def version(self) -> int:
        """Of the kind of run that made it."""


Run = TypeVar("Run", bound=Planned)


class Plan(Protocol):
    """What each run does; with a seed it decides the result."""

    @property
    def task(self) -> str:
        """The task's name, which files are called after."""


@dataclass(frozen=True)
class PlannedRuns(Generic[Run]):
    """The runs of a study.

    Attributes:
        kind: What a run is, a msgspec.Struct.
        version: Of runs that are made now; others are made again.
        make: Makes a run of a cell, a plan and a seed; tells its last argument how far it is.
    """

    kind: type[Run]
    version: int
    make: Callable[[Cell, Any, int, Callable[[int], None]], Run]

    def __call__(
        self,
        cell: Cell,
        plan: Plan,
        seeds: Iterable[int],
        folder: Path,
        reported: Callable[[int, int], None] = lambda seed, done: None,
    ) -> list[Run]:
        """Return the runs of a cell, those that are kept in the folder and those made now.

        Args:
            cell: The cell.
            plan: What each run does.
            seeds: One for each run.
            folder: Where ended runs are kept.
            reported: Told a run's seed and how far it is.

        Raises:
            InputError: The folder cannot be used, or holds what is no run, or the cell does not fit the budget.
        """
        return kept_or_made(
            folder / f"{plan.task}-{cell.id}.jsonl",
            self.kind,
            seeds,
            is_same=lambda run: run.version == self.version and run.plan == plan,
            make=lambda seed: self.make(cell, plan, seed, partial(reported, seed)),
        )
