"""What a picture of a cell shows: not every node, but what a reader looks for.

A sum of linear maps with the activation around it is one box with its formula, a chain of `+` or `*` is one circle, a
number is written into the circle that uses it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from archsearch.cell import OPS, Node
from archsearch.cell.printing import number
from archsearch.exporters.drawing.formula import (
    DIVIDED,
    FUNCTIONS,
    MINUS,
    PRIME,
    TIMES,
    Span,
    Term,
    formula,
    primed,
)
from archsearch.exporters.tidy import Tidy

Kind = Literal["input", "state", "next", "gate", "activation", "linear", "point", "number"]
PLAIN = ("norm", "mean", "stop", "max")
"""Ops that are written like functions and are no activations."""


@dataclass
class Glyph:
    """One thing in the picture.

    Attributes:
        kind: What it is; a gate is a sigmoid that multiplies something.
        lines: Its text.
        name: What the cell calls its value, or None.
        covers: Handles of all nodes that it stands for.
        operands: The glyphs that it reads, each with the mark at its end of the edge.
        handle: The node whose value it is.
    """

    kind: Kind
    lines: list[list[Span]]
    name: str | None = None
    covers: list[int] = field(default_factory=list)
    operands: list[tuple[int, str]] = field(default_factory=list)
    handle: int = -1


def picture(shown: Tidy) -> list[Glyph]:
    """Return the glyphs of a cell, operands first; the last ones are the next values."""
    return _Folding(shown).glyphs


class _Folding:
    """A picture that is being made.

    Attributes:
        tidy: The cell.
        cell: The same, as a graph.
        glyphs: What has been made so far.
        made: For each node that has a glyph the glyph's place.
    """

    def __init__(self, shown: Tidy) -> None:
        self.tidy, self.cell = shown, shown.cell
        self.glyphs: list[Glyph] = []
        self.made: dict[int, int] = {}
        for node in (self.cell.x, *self.cell.state_nodes):
            kind: Kind = "input" if node.op == "input" else "state"
            self._add(node, kind, [[(node.name or "", True)]])
        for node in self.tidy.lines:
            if node.op in OPS:
                self._glyph(node)
        for state, handle in zip(self.cell.states, self.cell.next, strict=True):
            source = self._glyph(self.cell.node(handle))
            self.glyphs.append(Glyph("next", [[(state + PRIME, True)]], operands=[(source, "")]))

    def _add(self, node: Node, kind: Kind, lines: list[list[Span]]) -> Glyph:
        name = self.tidy.targets.get(node.handle)
        if name and name.endswith("'") and not self.cell.consumers[node.handle]:
            name = None  # the next value right above says it
        glyph = Glyph(kind, lines, primed(name) if name else None, [node.handle], handle=node.handle)
        self.made[node.handle] = len(self.glyphs)
        self.glyphs.append(glyph)
        return glyph

    def _glyph(self, node: Node) -> int:
        """Return the place of the glyph that shows a node's value; depth is that of a line."""
        if node.handle in self.made:
            return self.made[node.handle]
        if node.op == "number":
            self._add(node, "number", [[(number(node.value), False)]])
        elif not self._layer(node):
            self._operation(node)
        return self.made[node.handle]

    def _inside(self, node: Node) -> bool:
        """Whether a node may vanish in the glyph of its only reader."""
        once = len(self.cell.consumers[node.handle]) == 1
        return once and node.op in OPS and node.handle not in self.tidy.targets

    def _terms(self, node: Node, plus: str, minus: str, covers: list[int]) -> list[Term]:
        """Return the operands of a chain of `plus` and `minus`, signed."""
        covers.append(node.handle)
        found: list[Term] = []
        for sign, source in zip((1, -1 if node.op == minus != plus else 1), node.inputs, strict=True):
            operand = self.cell.node(source)
            if operand.op in (plus, minus) and self._inside(operand):
                found += [(sign * inner, term) for inner, term in self._terms(operand, plus, minus, covers)]
            else:
                found.append((sign, operand))
        return found

    def _layer(self, node: Node) -> bool:
        """Show a node as activation of a sum of linear maps, if it is one."""
        function, body = None, node
        covers: list[int] = []
        if OPS[node.op].arity == 1 and not node.learns and node.op not in PLAIN:
            function, body = node.op, self.cell.node(node.inputs[0])
            covers.append(node.handle)
            if not self._inside(body):
                return False
        terms: list[Term] = [(1, body)]
        if body.op in ("add", "sub"):
            terms = self._terms(body, "add", "sub", covers)
        mapped = {term.handle for _, term in terms if term.learns and (term is body or self._inside(term))}
        plain = [term for _, term in terms if term.handle not in mapped]
        if not mapped or (plain and function is None):
            return False
        covers += [handle for handle in mapped if handle not in covers]
        operands = self._layer_operands(terms, mapped)
        lines = formula(self.tidy, mapped, function, terms)
        kind: Kind = "linear" if function is None else "gate" if self._gates(node) else "activation"
        glyph = self._add(node, kind, lines)
        glyph.covers, glyph.operands = sorted({*covers, *glyph.covers}), operands
        return True

    def _layer_operands(self, terms: list[Term], mapped: set[int]) -> list[tuple[int, str]]:
        """Return what a box reads, each glyph once: its formula tells the rest."""
        sources = [
            self.cell.node(term.inputs[0]) if term.handle in mapped else term
            for _, term in terms
            if term.op != "number"
        ]
        return [(place, "") for place in dict.fromkeys(self._glyph(source) for source in sources)]

    def _gates(self, node: Node) -> bool:
        """Whether a sigmoid's value, or one minus it, multiplies something that is no number."""
        if node.op != "sigmoid":
            return False
        readers = [self.cell.node(handle) for handle in self.cell.consumers[node.handle]]
        inverted = [r for r in readers if r.op == "sub" and self.cell.node(r.inputs[0]).op == "number"]
        readers += [self.cell.node(handle) for r in inverted for handle in self.cell.consumers[r.handle]]
        return any(r.op == "mul" and all(self.cell.node(i).op != "number" for i in r.inputs) for r in readers)

    def _operation(self, node: Node) -> None:
        covers: list[int] = []
        if node.op in ("add", "sub"):
            terms = self._terms(node, "add", "sub", covers)
        elif node.op == "mul":
            terms = self._terms(node, "mul", "mul", covers)
        else:
            signs = (1, -1) if node.op == "div" else (1, 1)
            terms = [(sign, self.cell.node(i)) for sign, i in zip(signs, node.inputs, strict=False)]
        numbers = [(sign, number(term.value)) for sign, term in terms if term.op == "number"]
        others = [(sign, term) for sign, term in terms if term.op != "number"]
        unary = OPS[node.op].arity == 1
        mark = DIVIDED if node.op == "div" else MINUS
        alone = len(others) == 1 and not unary
        operands = [
            (self._glyph(term), mark if sign < 0 and not alone else "")
            for sign, term in (terms if unary else others)
        ]
        kind: Kind = "point"
        if unary and node.op not in PLAIN:
            kind = "gate" if self._gates(node) else "activation"
        label = FUNCTIONS.get(node.op, node.op) if unary else _symbol(node.op, numbers, others)
        glyph = self._add(node, kind, [[(label, False)]])
        glyph.covers, glyph.operands = sorted({*covers, *glyph.covers}), operands


def _symbol(op: str, numbers: list[tuple[int, str]], others: list[Term]) -> str:
    """Return what a circle says: `+`, or `1 −` where a number is one of two operands."""
    signs = {"add": ("+", MINUS), "sub": ("+", MINUS), "mul": (TIMES, TIMES), "div": (TIMES, DIVIDED)}
    if op not in signs:
        return f"{op} {' '.join(value for _, value in numbers)}".strip()
    plus, minus = signs[op]
    if not numbers:
        both = {sign for sign, _ in others}
        return minus if both == {1, -1} and len(others) == 2 else plus
    if not others:
        return numbers[0][1] + "".join(
            f" {plus if sign > 0 else minus} {value}" for sign, value in numbers[1:]
        )
    if others[0][0] > 0 and op != "mul":
        return " ".join(f"{plus if sign > 0 else minus} {value}" for sign, value in numbers)
    text = f" {plus} ".join(value for _, value in numbers)
    return f"{text} {minus if others[0][0] < 0 else plus}"
