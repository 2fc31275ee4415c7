"""What a node does in its cell, by which parts of different cells are exchanged."""

from __future__ import annotations

from typing import Literal

from archsearch.cell import OPS, Cell

Role = Literal["output", "memory", "gate", "map", "function", "combination"]


def role(cell: Cell, handle: int) -> Role:
    """Return what a node that computes something does.

    Returns:
        output: The next value of the first state.
        memory: That of another state.
        gate: A sigmoid that multiplies.
        map: What is learned.
        function: Another function of one value.
        combination: One of two.
    """
    node = cell.node(handle)
    if handle in cell.next:
        return "output" if handle == cell.output else "memory"
    if is_gate(cell, handle):
        return "gate"
    if node.learns:
        return "map"
    return "function" if OPS[node.op].arity == 1 else "combination"


def is_gate(cell: Cell, handle: int) -> bool:
    """Return whether a node is a sigmoid that multiplies."""
    readers = cell.consumers[handle]
    return cell.node(handle).op == "sigmoid" and any(cell.node(reader).op == "mul" for reader in readers)
