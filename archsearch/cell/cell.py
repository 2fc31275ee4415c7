"""The cell: a graph with a text, an identity and a parameter count."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, fields
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from archsearch.cell import identity, language, networks, printing
from archsearch.cell.graph import Graph, is_input_linear
from archsearch.connections import CONNECTED
from archsearch.errors import CellError

if TYPE_CHECKING:
    import networkx

OF_A_PATH = "give it to Cell.load"

Polynomial = tuple[int | Fraction, int]
"""A parameter count as (a, b) of a·n² + b·n."""


@dataclass(frozen=True)
class Cell(Graph):
    """A recurrent cell, as `Graph` describes it; two cells with one `id` are the same cell."""

    @staticmethod
    def parse(text: str, source: str = "<text>") -> Cell:
        """Return the cell that `text` describes.

        Raises:
            CellError: The text is no cell; the message begins with `source:line:column`.
            TypeError: It is no text.
        """
        if not isinstance(text, str):
            raise TypeError(f"a cell is parsed from its text, a str, got: {type(text).__name__}{_hint(text)}")
        if _looks_like_a_path(text):
            raise CellError(f"{text!r} is the name of a file, not the text of a cell; {OF_A_PATH}")
        return _cell(language.parse(text, source))

    @staticmethod
    def load(path: str | Path) -> Cell:
        """Return the cell in a `.cell` file, or the one that a name such as `gru`, `quick-1/3` or `quick-1/c1f0` stands for.

        Raises:
            CellError: The file cannot be read, or is no cell.
            InputError: Nothing has that name.
        """
        find = CONNECTED.get("find cell")
        if find is not None and not str(path).endswith(".cell"):
            found: Cell = find(path)
            return found
        return Cell.parse(cell_text(Path(path)), str(path))

    @staticmethod
    def from_networkx(network: networkx.MultiDiGraph) -> Cell:
        """Return the cell whose graph has the form that `to_networkx` gives.

        Raises:
            CellError: It is no cell; the message names the node.
        """
        cell = _cell(networks.from_networkx(network))
        language.parse(cell.text(), f"cell {cell.name!r}")  # names, limits, states that nothing needs
        return cell

    def to_networkx(self) -> networkx.MultiDiGraph:
        """Return the cell as a networkx graph.

        Nodes are called by their handles and have `op`, `name` and `args`. An edge leads from each operand to its reader
        and has `operand`, 0 or 1; from each next value one leads to its state, whose `operand` is "next". Linear maps that
        share a matrix have `like`, the one of them that has it, which has it too, and `transposed`.
        """
        return networks.to_networkx(self)

    def text(self) -> str:
        """Return the cell in its own language; parsing it again gives this cell."""
        return printing.text(self)

    def _repr_svg_(self) -> str | None:
        """Return the cell's picture, for notebooks."""
        draw = CONNECTED.get("draw cell")
        return draw(self) if draw else None

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

    @cached_property
    def input_linears(self) -> int:
        """How many plain `linear(x)` there are, each a matrix as wide as x."""
        live = self.canonical()
        return sum(is_input_linear(node, live.x.handle) for node in live.ops)

    def parameter_count(self, n: int, input_size: int | None = None) -> int:
        """Return the number of learned numbers of one layer of width n, for x of width `input_size` (n if None).

        The width is a multiple of `width_step`.
        """
        size = n if input_size is None else input_size
        live = self.canonical()
        total = size * n if size != n and self.needs_projection else 0
        for node in live.ops:
            if node.op == "linear":
                fan_in = size if is_input_linear(node, live.x.handle) else n // node.heads
                total += n * fan_in * node.owns + n * node.has_bias
            elif node.learns:
                total += n
        return total

    @cached_property
    def width_step(self) -> int:
        """Of what the width of a layer is a multiple: the least common one of the heads of all linear maps."""
        return math.lcm(*(node.heads for node in self.canonical().ops))

    def width_from(self, least: int) -> int:
        """Return the smallest width of a layer that is at least `least`."""
        return -(-least // self.width_step) * self.width_step

    @cached_property
    def polynomial(self) -> Polynomial:
        """The parameter count at x of width n; that of n² is no whole number with some `heads` alone."""
        step = self.width_step
        one, two = self.parameter_count(step), self.parameter_count(2 * step)
        a = Fraction(two - 2 * one, 2 * step * step)
        return int(a) if a.denominator == 1 else a, int(Fraction(one, step) - a * step)

    @property
    def coefficients(self) -> dict[str, float]:
        """The same by the powers of n, as JSON has them: `{"n2": 6, "n": 3}`."""
        return coefficients(self.polynomial)

    def __str__(self) -> str:
        return self.text()


def coefficients(polynomial: Polynomial) -> dict[str, float]:
    """Return a parameter count by the powers of n, as JSON has it: `{"n2": 6, "n": 3}`."""
    a, b = polynomial
    return {"n2": a if isinstance(a, int) else float(a), "n": b}


def cell_text(path: Path) -> str:
    """Return the text of a file or stream that may hold a cell, without reading much of one that cannot.

    Raises:
        CellError: It cannot be read, or cannot be a cell.
    """
    try:
        with path.open("rb") as file:
            content = file.read(language.MAX_BYTES + 1)
    except OSError as error:
        raise CellError(f"{path}: {error.strerror}") from None
    if len(content) > language.MAX_BYTES:
        raise CellError(f"{path}: more than {language.MAX_BYTES:,} bytes; a cell is a short text")
    if content.startswith((b"PK\x03\x04", b"\x80\x04", b"\x80\x05", b"\x80\x02")):
        raise CellError(f"{path}: a pickle or archive; a cell is plain text, and nothing is ever unpickled")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise CellError(f"{path}: no UTF-8 text (byte {error.start}); a cell is plain text") from None


def _looks_like_a_path(text: str) -> bool:
    """Whether it is one line that ends as the names of cell files do."""
    return text.endswith(".cell") and "\n" not in text


def _hint(given: object) -> str:
    """Return how the text is had of something that is none."""
    if isinstance(given, bytes | bytearray | memoryview):
        return "; decode it: bytes(...).decode()"
    if isinstance(given, os.PathLike):
        return f"; {OF_A_PATH}"
    return "; give what its read() returns" if hasattr(given, "read") else ""


def _cell(graph: Graph) -> Cell:
    return Cell(**{field.name: getattr(graph, field.name) for field in fields(graph)})
