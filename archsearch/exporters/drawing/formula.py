"""The text of a box in a picture: `σ(W x + U h)`, each matrix with a letter of its own.

Biases are left out, but for those that do not start at 0; of the starts of scales those that the cell says are given.
"""

from __future__ import annotations

from archsearch.cell import Node
from archsearch.cell.printing import number
from archsearch.exporters.tidy import Tidy

Span = tuple[str, bool]
"""A piece of text, and whether it is the name of a value."""

Term = tuple[int, Node]
"""A sign, 1 or -1, and what is added or subtracted (or multiplied and divided)."""

FUNCTIONS = {"sigmoid": "σ", "leaky_relu": "leaky relu"}
MATRICES = "WUVQRSTYZ"
MINUS, TIMES, DIVIDED, PRIME, DOT, ELLIPSIS = "\u2212", "\u00d7", "\u00f7", "\u2032", "\u00b7", "\u2026"
TERMS_PER_LINE = 3


def primed(name: str) -> str:
    """Return the name with a proper prime."""
    return name.replace("'", PRIME)


def formula(shown: Tidy, mapped: set[int], function: str | None, terms: list[Term]) -> list[list[Span]]:
    """Return the lines of a box.

    Args:
        shown: The cell.
        mapped: Handles of the terms that are linear maps or scales.
        function: The activation around the sum, if any.
        terms: What the sum adds up.
    """
    return _Formula(shown, mapped).lines(function, terms)


class _Formula:
    """A formula that is being written.

    Attributes:
        tidy: The cell.
        cell: The same, as a graph.
        mapped: Handles of the terms that are linear maps or scales.
        letters: Letters for matrices that are still free.
        vectors: Letters for learned vectors that are still free.
    """

    def __init__(self, shown: Tidy, mapped: set[int]) -> None:
        self.tidy, self.cell, self.mapped = shown, shown.cell, mapped
        self.letters = iter(MATRICES)
        self.vectors = iter("pqr")

    def lines(self, function: str | None, terms: list[Term]) -> list[list[Span]]:
        """Return the formula, broken after every few terms, and the starts: of biases that are not 0, and of scales."""
        lines: list[list[Span]] = [[]]
        if function:
            lines[0].append((f"{FUNCTIONS.get(function, function)}(", False))
        for i, (sign, term) in enumerate(terms):
            if i and i % TERMS_PER_LINE == 0:
                lines.append([])
            lines[-1].append((f" {MINUS if sign < 0 else '+'} " if i else MINUS * (sign < 0), False))
            lines[-1] += self._term(term)
        if function:
            lines[-1].append((")", False))
        starts = [
            term.argument("bias") for _, term in terms if term.op == "linear" and term.handle in self.mapped
        ]
        if high := [number(start) for start in starts if start]:
            lines.append([(f"bias {', '.join(high)}", False)])
        scales = [term for _, term in terms if term.op == "scale" and term.handle in self.mapped]
        if set_to := [number(start) for term in scales if (start := term.argument("start")) is not None]:
            lines.append([(f"scale {', '.join(set_to)}", False)])
        return lines

    def _term(self, term: Node) -> list[Span]:
        if term.handle not in self.mapped:
            return self._operand(term, False)
        operand = self.cell.node(term.inputs[0])
        if term.op == "scale":
            return [(f"{next(self.vectors, 'p')}{DOT}", False), *self._operand(operand, True)]
        matrix = next(self.letters, "W")
        if term.owner != term.handle:
            owner = self.cell.node(term.owner).name
            matrix = f"{matrix}[like {owner}{PRIME * term.transposed}]"
        elif term.heads > 1:
            matrix = f"{matrix}[{term.heads} heads]"
        if term.owner == term.handle and (diagonal := term.argument("diag")):
            matrix = (
                f"({matrix} {MINUS if diagonal < 0 else '+'} {number(abs(diagonal)) * (abs(diagonal) != 1)}I)"
            )
        called = self.tidy.called(operand.handle) is not None
        return [(matrix + "\u2009" * called, False), *self._operand(operand, True)]

    def _operand(self, node: Node, bracketed: bool) -> list[Span]:
        """Return an operand's name, or `r·h` and `tanh(h)` for the shortest expressions, or dots."""
        if (name := self.tidy.called(node.handle)) is not None:
            return [(primed(name), node.op != "number")]
        inner = [self.tidy.called(source) for source in node.inputs]
        if node.op == "mul" and None not in inner:
            spans: list[Span] = [(primed(str(inner[0])), True), (DOT, False), (primed(str(inner[1])), True)]
            return [("(", False), *spans, (")", False)] if bracketed else spans
        if len(inner) == 1 and inner[0] is not None and not node.learns:
            function = FUNCTIONS.get(node.op, node.op)
            return [(f"{' ' * bracketed}{function}(", False), (primed(inner[0]), True), (")", False)]
        return [(f"({ELLIPSIS})" if bracketed else ELLIPSIS, False)]
