"""Cells with equal outputs: told by what they compute of fixed random inputs, beyond the exact identity.

What is compared are outputs in float64 with weights by role (`search.by_role`), to 1e-5. Values that are equal within a
cell, as `max(v, v)` and `v`, or `relu(sigmoid(v))` and `sigmoid(v)`, are made one before, so that they change no role. Equal
outputs with equal random weights are no accident: whoever is told equal here computes the same function; of those that do,
some are told apart, where the roles of their maps differ.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from dataclasses import replace
from functools import lru_cache
from operator import itemgetter
from typing import Generic, NamedTuple, TypeVar

import numpy as np

from archsearch.cell import Cell
from archsearch.errors import CellError
from archsearch.mutations.description import describe_node
from archsearch.protocol.seeds import generator
from archsearch.search.by_role import weights_by_role
from archsearch.search.untrained import Array, hidden_states, values_of_steps

STEPS, BATCH, WIDTH = 5, 4, 8
"""Of the inputs: time steps, sequences, and the width of x and states, more where the heads of a cell do not divide it."""

TOLERANCE = 1e-5
"""How far equal values may lie apart, each brought between -1 and 1."""

ZERO = 1e-12
"""Largest value of a part that is always 0, which may be a sum that cancels but for rounding."""


Key = TypeVar("Key", int, str)


class Behaviour(NamedTuple):
    """What a cell computes of the fixed inputs.

    Attributes:
        fault: Why nobody should train it; None for no reason.
        outputs: Its outputs between -1 and 1, shape (T * B * n,); None where they are no numbers.
    """

    fault: str | None
    outputs: Array | None


@lru_cache(4_096)
def behaviour(cell: Cell) -> Behaviour:
    """Return what a cell computes, and whether a part of it is always 0, or its output never a number."""
    live, width = cell.canonical(), cell.width_from(WIDTH)
    x = _inputs(width)
    steps = list(values_of_steps(live, weights_by_role(live, width), x))
    values = {node.handle: np.stack([step[node.handle] for step in steps]) for node in live.nodes}
    fault = _fault(live, values)
    reduced = _with_equals_made_one(live, values)
    states = values[live.output]
    if reduced is not live:
        states = hidden_states(reduced, weights_by_role(reduced, width), x)
    outputs = _bounded(states)
    return Behaviour(fault, outputs if np.isfinite(outputs).all() else None)


def _inputs(width: int) -> Array:
    return generator("inputs of all cells").standard_normal((STEPS, BATCH, width))


def _bounded(values: Array) -> Array:
    """Return finite values between -1 and 1, in one row."""
    with np.errstate(all="ignore"):
        row: Array = (values / (1 + np.abs(values))).ravel()
    return row


def _fault(cell: Cell, values: dict[int, Array]) -> str | None:
    if not np.isfinite(values[cell.output]).all(axis=(0, 2)).any():
        return "its output is no number"
    for node in cell.ops:
        if np.all(np.abs(values[node.handle]) <= ZERO):
            return f"a part of it is always 0: {describe_node(cell, node.handle)}"
    return None


def _with_equals_made_one(cell: Cell, values: dict[int, Array]) -> Cell:
    """Return the cell in which of equal values all readers read the first, in canonical form."""
    known = Known[int]()
    stands_for = {
        node.handle: known.same_or_new(_bounded(values[node.handle]), node.handle) for node in cell.nodes
    }
    if all(first == handle for handle, first in stands_for.items()):
        return cell
    nodes = tuple(
        replace(node, inputs=tuple(stands_for[source] for source in node.inputs)) for node in cell.nodes
    )
    reduced = replace(cell, nodes=nodes, next=tuple(stands_for[target] for target in cell.next))
    try:
        return reduced.canonical()
    except CellError:  # too symmetric: it stays as it was
        return cell


class Known(Generic[Key]):
    """Rows of numbers between -1 and 1 under a key each, to find those that are equal to 1e-5.

    Attributes:
        rows: The rows by key.
        means: Their means with the keys, in order, by which they are looked up.
    """

    def __init__(self) -> None:
        self.rows: dict[Key, Array] = {}
        self.means: list[tuple[float, Key]] = []

    def same(self, row: Array) -> Key | None:
        """Return the key of a row equal to this one; None if there is none."""
        mean = float(row.mean())
        for place in range(bisect_left(self.means, mean - TOLERANCE, key=itemgetter(0)), len(self.means)):
            other, key = self.means[place]
            if other > mean + TOLERANCE:
                return None
            known = self.rows[key]
            if known.size == row.size and np.all(np.abs(known - row) <= TOLERANCE):
                return key
        return None

    def same_or_new(self, row: Array, key: Key) -> Key:
        """Return the key of a row equal to this one, else keep it under its own; rows that are no numbers equal none."""
        if not np.isfinite(row).all():
            return key
        found = self.same(row)
        if found is None:
            self.rows[key] = row
            insort(self.means, (float(row.mean()), key))
            return key
        return found


class Tried:
    """What the cells compute that the earlier steps of a search brought.

    Attributes:
        ids: Their ids.
        known: Their outputs by id, of equal ones the first.
    """

    def __init__(self) -> None:
        self.ids: set[str] = set()
        self.known = Known[str]()

    def add(self, cell: Cell) -> None:
        """Take in a cell."""
        if cell.id not in self.ids:
            self.ids.add(cell.id)
            outputs = behaviour(cell).outputs
            if outputs is not None:
                self.known.same_or_new(outputs, cell.id)

    def repeats(self, cell: Cell) -> bool:
        """Return whether a cell is none of these, but computes what one of them does."""
        outputs = behaviour(cell).outputs
        return cell.id not in self.ids and outputs is not None and self.known.same(outputs) is not None
