"""Where a cell of a run comes from: its line of parents."""

from __future__ import annotations

from dataclasses import dataclass

from archsearch.mutations import Applied
from archsearch.store import RunStore


@dataclass(frozen=True)
class Birth:
    """How a cell came to be.

    Attributes:
        cell: Its id.
        parent: The id of the cell that it is a child of.
        step: The step that brought it first.
        applied: The mutations that made it, in order.
    """

    cell: str
    parent: str
    step: int
    applied: tuple[Applied, ...]

    @property
    def mutations(self) -> list[str]:
        """The mutations in words, such as `remove at z`."""
        return [f"{mutation.operator} at {mutation.words}" for mutation in self.applied]

    def as_dict(self) -> dict[str, object]:
        """Return the record as plain values, as `archsearch show --json` prints it."""
        return {"id": self.cell, "parent": self.parent, "step": self.step, "mutations": self.mutations}


def read_lineage(store: RunStore, cell: str) -> list[Birth]:
    """Return the line of parents of a cell of a run, the youngest first; start cells have none."""
    line: list[Birth] = []
    while (steps := store.steps_of(cell)) and steps[0][0].parent:
        step, _ = steps[0]
        line.append(Birth(cell, step.parent, step.number, step.applied))
        cell = step.parent
    return line
