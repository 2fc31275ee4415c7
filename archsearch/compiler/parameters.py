"""What one layer of a cell learns: names, shapes and starting values. No tensors here.

A parameter is called after the canonical handle of its node, so equal ids give equal names: `weight_n7` and
`bias_n7` are the matrix and the bias of node 7, `projection` is the map that x goes through where a cell reads x
itself. So engines call them; a layer says what the node reads in the place of the n: `weight_h7`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from archsearch.cell import Cell, Node
from archsearch.cell.graph import is_input_linear, scale_start
from archsearch.cell.ops import canonical_arguments
from archsearch.cell.printing import number
from archsearch.errors import CellError

PROJECTION = "projection"

ROLES = {"input": "x", "state": "h"}
"""What a matrix reads, by the op of its operand; every other operand is a computed value, "gate"."""


@dataclass(frozen=True, slots=True)
class Learned:
    """One parameter.

    Attributes:
        name: What engines call it.
        title: What a layer calls it, without the layer's number.
        shape: (n, fan_in) of a matrix, fan_in being that of one head, (n,) of a vector.
        start: The value that all its entries start at, or None where they are drawn; plus or minus `UGI`: those of uniform
            gate initialisation, or their negatives.
        diagonal: What is added to the diagonal of a matrix after that.
        heads: How many blocks a matrix has along its diagonal, one above the other in its (n, n / heads) numbers.
    """

    name: str
    title: str
    shape: tuple[int, ...]
    start: float | None = None
    diagonal: float = 0.0
    heads: int = 1


def weight_name(handle: int) -> str:
    """Return the name of the matrix or the learned vector that a node has."""
    return f"weight_n{handle}"


def bias_name(handle: int) -> str:
    """Return the name of the bias of a linear node."""
    return f"bias_n{handle}"


def role_of(cell: Cell, node: Node) -> str:
    """Return what a linear map reads: "x", "h" (a state) or "gate"; "vector" for what is learned without a map."""
    return ROLES.get(cell.node(node.inputs[0]).op, "gate") if node.op == "linear" else "vector"


def _titled(cell: Cell, node: Node, name: str) -> tuple[str, str]:
    return name, name.replace("_n", f"_{role_of(cell, node)[0]}")


def titles(cell: Cell) -> dict[str, str]:
    """Return what a layer calls each parameter of a canonical form, by what engines call it, the projection too."""
    return {PROJECTION: PROJECTION} | {item.name: item.title for item in learned(cell, 1, 1)}


def learned(cell: Cell, input_size: int, width: int) -> tuple[Learned, ...]:
    """Return what a layer of the canonical form `cell` learns, in canonical order.

    Args:
        cell: In canonical form.
        input_size: Width of x.
        width: Width of the layer, n.
    """
    found: list[Learned] = []
    if input_size != width and cell.needs_projection:
        found.append(Learned(PROJECTION, PROJECTION, (width, input_size)))
    for node in cell.ops:
        if node.op == "linear":
            if node.owns:
                fan_in = input_size if is_input_linear(node, cell.x.handle) else width // node.heads
                diagonal = node.argument("diag") or 0.0
                name, title = _titled(cell, node, weight_name(node.handle))
                found.append(Learned(name, title, (width, fan_in), diagonal=diagonal, heads=node.heads))
            if (bias := node.argument("bias")) is not None:
                found.append(Learned(*_titled(cell, node, bias_name(node.handle)), (width,), start=bias))
        elif node.learns:
            start = scale_start(cell, node)
            found.append(Learned(*_titled(cell, node, weight_name(node.handle)), (width,), start=start))
    return tuple(found)


def check_width(cell: Cell, width: int) -> None:
    """Refuse a width that the heads of a cell do not divide.

    Raises:
        CellError: There are such heads; the message says which widths there are.
    """
    if width % cell.width_step:
        raise CellError(
            f"cell {cell.name!r} has linear maps with heads, so its width is a multiple of {cell.width_step}, "
            f"and {width} is none; the next is {cell.width_from(width)}"
        )


def parameter_names(cell: Cell) -> list[str]:
    """Return the names of what a layer learns, in canonical order; the projection is not among them."""
    return [item.name for item in learned(cell, 1, 1) if item.name != PROJECTION]


def reached_from(cell: Cell, handles: Sequence[int]) -> set[int]:
    """Return the nodes of a canonical form that gradients of these nodes reach, at this step or an earlier one."""
    states = {node.handle: position for position, node in enumerate(cell.state_nodes)}
    found: set[int] = set()
    pending = list(handles)
    while pending:
        handle = pending.pop()
        if handle in found:
            continue
        found.add(handle)
        node = cell.node(handle)
        pending.extend(() if node.op == "stop" else node.inputs)
        pending.extend((cell.next[states[handle]],) if handle in states else ())
    return found


def reached_parameters(cell: Cell, handles: Sequence[int]) -> set[str]:
    """Return the names of what gradients of these nodes reach; a matrix is reached through any of the maps that share it."""
    nodes = [cell.node(handle) for handle in reached_from(cell, handles)]
    return {
        name for node in nodes for name in (weight_name(node.owner), bias_name(node.handle)) if node.learns
    }


def without_biases(cell: Cell) -> Cell:
    """Return the canonical form `cell` with no bias anywhere and the handles that it has.

    Raises:
        ValueError: A bias of the cell starts at another number than 0.
    """
    for node in cell.ops:
        if node.has_bias and (start := node.argument("bias")):
            raise ValueError(f"bias=False, but cell {cell.name!r} has a linear with bias={number(start)}")
    return replace(cell, nodes=tuple(_without_bias(node) for node in cell.nodes))


def _without_bias(node: Node) -> Node:
    if node.op != "linear":
        return node
    return replace(node, args=canonical_arguments("linear", {**dict(node.args), "bias": None}))
