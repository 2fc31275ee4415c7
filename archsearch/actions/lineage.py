"""Where a cell of a run comes from: its line of parents, and how good each of them is."""

from __future__ import annotations

from dataclasses import dataclass

from archsearch.mutations import Applied
from archsearch.protocol.records import Proposer
from archsearch.store import RunStore, read_history
from archsearch.words import short_id


@dataclass(frozen=True)
class Birth:
    """How a cell came to be.

    Attributes:
        cell: Its id.
        parent: The id of the cell that it is a child of; empty for one that was proposed.
        step: The step that brought it first.
        applied: The mutations that made it, in order.
        proposer: Who has brought it, if that was not the search.
    """

    cell: str
    parent: str
    step: int
    applied: tuple[Applied, ...]
    proposer: Proposer = ""

    @property
    def mutations(self) -> list[str]:
        """The mutations in words, such as `remove at z`."""
        return [f"{mutation.operator} at {mutation.words}" for mutation in self.applied]

    def as_dict(self) -> dict[str, object]:
        """Return the record as plain values, as `archsearch show --json` prints it."""
        return {
            "id": self.cell,
            "parent": self.parent or None,
            "step": self.step,
            "mutations": self.mutations,
            "proposer": self.proposer or None,
        }


def read_lineage(store: RunStore, cell: str) -> list[Birth]:
    """Return how a cell of a run and its ancestors came to be, the youngest first; nothing of start cells.

    Raises:
        StoreError: The records cannot be read, or a cell would be its own ancestor.
    """
    line: list[Birth] = []
    while (steps := store.steps.of(cell)) and ((step := steps[0][0]).parent or step.proposer):
        if any(birth.cell == cell for birth in line):
            raise store.database.damaged(f"cell {short_id(cell)} is its own ancestor")
        line.append(Birth(cell, step.parent, step.number, step.applied, step.proposer))
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
    """Return a cell of a run after all its ancestors, the start cell first, or the one that was proposed.

    Raises:
        StoreError: The records cannot be read, or contradict each other.
    """
    births = read_lineage(store, cell)[::-1]
    history, _ = read_history(store, store.facts.plan)

    def ancestor(identity: str, birth: Birth | None) -> Ancestor:
        candidate = history.candidate(identity)
        scored = candidate is not None and candidate.judgement is not None
        return Ancestor(identity, candidate.fitness if candidate and scored else None, birth)

    start = births[0].parent if births else cell
    first = [ancestor(start, None)] if start else []
    return [*first, *(ancestor(birth.cell, birth) for birth in births)]
