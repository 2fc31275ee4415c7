"""Keeps matrices that linear maps share: which map has a matrix, and what becomes of it when the graph changes.

Maps that share are equal among themselves: any of them may be the one that has the matrix, and the others say whether they
multiply with it or with its transpose. `diag` and `heads` are the matrix's, so all of them have the same. The reference is
no operand, so nothing is computed earlier or later for it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from archsearch.cell.node import Node
from archsearch.cell.ops import Value, canonical_arguments

OF_THE_MATRIX = ("diag", "heads")
"""Arguments of a linear map that say what its matrix is."""


def settled(nodes: Iterable[Node], owners: Collection[int] = ()) -> tuple[Node, ...]:
    """Return nodes with every shared matrix at one of them, which the others name.

    Where the map that had a matrix is gone, the first that shared it has it now. A map that is left alone shares nothing,
    nor does what is no linear map any more.

    Args:
        nodes: The nodes that are left.
        owners: Handles of maps that are to have the matrix that they share.
    """
    nodes = tuple(nodes)
    if all(node.like is None for node in nodes):
        return nodes
    changed: dict[int, Node] = {}
    for like, members in sharers(nodes).items():
        owner = min(members, key=lambda node: (node.handle not in owners, node.handle != like))
        for node in members:
            changed[node.handle] = _sharing(node, owner, alone=len(members) == 1)
    return tuple(changed.get(node.handle) or replace(node, like=None, transposed=False) for node in nodes)


def sharers(nodes: Iterable[Node]) -> dict[int, list[Node]]:
    """Return the linear maps that share a matrix, in their order, by the handle that they name."""
    found: dict[int, list[Node]] = {}
    for node in nodes:
        if node.like is not None and node.op == "linear":
            found.setdefault(node.like, []).append(node)
    return found


def _sharing(node: Node, owner: Node, alone: bool) -> Node:
    """Return a map that shares the owner's matrix, or has its own if it is left alone."""
    if alone:
        return replace(node, like=None, transposed=False)
    own: dict[str, Value] = {name: owner.argument(name) for name in OF_THE_MATRIX}
    return replace(
        node,
        args=canonical_arguments("linear", {**dict(node.args), **own}),
        like=owner.handle,
        transposed=node.transposed != owner.transposed,
    )


def renumbered(node: Node, place: Mapping[int, int]) -> Node:
    """Return a node with other handles for itself, its operands, and the map that has its matrix.

    Args:
        node: The node.
        place: The new handles. A map that has none is gone: the node names one that no node has, as all do that share with
            it, until they are `settled`.
    """
    return replace(
        node,
        handle=place[node.handle],
        inputs=tuple(place[source] for source in node.inputs),
        like=None if node.like is None else place.get(node.like, -1 - node.like),
    )
