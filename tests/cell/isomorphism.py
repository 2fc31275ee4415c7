"""When two cells are the same, said a second time: by an isomorphism search over labelled multigraphs.

It shares no code with `archsearch.cell.identity`: nodes are merged one pair at a time until none are equal.
"""

from itertools import permutations
from typing import Any

import networkx as nx

from archsearch.cell import OPS, Cell, Node

LEARNS_NOTHING = {"number", *(name for name, op in OPS.items() if op.weight is None)}


def same(one: Cell, other: Cell) -> bool:
    """Return whether a one-to-one map of the nodes keeps ops, arguments, operands, next values and the output."""
    return same_graph(graph(one), graph(other))


def same_graph(one: "nx.MultiDiGraph[int]", other: "nx.MultiDiGraph[int]") -> bool:
    """Return the same for graphs that `graph` made."""
    return bool(nx.is_isomorphic(one, other, node_match=_equal_nodes, edge_match=_equal_edges))


def graph(cell: Cell) -> "nx.MultiDiGraph[int]":
    """Return a cell as a multigraph without equal nodes that learn nothing and without what nothing needs.

    An edge goes from each operand to its reader and from each next value to its state, and says in which role; two between
    maps that share a matrix, whichever of them has it.
    """
    made: nx.MultiDiGraph[int] = nx.MultiDiGraph()
    for node in cell.nodes:
        first = node.handle == cell.state_nodes[0].handle
        made.add_node(node.handle, op=node.op, label=(node.op, node.args, first), matrix=_matrix(node))
    for node in cell.nodes:
        for place, source in enumerate(node.inputs):
            role = "any" if OPS[node.op].commutative else str(place)
            made.add_edge(source, node.handle, role=role)
    for state, target in zip(cell.state_nodes, cell.next, strict=True):
        made.add_edge(target, state.handle, role="next")
    while pair := _equal_pair(made):
        _merge(made, *pair)
    first_state = cell.state_nodes[0].handle
    needed = nx.ancestors(made, first_state) | {first_state, cell.x.handle}
    made.remove_nodes_from([handle for handle in made if handle not in needed])
    for one, other in permutations([key for key, matrix in made.nodes(data="matrix") if matrix], 2):
        (like, turned), (its_like, its_turned) = made.nodes[one]["matrix"], made.nodes[other]["matrix"]
        if like == its_like:
            made.add_edge(one, other, role="same matrix" if turned == its_turned else "transpose")
    return made


def _matrix(node: Node) -> tuple[int, bool] | None:
    return None if node.like is None else (node.like, node.transposed)


def fingerprint(made: "nx.MultiDiGraph[int]") -> str:
    """Return what equal graphs share: the labels of their nodes. It spares most pairs the search."""
    return repr(sorted(repr(label) for _, label in made.nodes(data="label")))


def _equal_pair(made: "nx.MultiDiGraph[int]") -> tuple[int, int] | None:
    known: dict[Any, int] = {}
    for handle, data in made.nodes(data=True):
        if data["op"] in LEARNS_NOTHING or (data["matrix"] and ("bias", None) in data["label"][1]):
            operands = sorted((role, source) for source, _, role in made.in_edges(handle, data="role"))
            key = (data["label"], tuple(operands), data["matrix"])
            if key in known:
                return known[key], handle
            known[key] = handle
    return None


def _merge(made: "nx.MultiDiGraph[int]", kept: int, dropped: int) -> None:
    for _, target, role in list(made.out_edges(dropped, data="role")):
        made.add_edge(kept, target, role=role)
    made.remove_node(dropped)


def _equal_nodes(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return bool(one["label"] == other["label"])


def _equal_edges(one: dict[int, dict[str, Any]], other: dict[int, dict[str, Any]]) -> bool:
    return sorted(edge["role"] for edge in one.values()) == sorted(edge["role"] for edge in other.values())
