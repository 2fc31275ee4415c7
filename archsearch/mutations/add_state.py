"""Split a state in two, with a gate between them, as the LSTM has its memory behind an output gate.

The new state takes what was the old one's next value; the old state takes that through a new gate. Of `h' = v` it makes
`s' = v` and `h' = v * sigmoid(linear(x) + linear(h))`, where some of what read h reads s.
"""

from __future__ import annotations

import numpy as np

from archsearch.cell import Cell, Node, SearchSpace
from archsearch.mutations.ancestry import random_choice
from archsearch.mutations.edges import with_operand
from archsearch.mutations.states import with_state

HALF = 0.5
"""Probability that a reader of the old state reads the new one; one of them surely does."""


def add_state(cell: Cell, node: Node, space: SearchSpace, rng: np.random.Generator) -> Cell | None:
    """Return `cell` with the state split whose next value is `node`, or None if there is none, or nothing reads it.

    Args:
        cell: The cell; it stays as it is.
        node: Where the operator is applied.
        space: What the search may use.
        rng: Where chance comes from.
    """
    following = zip(cell.state_nodes, cell.next, strict=True)
    split = [
        state.handle for state, target in following if target == node.handle and cell.consumers[state.handle]
    ]
    if not split:
        return None
    old, new = random_choice(split, rng), cell.fresh_handle()
    changed = _reading(cell, old, new, rng)
    gate = _gate(cell.x.handle, old, new + 1)
    gated = Node(gate[-1].handle + 1, "mul", (node.handle, gate[-1].handle))
    changed |= {part.handle: part for part in (*gate, gated)}
    next_values = tuple(
        gated.handle if state.handle == old else target
        for state, target in zip(cell.state_nodes, cell.next, strict=True)
    )
    return with_state(cell, new, node.handle).edited(changed, (*next_values, node.handle))


def _reading(cell: Cell, old: int, new: int, rng: np.random.Generator) -> dict[int, Node]:
    """Return the readers of a state of which some edges lead from the new one instead."""
    readers = [cell.node(handle) for handle in sorted(set(cell.consumers[old]))]
    edges = [
        (reader.handle, place)
        for reader in readers
        for place, source in enumerate(reader.inputs)
        if source == old
    ]
    moved = rng.random(len(edges)) < HALF
    moved[rng.integers(len(edges))] = True
    changed = {reader.handle: reader for reader in readers}
    for (handle, place), moves in zip(edges, moved, strict=True):
        if moves:
            changed[handle] = with_operand(changed[handle], place, new)
    return changed


def _gate(x: int, state: int, first: int) -> tuple[Node, ...]:
    """Return the nodes of `sigmoid(linear(x) + linear(state, bias=none))`, with handles from `first` on."""
    of_x = Node(first, "linear", (x,))
    of_state = Node(first + 1, "linear", (state,), (("bias", None),))
    total = Node(first + 2, "add", (first, first + 1))
    return of_x, of_state, total, Node(first + 3, "sigmoid", (first + 2,))
