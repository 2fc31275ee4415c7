"""One grouping for every sum, product and maximum of a cell: what all orders of `a + b + c` have in common.

Floating-point addition does not associate, so `(a + b) + c` and `a + (b + c)` are two cells. Whoever counts architectures
instead, as a comparison of published cells does, asks for the cell that stands for all of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from archsearch.cell.cell import Cell
from archsearch.cell.graph import Graph
from archsearch.cell.identity import canonical_positions, merged
from archsearch.cell.language import MAX_NODES
from archsearch.cell.node import Node
from archsearch.cell.ops import Value, canonical_arguments
from archsearch.errors import CellError

CHAINS = ("add", "mul", "max")
"""Ops whose operands may be grouped in any way, but for rounding."""

LONGEST = 8 * MAX_NODES
"""Operands of all chains together."""

Rank = Mapping[int, tuple[int, int]]
"""Where the value of a handle stands among the operands of a chain."""


def regrouped(cell: Cell) -> Cell:
    """Return the cell that stands for all groupings of a cell's sums, products and maxima; itself if it is that one.

    A chain is taken as a whole, also where a part of it is read elsewhere, and built again from the left: what reads x comes
    first, and the largest chain that it contains is taken as it is. Where linear maps are read by the same sums alone, the
    first of them have the biases. The values are the same but for rounding, with the same weights.

    Raises:
        CellError: The chains are too long when each is written out, or the cell is too symmetric for a canonical form.
    """
    flat = merged(_flattened(merged(cell)))
    alike = _exchangeable(flat)
    places = canonical_positions(_without_places(flat, alike))
    rank = {node.handle: _rank(node, places) for node in flat.nodes}
    graph = merged(_grouped(_with_biases(flat, alike, rank), rank))
    if len(graph.nodes) > MAX_NODES:
        raise _too_long()
    result = replace(cell, nodes=graph.nodes, next=graph.next)
    return cell if result.id == cell.id else result


def _too_long() -> CellError:
    return CellError(f"the chains of + * max take more than {MAX_NODES} nodes when each is written out")


def _flattened(cell: Graph) -> Graph:
    """Return the cell with each chain as one node, which has all the chain's operands."""
    operands: dict[int, tuple[int, ...]] = {node.handle: (node.handle,) for node in cell.nodes}
    nodes, total = [], 0
    for node in cell.nodes:
        if node.op in CHAINS:
            every: list[int] = []
            for source in node.inputs:
                every += operands[source] if cell.node(source).op == node.op else (source,)
            operands[node.handle] = tuple(every)
            total += len(every)
            if total > LONGEST:
                raise _too_long()
        nodes.append(replace(node, inputs=operands[node.handle]) if node.op in CHAINS else node)
    return replace(cell, nodes=tuple(nodes))


def _exchangeable(cell: Graph) -> list[tuple[Node, ...]]:
    """Return groups of linear maps that the same sums read, and nothing else: any of a group may have its biases."""
    groups: dict[tuple[int, ...], list[Node]] = {}
    for node in cell.nodes:
        readers = tuple(sorted(cell.consumers[node.handle]))
        added = all(cell.node(reader).op == "add" for reader in readers)
        if node.op == "linear" and added and node.handle not in cell.next:
            groups.setdefault(readers, []).append(node)
    return [tuple(group) for group in groups.values() if len(group) > 1]


def _starts(group: tuple[Node, ...]) -> list[Value]:
    """Return the start values of a group's biases, the largest first, and None for each map without one."""
    starts = [node.argument("bias") for node in group]
    biases = sorted((start for start in starts if start is not None), reverse=True)
    return [*biases, *[None] * (len(group) - len(biases))]


def _without_places(cell: Graph, alike: list[tuple[Node, ...]]) -> Graph:
    """Return the cell with all biases of a group on each of its maps, so that nothing tells where they stood."""
    hidden: dict[int, Node] = {}
    for group in alike:
        starts = tuple((f"bias{i}", start) for i, start in enumerate(_starts(group)))
        for node in group:
            others = tuple(pair for pair in node.args if pair[0] != "bias")
            hidden[node.handle] = replace(node, args=(*starts, *others))
    return replace(cell, nodes=tuple(hidden.get(node.handle, node) for node in cell.nodes))


def _with_biases(cell: Graph, alike: list[tuple[Node, ...]], rank: Rank) -> Graph:
    """Return the cell with the biases of each group on its first maps."""
    placed: dict[int, Node] = {}
    for group in alike:
        in_order = sorted(group, key=lambda node: rank[node.handle])
        for node, start in zip(in_order, _starts(group), strict=True):
            args = canonical_arguments("linear", {**dict(node.args), "bias": start})
            placed[node.handle] = replace(node, args=args)
    return replace(cell, nodes=tuple(placed.get(node.handle, node) for node in cell.nodes))


def _rank(node: Node, places: Mapping[int, int]) -> tuple[int, int]:
    """Return an operand's place in a chain: first what reads x, then what reads the states, at last these themselves."""
    return min((places[source] for source in node.inputs), default=len(places)), places[node.handle]


def _grouped(flat: Graph, rank: Rank) -> Graph:
    """Return the cell with every chain as nodes of two operands, from the left."""
    chains = {node.handle: Counter(node.inputs) for node in flat.nodes if node.op in CHAINS}
    largest = sorted(chains, key=lambda handle: (-chains[handle].total(), rank[handle]))
    nodes = {node.handle: node for node in flat.nodes}
    fresh = flat.fresh_handle()
    for handle, whole in chains.items():
        smaller = [i for i in largest if nodes[i].op == nodes[handle].op and chains[i] < whole]
        left, *others = sorted(_parts(whole, smaller, chains), key=rank.__getitem__)
        for other in others[:-1]:
            nodes[fresh] = Node(fresh, nodes[handle].op, (left, other))
            left, fresh = fresh, fresh + 1
        nodes[handle] = replace(nodes[handle], inputs=(left, others[-1]))
        if len(nodes) > LONGEST:
            raise _too_long()
    graph = flat.edited(nodes)
    assert graph is not None, "a chain is made of what it was made of"
    return graph


def _parts(whole: Counter[int], smaller: list[int], chains: Mapping[int, Counter[int]]) -> list[int]:
    """Return what a chain is made of: the largest chains that it contains, in turn, and the operands that are left."""
    parts, left = [], Counter(whole)
    for handle in smaller:
        while chains[handle] <= left:
            left -= chains[handle]
            parts.append(handle)
    return [*parts, *left.elements()]
