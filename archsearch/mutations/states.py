"""Gives a cell another state, or takes one from it."""

from __future__ import annotations

from dataclasses import replace

from archsearch.cell import Cell, Node


def with_state(cell: Cell, state: int, following: int) -> Cell:
    """Return the cell with one more state, the last, which nothing reads yet.

    Args:
        cell: The cell; it stays as it is.
        state: The new state's handle, which no node has.
        following: Handle of its next value.
    """
    leaves = 1 + len(cell.next)
    new = Node(state, "state", name=_free_name(cell))
    nodes = (*cell.nodes[:leaves], new, *cell.nodes[leaves:])
    return replace(cell, nodes=nodes, next=(*cell.next, following))


def without_state(cell: Cell, state: int, instead: int) -> Cell | None:
    """Return the cell without a state.

    Args:
        cell: The cell; it stays as it is.
        state: Handle of a state other than the first.
        instead: What its readers read.
    """
    place = [node.handle for node in cell.state_nodes].index(state)
    rest = cell.redirected(state, instead)
    assert rest is not None, "reading a state closes no cycle"
    nodes = tuple(node for node in rest.nodes if node.handle != state)
    return replace(rest, nodes=nodes, next=(*rest.next[:place], *rest.next[place + 1 :])).edited({})


def states_read(cell: Cell, node: Node) -> list[int]:
    """Return the places of a node's operands that are states."""
    return [place for place, source in enumerate(node.inputs) if cell.node(source).op == "state"]


def _free_name(cell: Cell) -> str:
    """Return the first of s1, s2 … that nothing in the cell is called."""
    taken = {node.name for node in cell.nodes}
    return next(name for count in range(1, len(taken) + 2) if (name := f"s{count}") not in taken)
