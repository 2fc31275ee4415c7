"""A cell as a networkx graph and back, for all that networkx can count, draw and find.

networkx is loaded when first asked for: graph code starts in a blink.
"""

from __future__ import annotations

import importlib
from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING, Any

from archsearch.cell.graph import Graph
from archsearch.cell.node import LEAVES, Node
from archsearch.cell.ops import OPS, canonical_arguments
from archsearch.cell.sharing import settled
from archsearch.errors import CellError

if TYPE_CHECKING:
    import networkx

NEXT = "next"
"""What an edge from a next value to its state says in place of an operand's place."""


def to_networkx(cell: Graph) -> networkx.MultiDiGraph:
    """Return a cell as a networkx graph.

    Nodes are called by their handles and have `op`, `name` and `args`. An edge leads from each operand to its reader and has
    `operand`, 0 or 1: `h * h` has two edges. From each next value one leads to its state, whose `operand` is "next".
    Linear maps that share a matrix have `like`, the one of them that has it, and `transposed`.
    The graph has the cell's `name` and `note`.
    """
    network = importlib.import_module("networkx").MultiDiGraph(name=cell.name, note=cell.note)
    for node in cell.nodes:
        tied = {} if node.like is None else {"like": node.like, "transposed": node.transposed}
        network.add_node(node.handle, op=node.op, name=node.name, args=dict(node.args), **tied)
    for node in cell.nodes:
        for place, source in enumerate(node.inputs):
            network.add_edge(source, node.handle, operand=place)
    for state, target in zip(cell.state_nodes, cell.next, strict=True):
        network.add_edge(target, state.handle, operand=NEXT)
    return network


def from_networkx(network: networkx.MultiDiGraph) -> Graph:
    """Return the graph of a cell in the form that `to_networkx` gives.

    Nodes may be called anything and stand in any order; that of the states counts, since the first is the output.

    Raises:
        CellError: It is no cell; the message names the node.
    """
    title = str(network.graph.get("name") or "cell")
    try:
        order = _order(network)
    except importlib.import_module("networkx").NetworkXUnfeasible:
        raise CellError(f"cell {title!r}: a value is computed from itself within the step") from None
    if [network.nodes[key].get("op") for key in order].count("input") != 1:
        raise CellError(f"cell {title!r}: it needs one node whose op is 'input'")
    handles = _handles(order)
    nodes = settled([_node(network, key, handles) for key in order])
    states = [key for key in order if network.nodes[key]["op"] == "state"]
    if not states:
        raise CellError(f"cell {title!r}: it needs a node whose op is 'state'")
    following = tuple(handles[_next_value(network, state)] for state in states)
    return Graph(title, nodes, following, tuple(network.graph.get("note", ())))


def _order(network: networkx.MultiDiGraph) -> list[Hashable]:
    """Return the nodes as a cell has them: x, the states, the rest with operands first, else as they stand."""
    step = importlib.import_module("networkx").DiGraph()
    step.add_nodes_from(network)
    step.add_edges_from(
        (source, reader) for source, reader, data in network.edges(data=True) if not _is_next(data)
    )
    first = {"input": 0, "state": 1}
    place = {
        key: (first.get(data.get("op"), 2), position)
        for position, (key, data) in enumerate(network.nodes(data=True))
    }
    topological = importlib.import_module("networkx").lexicographical_topological_sort
    return list(topological(step, place.__getitem__))


def _is_next(edge: Mapping[str, Any]) -> bool:
    return bool(edge.get("operand") == NEXT)


def _handles(order: list[Hashable]) -> dict[Hashable, int]:
    """Return the handle of each node: its own where all nodes are called by whole numbers, else its place."""
    if all(type(key) is int for key in order):
        return {key: key for key in order if isinstance(key, int)}
    return {key: place for place, key in enumerate(order)}


def _node(network: networkx.MultiDiGraph, key: Hashable, handles: Mapping[Hashable, int]) -> Node:
    data = network.nodes[key]
    op = data.get("op")
    if op not in OPS and op not in LEAVES:
        raise CellError(f"node {key!r}: no op {op!r} (ops: {', '.join(OPS)})")
    inputs = tuple(handles[source] for source in _operands(network, key, OPS[op].arity if op in OPS else 0))
    args = _arguments(key, op, dict(data.get("args") or {}))
    like, transposed = _like(network, key, handles), bool(data.get("transposed"))
    return Node(handles[key], op, inputs, args, data.get("name"), like=like, transposed=transposed)


def _like(network: networkx.MultiDiGraph, key: Hashable, handles: Mapping[Hashable, int]) -> int | None:
    """Return the handle of the linear map that has a node's matrix, None where nothing is shared."""
    data = network.nodes[key]
    owner = data.get("like")
    if owner is None:
        return None
    if data.get("op") != "linear" or owner not in network or network.nodes[owner].get("like") != owner:
        raise CellError(
            f"node {key!r}: like={owner!r} is no linear map that has a shared matrix: one like itself"
        )
    return handles[owner]


def _operands(network: networkx.MultiDiGraph, key: Hashable, arity: int) -> list[Hashable]:
    """Return what a node reads, in order."""
    edges = [
        (edge.get("operand"), source)
        for source, _, edge in network.in_edges(key, data=True)
        if not _is_next(edge)
    ]
    by_place = dict(edges)
    if len(edges) != arity or set(by_place) != set(range(arity)):
        places = ", ".join(str(place) for place, _ in edges) or "none"
        raise CellError(f"node {key!r}: it takes operands {list(range(arity))}, got {places}")
    return [by_place[place] for place in range(arity)]


def _arguments(
    key: Hashable, op: str, arguments: dict[str, float | None]
) -> tuple[tuple[str, float | None], ...]:
    allowed = OPS[op].defaults if op in OPS else {"value": 0.0} if op == "number" else {}
    if unknown := sorted(set(arguments) - set(allowed)):
        raise CellError(f"node {key!r}: op {op!r} has no argument {unknown[0]!r}")
    if op == "number" and not isinstance(arguments.get("value"), int | float):
        raise CellError(f"node {key!r}: a number needs its value")
    return canonical_arguments(op, arguments) if op in OPS else tuple(arguments.items())


def _next_value(network: networkx.MultiDiGraph, state: Hashable) -> Hashable:
    values: list[Hashable] = [
        source for source, _, edge in network.in_edges(state, data=True) if _is_next(edge)
    ]
    if len(values) != 1:
        raise CellError(f"node {state!r}: a state takes one next value, got {len(values)}")
    return values[0]
