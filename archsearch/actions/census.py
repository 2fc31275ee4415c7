"""A census of children: what they have gained, lost and used, in a space and from one cell."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from archsearch.cell import Cell, SearchSpace
from archsearch.mutations import CHILD_DRAWS, Child, no_child, propose
from archsearch.search.alike import Tried, behaviour

LONGEST = 4
"""Children of the longest chain; chains of 1, 2, 3 and 4 take turns."""


@dataclass
class Census:
    """What so many children are like; each is held against the cell that it was drawn from.

    Attributes:
        children: How many there are.
        draws: How many draws that took; the others gave nothing valid, or the parent again.
        gained: Children with more states.
        lost: Children with fewer.
        most_states: The most that one has.
        faults: Children that a search would not train for what they compute, by what that is.
        alike: Others with the outputs of an earlier one, or of the cell itself.
        operators: Children that each operator had a part in.
        ops: Children in which each op stands.
        sound: What a search would train: the children without a fault and with outputs of their own, each once.
    """

    children: int = 0
    draws: int = 0
    gained: int = 0
    lost: int = 0
    most_states: int = 0
    alike: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    operators: Counter[str] = field(default_factory=Counter)
    ops: Counter[str] = field(default_factory=Counter)
    sound: list[Cell] = field(default_factory=list)

    def count(self, parent: Cell, child: Child, draws: int) -> None:
        """Count a child in.

        Args:
            parent: The cell that it was drawn from.
            child: The child.
            draws: How many draws it took.
        """
        more = len(child.cell.states) - len(parent.states)
        self.children += 1
        self.draws += draws
        self.gained += more > 0
        self.lost += more < 0
        self.most_states = max(self.most_states, len(child.cell.states))
        self.operators.update({applied.operator for applied in child.applied})
        self.ops.update({node.op for node in child.cell.nodes if node.op not in ("input", "state")})

    def compare(self, cell: Cell, tried: Tried) -> None:
        """Count what a child computes, beside those before it."""
        if fault := behaviour(cell).fault:
            self.faults[fault.partition(":")[0]] += 1
            return
        if tried.repeats(cell):
            self.alike += 1
        elif cell.id not in tried.ids:
            self.sound.append(cell)
        tried.add(cell)

    def as_document(self) -> dict[str, object]:
        """Return all that is counted, as JSON has it."""
        return {name: value for name, value in vars(self).items() if name != "sound"}


def take_census(
    cell: Cell, space: SearchSpace, rng: np.random.Generator, count: int, magnitude: str = "per_node"
) -> Census:
    """Return what so many children are like, in chains of 1 to 4 in turn from one cell.

    Args:
        cell: The cell.
        space: Its operators, ops and limits.
        rng: Where all chance comes from.
        count: How many.
        magnitude: A key of MAGNITUDES.

    Raises:
        CellError: No valid child in 100 draws.
    """
    census, tried, chain = Census(), Tried(), 0
    tried.add(cell)
    while census.children < count:
        parent = cell
        for _ in range(min(1 + chain % LONGEST, count - census.children)):
            child, draws = _child(parent, space, rng, magnitude)
            census.count(parent, child, draws)
            census.compare(child.cell, tried)
            parent = child.cell
        chain += 1
    return census


def _child(parent: Cell, space: SearchSpace, rng: np.random.Generator, magnitude: str) -> tuple[Child, int]:
    """Return the first valid child, and how many draws it took."""
    for draws in range(1, CHILD_DRAWS + 1):
        if child := propose(parent, space, rng, magnitude):
            return child, draws
    raise no_child(parent, space)
