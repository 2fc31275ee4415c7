"""Where a cell of a run comes from: its line of parents, and how good each of them is."""

from __future__ import annotations

from dataclasses import dataclass

from archsearch.mutations import Applied
from archsearch.store import RunStore, read_history


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


@dataclass(frozen=True)
class Ancestor:
    """One place of a family tree.

    Attributes:
        cell: The cell's id.
        fitness: What the told steps say of it; None if it has none.
        birth: How it came to be; None for a start cell.
    """

    cell: str
    fitness: float | None
    birth: Birth | None


def read_family(store: RunStore, cell: str) -> list[Ancestor]:
    """Return a cell of a run after all its ancestors, the start cell first.

    Raises:
        StoreError: The records cannot be read, or contradict each other.
    """
    births = read_lineage(store, cell)[::-1]
    history, _ = read_history(store, store.plan)

    def ancestor(identity: str, birth: Birth | None) -> Ancestor:
        candidate = history.candidate(identity)
        scored = candidate is not None and candidate.judgement is not None
        return Ancestor(identity, candidate.fitness if candidate and scored else None, birth)

    root = births[0].parent if births else cell
    return [ancestor(root, None), *(ancestor(birth.cell, birth) for birth in births)]
