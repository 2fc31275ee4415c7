"""The cell: a graph with a text, an identity and a parameter count."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property

from archsearch.cell import identity, language, printing
from archsearch.cell.graph import Graph, is_input_linear


@dataclass(frozen=True)
class Cell(Graph):
    """A recurrent cell, as `Graph` describes it; two cells with one `id` are the same cell."""

    @staticmethod
    def parse(text: str, source: str = "<text>") -> Cell:
        """Return the cell that `text` describes.

        Raises:
            CellError: The text is no cell; the message begins with `source:line:column`.
        """
        return _cell(language.parse(text, source))

    def text(self) -> str:
        """Return the cell in its own language; parsing it again gives this cell."""
        return printing.text(self)

    @cached_property
    def _identity(self) -> identity.Identity:
        return identity.identify(self)

    @property
    def id(self) -> str:
        """`c` and 32 hex digits; equal exactly for isomorphic cells.

        Raises:
            CellError: The cell is too symmetric to be put into canonical form within the work limit.
        """
        return self._identity.id

    def canonical(self) -> Cell:
        """Return the canonical form: handles 0, 1, 2 … in canonical order, nothing unused, names kept."""
        return self._canonical

    @cached_property
    def _canonical(self) -> Cell:
        return _cell(self._identity.canonical)

    @property
    def state_order(self) -> tuple[int, ...]:
        """For each state of the canonical form its position among the states as written here."""
        return self._identity.states

    @cached_property
    def needs_projection(self) -> bool:
        """Whether anything but a plain `linear(x)` reads x, so that an input that is not n wide must be mapped to n."""
        live = self.canonical()
        x = live.x.handle
        readers = (node for node in live.nodes if x in node.inputs)
        return x in live.next or any(not is_input_linear(node, x) for node in readers)

    def parameter_count(self, n: int, input_size: int | None = None) -> int:
        """Return the number of learned numbers of one layer of width n, for x of width `input_size` (n if None)."""
        size = n if input_size is None else input_size
        live = self.canonical()
        total = size * n if size != n and self.needs_projection else 0
        for node in live.ops:
            if node.op == "linear":
                total += n * (size if is_input_linear(node, live.x.handle) else n)
                total += n if node.argument("bias") is not None else 0
            elif node.learns:
                total += n
        return total

    @cached_property
    def polynomial(self) -> tuple[int, int]:
        """The parameter count at x of width n as (a, b) of a·n² + b·n."""
        one, two = self.parameter_count(1), self.parameter_count(2)
        a = (two - 2 * one) // 2
        return a, one - a

    def __str__(self) -> str:
        return self.text()


def _cell(graph: Graph) -> Cell:
    return Cell(**{field.name: getattr(graph, field.name) for field in fields(graph)})
