"""The states of a layer in two orders: that of the cell's text, for people, and that of its canonical form, for engines.

The places of a cell, one for each canonical state, lead from the one to the other.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from archsearch.cell import Cell

State = Tensor | tuple[Tensor, ...]
"""One tensor for a cell with one state, else a tuple of tensors in the written order."""


def written_places(cell: Cell) -> tuple[int, ...]:
    """Return for each canonical state of a cell its place among those that matter as written."""
    ranks = {position: rank for rank, position in enumerate(sorted(cell.state_order))}
    return tuple(ranks[position] for position in cell.state_order)


def in_written_order(states: Sequence[Tensor], places: tuple[int, ...]) -> State:
    """Return states in canonical order, of any shape, as the cell's text has them."""
    if len(states) == 1:
        return states[0]
    return tuple(states[rank] for rank in sorted(range(len(states)), key=places.__getitem__))


def plain_states(hx: object, places: tuple[int, ...]) -> tuple[Tensor, ...] | None:
    """Return states as given, of any shape, in canonical order, none for None; None for what is no State of the cell."""
    if hx is None:
        return ()
    if len(places) == 1:
        return (hx,) if isinstance(hx, Tensor) else None
    if isinstance(hx, tuple) and [isinstance(state, Tensor) for state in hx] == [True] * len(places):
        return tuple([hx[place] for place in places])
    return None
