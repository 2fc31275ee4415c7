"""An index of a layer's matrices by what they read and which line they stand in, for code that starts weights by role."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from torch import nn

from archsearch.cell import Cell
from archsearch.compiler.parameters import PROJECTION, bias_name, role_of, weight_name


@dataclass(frozen=True, slots=True)
class Matrix:
    """One matrix of a layer.

    Attributes:
        name: The parameter's name in the layer.
        role: What it reads: "x" the layer's input, "h" a state, "gate" a value that the step computes, such as r * h.
        line: The line of the cell that it stands in, `r`, or `h` for the next value of h; `x` for the projection of x.
        reads: The name of what it reads, empty where that has none.
        layer: Which layer.
        reverse: Whether it belongs to the direction that reads backwards.
        weight: The parameter, (n, fan_in), fan_in being that of one head.
        bias: The bias of the same map, (n,), if it has one.
    """

    name: str
    role: str
    line: str
    reads: str
    layer: int
    reverse: bool
    weight: nn.Parameter
    bias: nn.Parameter | None


def indexed(
    cell: Cell, levels: Iterable[tuple[int, bool, dict[str, str]]], parameters: Mapping[str, nn.Parameter]
) -> tuple[Matrix, ...]:
    """Return the matrices of a layer in the order of its parameters.

    Args:
        cell: In canonical form.
        levels: Every layer, whether it reads backwards, and its parameters' names by what engines call them.
        parameters: Those of the layer by their names.
    """
    places = tuple(_places(cell))
    return tuple(
        Matrix(
            name=name,
            role=role,
            line=line,
            reads=reads,
            layer=layer,
            reverse=reverse,
            weight=parameters[name],
            bias=parameters.get(names.get(bias_name(handle), "")),
        )
        for layer, reverse, names in levels
        for handle, role, line, reads in places
        if (name := names.get(weight_name(handle) if handle else PROJECTION, "")) in parameters
    )


def _places(cell: Cell) -> Iterator[tuple[int, str, str, str]]:
    """Yield handle, role, line and reads of every matrix of a canonical form, in canonical order; x stands for P."""
    x = cell.x
    yield x.handle, "x", x.name or "x", x.name or "x"
    for node in cell.ops:
        if node.op == "linear":
            source = cell.node(node.inputs[0])
            yield node.handle, role_of(cell, node), _line(cell, node.handle), source.name or ""


def _line(cell: Cell, handle: int) -> str:
    """Return the name of the line that a node stands in, without prime."""
    states = dict(zip(cell.next, cell.states, strict=True))
    while cell.consumers[handle] and not cell.node(handle).name and handle not in states:
        handle = cell.consumers[handle][0]
    return cell.node(handle).name or states.get(handle, "")
