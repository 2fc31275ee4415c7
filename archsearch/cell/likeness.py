"""How like two cells are: by the neighbourhoods of their nodes, counted.

A node is labelled by its op, then by its op with the labels of its operands, and so on (the subtree kernel of Shervashidze
et al. 2011, "Weisfeiler-Lehman Graph Kernels"); a state's operand is its next value. A map that shares a matrix is labelled
by those that share it, too. Two cells are as far apart as the labels that only one of them has. That is a likeness and no
identity: different cells may be at distance 0.
"""

from __future__ import annotations

from collections import Counter

from archsearch.cell.cell import Cell
from archsearch.cell.ops import OPS
from archsearch.cell.sharing import sharers

ROUNDS = 3
"""How many operands deep a label looks."""

Labels = Counter[tuple[object, ...]]


def labels_of(cell: Cell) -> Labels:
    """Return the labels of a cell's nodes, at every depth, with their counts."""
    live = cell.canonical()
    operands = {node.handle: node.inputs for node in live.nodes}
    operands |= {state.handle: (target,) for state, target in zip(live.state_nodes, live.next, strict=True)}
    label: dict[int, tuple[object, ...]] = {node.handle: (node.op, *node.args) for node in live.nodes}
    groups = sharers(live.nodes)
    counted = Counter(label.values())
    for depth in range(ROUNDS):
        deeper: dict[int, tuple[object, ...]] = {}
        for node in live.nodes:
            below = [hash(label[operand]) for operand in operands[node.handle]]
            commutes = node.op in OPS and OPS[node.op].commutative
            tied = [
                hash((label[other.handle], other.transposed != node.transposed))
                for other in groups.get(node.owner, [])
                if other is not node
            ]
            operands_below = sorted(below) if commutes else below
            deeper[node.handle] = (depth, label[node.handle], *operands_below, *sorted(tied))
        label = deeper
        counted.update(label.values())
    return counted


def distance(one: Labels, other: Labels) -> float:
    """Return the share of labels that only one of two cells has, from 0 to 1."""
    shared = sum(min(count, other[label]) for label, count in one.items() if label in other)
    return 1 - 2 * shared / (one.total() + other.total())
