"""A node of a cell's graph: what is computed at one place."""

from __future__ import annotations

from dataclasses import dataclass

from archsearch.cell.ops import OPS, Arguments

LEAVES = ("input", "state", "number")


@dataclass(frozen=True, slots=True)
class Node:
    """One place in the graph.

    Attributes:
        handle: Its number, unique in the cell and kept while the cell is edited.
        op: A key of OPS, or "input", "state", "number".
        inputs: Handles of the operands.
        args: Arguments that differ from their default; a number holds its value as `value`.
        name: What the text calls it, or None.
        like: Handle of the linear map whose matrix it multiplies with, its own if others do so with that; None where nothing
            is shared. It is no operand: `cell.sharing` keeps it true.
        transposed: Whether it multiplies with the transpose of that matrix.
    """

    handle: int
    op: str
    inputs: tuple[int, ...] = ()
    args: Arguments = ()
    name: str | None = None
    like: int | None = None
    transposed: bool = False

    def argument(self, name: str) -> float | None:
        """Return an argument, its default where none was given."""
        return dict(self.args).get(name, OPS[self.op].defaults[name])

    @property
    def value(self) -> float:
        """The value of a number node."""
        value = self.args[0][1]
        assert self.op == "number" and value is not None
        return value

    @property
    def learns(self) -> bool:
        """Whether the node computes with parameters."""
        return self.op in OPS and OPS[self.op].learns

    @property
    def owner(self) -> int:
        """Handle of the node that has the matrix, or the learned vector, that this one computes with."""
        return self.handle if self.like is None else self.like

    @property
    def owns(self) -> bool:
        """Whether it computes with a matrix, or a learned vector, and has that itself."""
        return self.learns and self.owner == self.handle

    @property
    def has_bias(self) -> bool:
        """Whether the node is a linear map with a bias."""
        return self.op == "linear" and self.argument("bias") is not None

    @property
    def heads(self) -> int:
        """How many equal blocks a linear map has along its diagonal, and nothing beside them; 1 for every other node."""
        return int(self.argument("heads") or 1) if self.op == "linear" else 1
