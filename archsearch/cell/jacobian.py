"""The form of a cell's Jacobian, the derivative of its next states by its states, read off the graph alone.

What a cell can be computed with in parallel over time depends on it: Newton's method needs a scan over products of
Jacobians, which costs n³ for dense ones and n for diagonal ones (Lim et al. 2024; Danieli et al. 2025), and an affine
recurrence needs no Newton steps (Martin and Cundy 2018).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from archsearch.cell.cell import Cell
from archsearch.cell.node import Node
from archsearch.cell.ops import OPS


@dataclass(frozen=True, slots=True)
class JacobianClass:
    """The form of a Jacobian.

    Attributes:
        structure: "diagonal" where unit i of each next state depends on unit i of the same state and on no other; then
            "block-diagonal" where it depends on unit i of several states, so that there is a block of states by states for
            each unit; else "dense".
        affine: Whether it does not depend on the states: the next state is A(x) times the state plus b(x).
    """

    structure: Literal["diagonal", "block-diagonal", "dense"]
    affine: bool

    def __str__(self) -> str:
        return f"{self.structure}, affine" if self.affine else self.structure


@dataclass(frozen=True, slots=True)
class _Reading:
    """How a value depends on one state."""

    mixed: bool = False
    curved: bool = False


_Readings = dict[int, _Reading]


def jacobian_class(cell: Cell) -> JacobianClass:
    """Return the form of the Jacobian of the states that matter, of any width.

    It is that of what the cell computes, so `stop`, which only keeps a gradient back, changes nothing. It is read off the
    operations and not off what they amount to: `linear(h) - linear(h)` is dense, and an entry may happen to be zero.
    """
    live = cell.canonical()
    readings: dict[int, _Readings] = {}
    for node in live.nodes:
        readings[node.handle] = _readings(node, readings)
    found = [
        (state.handle == source, reading)
        for state, target in zip(live.state_nodes, live.next, strict=True)
        for source, reading in readings[target].items()
    ]
    affine = not any(reading.curved for _, reading in found)
    if any(reading.mixed for _, reading in found):
        return JacobianClass("dense", affine)
    return JacobianClass("diagonal" if all(own for own, _ in found) else "block-diagonal", affine)


def state_dependent(cell: Cell) -> set[int]:
    """Return the handles of the values that depend on a state within the step, the states among them."""
    found = {state.handle for state in cell.state_nodes}
    for node in cell.ops:
        if found & set(node.inputs):
            found.add(node.handle)
    return found


def keeps_gradients_back(cell: Cell) -> bool:
    """Whether a `stop` keeps back a gradient of the states within the step."""
    depends = state_dependent(cell)
    return any(node.op == "stop" and node.handle in depends for node in cell.ops)


def _readings(node: Node, readings: dict[int, _Readings]) -> _Readings:
    """Return for each state that a value depends on how it does, given those of its operands."""
    if node.op == "state":
        return {node.handle: _Reading()}
    found: _Readings = {}
    for place, source in enumerate(node.inputs):
        mixes, curves = _mixes(node), _curves(node, place, readings)
        for state, reading in readings[source].items():
            before = found.get(state, _Reading())
            found[state] = _Reading(
                before.mixed or reading.mixed or mixes, before.curved or reading.curved or curves
            )
    return found


def _mixes(node: Node) -> bool:
    """Whether one unit of the result reads several units of the operand: a matrix product does, and a mean."""
    rule = OPS[node.op].elementwise
    return rule is None or rule.reduces


def _curves(node: Node, place: int, readings: dict[int, _Readings]) -> bool:
    """Whether the derivative by an operand depends on a state, as what it reads does."""
    rule = OPS[node.op].elementwise
    if rule is None or not rule.adjoint:
        return False
    return any(readings[operand] for operand in _read_by(rule.adjoint[place], node))


def _read_by(adjoint: str, node: Node) -> Iterator[int]:
    """Yield the operands that a derivative reads; the result depends on all of them."""
    for place, operand in enumerate(node.inputs):
        if f"{{{place}}}" in adjoint or "{y}" in adjoint:
            yield operand
