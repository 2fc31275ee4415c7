"""A cell as equations for a paper: one aligned line per line of its text, with its own names."""

from __future__ import annotations

import re

from archsearch.cell import OPS, Cell, Node
from archsearch.cell.ops import PRECEDENCE
from archsearch.cell.printing import number
from archsearch.exporters.scores import Scores, score_lines
from archsearch.exporters.tidy import Tidy, Weight, named_weights, tidy

GREEK = re.compile(
    "alpha|beta|gamma|delta|epsilon|zeta|eta|theta|iota|kappa|lambda|mu|nu|xi|pi|rho|sigma|tau|upsilon|phi|chi|psi|omega"
    "|Gamma|Delta|Theta|Lambda|Xi|Pi|Sigma|Upsilon|Phi|Psi|Omega"
)
NAME = re.compile(r"(.*?[A-Za-z])_?([0-9]+)")
ATOM = 3
"""Binds tighter than every infix op."""

NUMERIC = {"mul": "{0} \\, {1}", "div": "{0} / {1}"}
"""Products and quotients with a number, which are not element by element."""


def to_latex(cell: Cell, scores: Scores | None = None) -> str:
    """Return an `align*` environment with the equations of a cell; its document loads amsmath."""
    shown = tidy(cell)
    equations = _Equations(shown)
    head = [
        f"{shown.cell.name}, {shown.cell.id}; needs \\usepackage{{amsmath}}.",
        *shown.cell.note,
        *score_lines(scores),
    ]
    lines = [f"  {left} &= {right}" for left, right in equations.lines()]
    comments = [f"% {line}".rstrip() for line in head]
    return "\n".join([*comments, r"\begin{align*}", " \\\\\n".join(lines), r"\end{align*}", ""])


def symbol(name: str) -> str:
    """Return a name in print without its time: a letter, a Greek letter, or an upright word, with its number."""
    match = NAME.fullmatch(name)
    base, index = (match[1], match[2]) if match else (name, "")
    if GREEK.fullmatch(base):
        printed = f"\\{base}"
    elif len(base) == 1 and base != "_":
        printed = base
    else:
        printed = _upright(base)
    return f"{printed}_{{{index}}}" if index else printed


def _upright(word: str) -> str:
    return f"\\mathrm{{{word}}}".replace("_", "\\_")


class _Equations:
    """The equations of a cell.

    Attributes:
        tidy: The cell.
        cell: The same, as a graph.
        weights: What its parameters are called after.
        states: Handles of the states.
        symbols: Names in print.
    """

    def __init__(self, shown: Tidy) -> None:
        self.tidy, self.cell = shown, shown.cell
        self.weights = named_weights(shown)
        self.states = {state.handle for state in self.cell.state_nodes}
        self.symbols: dict[str, str] = {}
        for name in [
            self.cell.x.name or "x",
            *self.cell.states,
            *(name.rstrip("'") for name in shown.targets.values()),
        ]:
            if name not in self.symbols:
                printed = symbol(name)
                self.symbols[name] = _upright(name) if printed in self.symbols.values() else printed

    def lines(self) -> list[tuple[str, str]]:
        """Return the two sides of every equation."""
        found = []
        for node in self.tidy.lines:
            found.append((self._at(self.tidy.targets[node.handle].rstrip("'"), "t"), self._line(node)))
        for state, handle in zip(self.cell.states, self.cell.next, strict=True):
            if self.tidy.targets.get(handle) != f"{state}'":
                found.append((self._at(state, "t"), self._called(handle)))
        return found

    def _line(self, node: Node) -> str:
        return number(node.value) if node.op == "number" else self._expression(node)[0]

    def _at(self, name: str, time: str) -> str:
        """Return a name at a time: the time joins the number that the name ends in."""
        printed = self.symbols[name]
        return (
            f"{printed[:-1]},{time}}}"
            if printed.endswith("}") and "_{" in printed
            else f"{printed}_{{{time}}}"
        )

    def _called(self, handle: int) -> str:
        node = self.cell.node(handle)
        if handle in self.states:
            return self._at(node.name or "", "t-1")
        if node.op == "number" and handle not in self.tidy.targets:
            return number(node.value)
        return self._at((self.tidy.called(handle) or "").rstrip("'"), "t")

    def _operand(self, handle: int) -> tuple[str, int]:
        if self.tidy.called(handle) is not None:
            shown = self._called(handle)
            return shown, PRECEDENCE["add"] if shown.startswith("-") else ATOM
        return self._expression(self.cell.node(handle))

    def _expression(self, node: Node) -> tuple[str, int]:
        """Return a node's expression and how tightly it binds; its depth is that of a line."""
        op = OPS[node.op]
        operands = [self._operand(source) for source in node.inputs]
        if op.infix:
            own = PRECEDENCE[node.op]
            left, right = operands
            sides = (_within(left, left[1] < own), _within(right, right[1] <= own))
            numbers = any(self.cell.node(source).op == "number" for source in node.inputs)
            return (NUMERIC[node.op] if numbers and node.op in NUMERIC else op.latex).format(*sides), own
        if not node.learns:
            return op.latex.format(*(text for text, _ in operands)), ATOM
        inner = _within(operands[0], operands[0][1] < ATOM)
        weight, bias = self._learned(node)
        if node.op == "linear" and bias is None:
            return f"{weight} {inner}", PRECEDENCE["mul"]
        own = PRECEDENCE["add" if bias else "mul"]
        return op.latex.format(inner, w=weight, b=bias), own

    def _learned(self, node: Node) -> tuple[str, str | None]:
        """Return the matrix or vector of a node, and its bias."""
        owner, ranked = self._subscript(self.weights[node.owner])
        parameter = f"{'W' if node.op == 'linear' else 'p'}_{{{' '.join(owner)}}}{ranked}"
        if node.heads > 1:
            parameter = rf"\operatorname{{diag}}_{{{node.heads}}} {parameter}"
        if node.transposed:
            parameter = rf"({parameter})^{{\top}}" if node.heads > 1 or ranked else rf"{parameter}^{{\top}}"
        if not node.has_bias:
            return parameter, None
        weight = self.weights[node.handle]
        index, prime = self._subscript(weight)
        return parameter, f"b_{{{index[0]}}}" if weight.alone else f"b_{{{' '.join(index)}}}{prime}"

    def _subscript(self, weight: Weight) -> tuple[list[str], str]:
        """Return what a matrix or a vector is called after, and which of those that are called so it is."""
        index = [self.symbols[weight.line]]
        if weight.operand:
            index.append(self.symbols.get(weight.operand) or _upright(weight.operand))
        return index, f"^{{({weight.rank})}}" if weight.rank > 1 else ""


def _within(operand: tuple[str, int], bracketed: bool) -> str:
    return f"({operand[0]})" if bracketed else operand[0]
