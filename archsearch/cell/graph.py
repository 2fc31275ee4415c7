"""A frozen computation graph with an input x, states, and one next value per state: what can be read off and edited.

Jozefowicz et al. (2015), section 3.1: M states and the input come in, M states go out, every node has the same width.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Self

from archsearch.cell.node import LEAVES, Node
from archsearch.cell.ops import Arguments
from archsearch.cell.sharing import settled


@dataclass(frozen=True)
class Graph:
    """The graph of a recurrent cell.

    Attributes:
        name: What the text calls it; no part of its identity.
        nodes: In an order in which every node follows its operands: x, the states as written, the rest.
        next: For each state the handle of its next value.
        note: The comment lines before the cell, without `# `.
    """

    name: str
    nodes: tuple[Node, ...]
    next: tuple[int, ...]
    note: tuple[str, ...] = field(default=(), compare=False)

    @cached_property
    def _by_handle(self) -> dict[int, Node]:
        return {node.handle: node for node in self.nodes}

    def __contains__(self, handle: int) -> bool:
        return handle in self._by_handle

    def node(self, handle: int) -> Node:
        """Return the node with this handle."""
        return self._by_handle[handle]

    @property
    def x(self) -> Node:
        """The layer's input."""
        return self.nodes[0]

    @cached_property
    def state_nodes(self) -> tuple[Node, ...]:
        """The states, in written order; the first is the layer's output."""
        return tuple(node for node in self.nodes if node.op == "state")

    @property
    def states(self) -> tuple[str, ...]:
        """The names of the states, in written order."""
        return tuple(node.name or "" for node in self.state_nodes)

    @property
    def output(self) -> int:
        """Handle of the value that the layer puts out: the next value of the first state."""
        return self.next[0]

    @cached_property
    def ops(self) -> tuple[Node, ...]:
        """The nodes that compute something, in order."""
        return tuple(node for node in self.nodes if node.op not in LEAVES)

    @cached_property
    def consumers(self) -> dict[int, tuple[int, ...]]:
        """For each handle the handles that read it, one entry per edge; next values are no entries here."""
        readers: dict[int, list[int]] = {node.handle: [] for node in self.nodes}
        for node in self.nodes:
            for source in node.inputs:
                readers[source].append(node.handle)
        return {handle: tuple(of) for handle, of in readers.items()}

    def ancestors(self, handle: int) -> tuple[int, ...]:
        """Return the handles that `handle` is computed from within the step, in the order of the cell's nodes."""
        found: set[int] = set()
        pending = list(self.node(handle).inputs)
        while pending:
            current = pending.pop()
            if current not in found:
                found.add(current)
                pending.extend(self.node(current).inputs)
        return tuple(node.handle for node in self.nodes if node.handle in found)

    def renamed(self, name: str, note: Iterable[str] | None = None) -> Self:
        """Return the same graph under another name, with another note if one is given."""
        return replace(self, name=name, note=self.note if note is None else tuple(note))

    def edited(self, changed: Mapping[int, Node], next_values: tuple[int, ...] | None = None) -> Self | None:
        """Return the cell with nodes replaced or added, unused nodes dropped, or None if that closes a cycle.

        A matrix that is shared stays with the maps that are left.

        Args:
            changed: Nodes by handle; a handle that the cell lacks is a new node.
            next_values: The next values' handles, if they change.
        """
        nodes = {**self._by_handle, **changed}
        following = self.next if next_values is None else next_values
        order = _ordered(nodes, [self.x.handle, *(s.handle for s in self.state_nodes), *following])
        if order is None:
            return None
        return replace(self, nodes=settled(nodes[handle] for handle in order), next=following)

    def with_op(self, node: Node, op: str, args: Arguments = ()) -> Self:
        """Return the cell with another op at `node`, on the same operands; it shares no matrix.

        Args:
            node: One of the cell's.
            op: A key of OPS with as many operands.
            args: Arguments that differ from the op's defaults.
        """
        graph = self.edited({node.handle: Node(node.handle, op, node.inputs, args, node.name)})
        assert graph is not None, "another op on the same operands closes no cycle"
        return graph

    def redirected(self, old: int, new: int) -> Self | None:
        """Return the cell in which all that read `old` read `new`, or None if that closes a cycle."""
        changed = {
            node.handle: replace(
                node, inputs=tuple(new if source == old else source for source in node.inputs)
            )
            for node in self.nodes
            if old in node.inputs
        }
        return self.edited(changed, tuple(new if handle == old else handle for handle in self.next))

    def fresh_handle(self) -> int:
        """Return a handle that no node of this cell has."""
        return max(self._by_handle) + 1


def is_input_linear(node: Node, x: int) -> bool:
    """Whether a node is a linear map that reads the input at the input's own size; one with a shared matrix does not."""
    plain = node.op == "linear" and not node.argument("diag") and node.heads == 1 and node.like is None
    return plain and node.inputs == (x,)


def scale_start(cell: Graph, scale: Node) -> float | None:
    """Return what all entries of a learned vector start at: as the cell says, else 1 after a `norm`; None where drawn.

    Args:
        cell: Where the node stands.
        scale: A `scale` of it.
    """
    said = scale.argument("start")
    return 1.0 if said is None and cell.node(scale.inputs[0]).op == "norm" else said


def _ordered(nodes: Mapping[int, Node], roots: Iterable[int]) -> list[int] | None:
    """Return the handles that the roots need, operands first, or None if they lie on a cycle. Without recursion."""
    done: dict[int, bool] = {}
    order: list[int] = []
    for root in roots:
        stack = [(root, False)]
        while stack:
            handle, leaving = stack.pop()
            if leaving:
                done[handle] = True
                order.append(handle)
            elif handle not in done:
                done[handle] = False
                stack.append((handle, True))
                for source in reversed(nodes[handle].inputs):
                    if done.get(source) is False:
                        return None
                    if source not in done:
                        stack.append((source, False))
    return order
