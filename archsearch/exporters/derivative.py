"""The derivative of a cell's next states by its states, as Python: symbolically, op by op, from the rules of `OPS`.

For cells in which no unit reads another one, where each entry of the Jacobian is a vector of derivatives unit by unit.
A rule says what an op passes back of a gradient, which for one unit is what it passes on of a change.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import TypeGuard

from archsearch.cell import OPS, Cell, Node
from archsearch.cell.jacobian import state_dependent
from archsearch.cell.ops import LEAKY_SLOPE
from archsearch.exporters.module_names import free_variable
from archsearch.exporters.module_source import ModuleSource
from archsearch.exporters.tidy import Tidy
from archsearch.exporters.wrapping import wrapped

SLOPES = {
    "relu_back": "torch.sign({0}) * {1}",
    "leaky_back": f"torch.where({{0}} > 0, torch.ones_like({{0}}), {LEAKY_SLOPE}) * {{1}}",
    "max_back": "(1 + torch.sign({0} - {1})) / 2 * {2}",
    "softplus_back": "torch.sigmoid({0}) * {1}",
    "silu_back": "torch.sigmoid({0}) * (1 + {0} * (1 - torch.sigmoid({0}))) * {1}",
    "sin_": "torch.sin({0})",
    "cos_": "torch.cos({0})",
}
"""What the rules of `OPS` call to go back, in torch; a relu's result is 0 or more, so its sign is its slope."""

SHORT = re.compile(r"-?[\w.]+")
"""An expression that needs no variable of its own."""


class Derivative:
    """A step with its derivatives.

    Attributes:
        source: The step, in which all that derivatives read has a variable.
        states: Handles of the states.
        slopes: For each value the derivative by each state that it depends on, as an expression; both by handle.
        rows: For each next state the expression of its derivatives.
    """

    def __init__(self, shown: Tidy) -> None:
        self.source = ModuleSource(shown, _read(shown.cell))
        self.states = [state.handle for state in shown.cell.state_nodes]
        self.slopes: dict[int, dict[int, str]] = {state: {state: "1"} for state in self.states}
        self.rows: list[str] = []

    def statements(self) -> Iterator[str]:
        """Yield the statements of a step and of its derivatives, operands first, and for several states a row for each."""
        taken = set(self.source.names.values())
        for node in self.source.cell.ops:
            name = self.source.names.get(node.handle)
            if name is not None:
                yield self.source.assignment(node)
            self.slopes[node.handle] = {}
            for state in self.states:
                if (slope := self._slope(node, state)) is None:
                    continue
                if name is not None and not SHORT.fullmatch(slope):
                    variable = free_variable(f"d{name}_d{self.source.names[state]}", taken)
                    yield wrapped(f"{variable} = {slope}")
                    slope = variable
                self.slopes[node.handle][state] = slope
        for target, state in zip(self.source.cell.next, self.states, strict=True):
            entries = [self._entry(target, each) for each in self.states]
            row = entries[0]
            if len(entries) > 1:
                row = free_variable(f"d{self.source.names[state]}", taken)
                yield f"{row} = torch.stack([{', '.join(entries)}], -2)"
            self.rows.append(row)

    def jacobian(self) -> str:
        """Return the expression of the Jacobian once the statements are made: (..., n), or (..., next state, state, n)."""
        return self.rows[0] if len(self.rows) == 1 else f"torch.stack([{', '.join(self.rows)}], -3)"

    def _slope(self, node: Node, state: int) -> str | None:
        """Return the derivative of a value by a state, None where it does not depend on it."""
        parts = []
        operands = [self.source.operand(node, place) for place in range(len(node.inputs))]
        weight = self.source.parameters.get(node.handle)
        for place, source in enumerate(node.inputs):
            change = self.slopes.get(source, {}).get(state)
            if change is not None:
                named = {
                    "y": self.source.names.get(node.handle),
                    "w": f"self.{weight.weight}" if weight else "",
                }
                parts.append(OPS[node.op].rule.adjoint[place].format(*operands, g=f"({change})", **named))
        return _simplified(" + ".join(f"({part})" for part in parts)) if parts else None

    def _entry(self, target: int, state: int) -> str:
        """Return an entry of the Jacobian in the shape of a state."""
        like = self.source.names[state]
        slope = self.slopes.get(target, {}).get(state)
        if slope is None:
            return f"torch.zeros_like({like})"
        if not re.search("[a-z]", slope):
            return f"torch.full_like({like}, {slope})"
        return f"{slope if SHORT.fullmatch(slope) else f'({slope})'}.expand_as({like})"


def _read(cell: Cell) -> set[int]:
    """Return the handles of the values that derivatives read."""
    depends = state_dependent(cell)
    found: set[int] = set()
    for node in cell.ops:
        rule = OPS[node.op].elementwise
        for source, adjoint in zip(node.inputs, rule.adjoint if rule else (), strict=False):  # none of a stop
            if source in depends:
                found |= {operand for place, operand in enumerate(node.inputs) if f"{{{place}}}" in adjoint}
                found |= {node.handle} if "{y}" in adjoint else set()
    return {handle for handle in found if cell.node(handle).op in OPS}


def _simplified(text: str) -> str:
    """Return an expression in torch without factors of 1, double signs and needless brackets."""
    return ast.unparse(_Simple().visit(ast.parse(text, mode="eval")))


class _Simple(ast.NodeTransformer):
    """Writes calls of `SLOPES` out, and does the arithmetic of 1 and of signs."""

    def visit_Call(self, node: ast.Call) -> ast.expr:
        """Write a call out."""
        self.generic_visit(node)
        if not (isinstance(node.func, ast.Name) and node.func.id in SLOPES):
            return node
        text = SLOPES[node.func.id].format(*(f"({ast.unparse(argument)})" for argument in node.args))
        return self.visit(ast.parse(text, mode="eval").body)  # type: ignore[no-any-return]

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        """Drop factors of 1 and take signs out of products and into sums."""
        self.generic_visit(node)
        left, right = node.left, node.right
        match node.op:
            case ast.Mult() if _is_one(left) or _is_one(right):
                return right if _is_one(left) else left
            case ast.Mult() | ast.Div() if _is_minus(left):
                return ast.UnaryOp(ast.USub(), self.visit_BinOp(ast.BinOp(left.operand, node.op, right)))
            case ast.Mult() if _is_minus(right):
                return ast.UnaryOp(ast.USub(), self.visit_BinOp(ast.BinOp(left, node.op, right.operand)))
            case ast.Add() if _is_minus(right):
                return ast.BinOp(left, ast.Sub(), right.operand)
            case ast.Add() if _is_minus(left):
                return ast.BinOp(right, ast.Sub(), left.operand)
            case _:
                return node


def _is_one(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value == 1


def _is_minus(node: ast.expr) -> TypeGuard[ast.UnaryOp]:
    return isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub)
