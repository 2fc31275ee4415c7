"""The C++ dialect: a kernel as loops over rows, and over vectors in a row, for a CPU that runs one row after another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from archsearch.cell import Cell
from archsearch.compiler.native.source.activations import activations_first
from archsearch.compiler.native.source.address import row
from archsearch.compiler.program.kernels import Kernel, Line


@dataclass(frozen=True)
class Text:
    """A kernel as C++.

    Attributes:
        lines: Of C++, none if there is nothing to do.
        scratch: Rows that it needs for itself.
    """

    lines: list[str]
    scratch: set[str]


def printed(kernel: Kernel, cell: Cell, core: bool, fetches: bool = False) -> Text:
    """Return a kernel as C++.

    Args:
        kernel: It, written row by row.
        cell: The canonical form, whose ops say which variables are dear to compute.
        core: Whether it runs over the B rows of step `t`, else over all rows.
        fetches: Whether it asks for the rows of earlier steps.
    """
    early, rest = activations_first(kernel, cell)
    body = _Row(rest, fetches)
    lines: list[str] = []
    for activation in early:
        sums = f"{row(activation.first)} + j"
        lines += over_vectors([f"st({sums}, {activation.function.format(f'ld({sums})')});"], activation.count)
    lines += body.printed()
    return Text(over_rows(lines, core) if lines else [], body.scratch)


def over_rows(lines: list[str], core: bool) -> list[str]:
    """Return a loop over the rows of a step in the core, over all rows elsewhere."""
    head = "for (long b = 0; b < B; b++) {" if core else "for (long r = 0; r < rows; r++) {"
    index = ["  const long r = t * B + b;"] if core else []
    return [head, *index, *("  " + line for line in lines), "}"]


def over_vectors(lines: list[str], count: int = 1) -> list[str]:
    """Return a loop over a row, or over the rows of neighbouring accumulators, vector by vector."""
    width = "Hs" if count == 1 else f"{count} * Hs"
    return [f"for (long j = 0; j < {width}; j += W) {{", *("  " + line for line in lines), "}"]


class _Row:
    """What is done with a row: in one loop, or two, where the second needs sums over what the first has computed.

    Attributes:
        kernel: What is printed.
        fetches: Whether it asks for rows of earlier steps.
        parts: The lines of both, but stores of what was loaded from there; those from the first sum over what is computed
            here are of the second.
        scratch: Rows of variables over which there are sums.
    """

    def __init__(self, kernel: Kernel, fetches: bool) -> None:
        self.kernel, self.fetches = kernel, fetches
        lines = [line for line in kernel.lines if not self.is_idle(line)]
        cut = next((number for number, line in enumerate(lines) if self.is_late(line)), len(lines))
        self.parts = lines[:cut], lines[cut:]
        summed = {source for line in lines if line.kind in ("root", "mean") for source in kernel.reads(line)}
        self.scratch = {f"Q{line.name}" for line in summed if line.kind != "load"}

    def is_idle(self, line: Line) -> bool:
        """Whether a line stores what was loaded from there."""
        source = self.kernel.variables.get(line.text) if line.kind == "store" else None
        return source is not None and source.kind == "load" and source.argument == line.argument

    def is_late(self, line: Line) -> bool:
        """Whether a line is a mean of what this kernel computes."""
        return line.kind == "mean" and any(source.kind == "let" for source in self.kernel.reads(line))

    def printed(self) -> Iterator[str]:
        """Yield the lines of C++."""
        for lines in self.parts:
            yield from self.numbers(lines)
            if statements := [*self.statements(lines)]:
                yield from over_vectors(statements)

    def place(self, line: Line) -> str:
        """Return where a variable of the row at hand lies."""
        return row(self.kernel.argument(line)) if line.kind == "load" else f"Q{line.name}"

    def is_narrow(self, line: Line) -> bool:
        """Whether a line loads or stores a single number."""
        return line.argument >= 0 and self.kernel.argument(line).narrow

    def numbers(self, lines: Sequence[Line]) -> Iterator[str]:
        """Yield what is computed, loaded and stored once for a row."""
        read = self.read_by(lines)
        for line in self.kernel.lines:
            sources = self.kernel.reads(line)
            if line.kind == "load" and line in read and self.is_narrow(line):
                yield f"const real {line.name} = {self.kernel.argument(line).array}[r];"
            elif line not in lines:
                continue
            elif line.kind in ("root", "mean"):
                if sources[0].kind == "number":
                    yield f"fill({self.place(sources[0])}, (real){sources[0].text}, Hs);"
                yield self.over_row(line, [self.place(source) for source in sources])
            elif line.kind == "store" and self.is_narrow(line):
                yield f"{self.kernel.argument(line).array}[r] = {line.text};"

    @staticmethod
    def over_row(line: Line, places: list[str]) -> str:
        """Return what computes a root or a mean of the rows at these places; a mean of one row is a vector of it."""
        if line.kind == "root":
            return f"const real {line.name} = inverse_root({places[0]}, H);"
        if len(places) == 1:
            return f"const V {line.name} = all(total({places[0]}, H) / H);"
        return f"const real {line.name} = dot({', '.join(places)}, H) / H;"

    def statements(self, lines: Sequence[Line]) -> Iterator[str]:
        """Yield what is done with a vector."""
        read = self.read_by([line for line in lines if line.kind in ("let", "store")])
        for line in self.kernel.lines:
            if line.kind == "number" and line in read:
                yield f"V {line.name} = all((real){line.text});"
            elif self.is_narrow(line):
                continue
            elif line.kind in ("load", "let") and line in read and (line.kind == "load" or line not in lines):
                if self.fetches and line.kind == "load" and self.kernel.argument(line).when == "row":
                    yield f"fetch({row(self.kernel.argument(line), '(r - BEFORE)')} + j);"
                yield f"V {line.name} = ld({self.place(line)} + j);"
            elif line.kind == "let" and line in lines:
                yield f"V {line.name} = {line.text};"
                if f"Q{line.name}" in self.scratch:
                    yield f"st(Q{line.name} + j, {line.name});"
            elif line.kind == "store" and line in lines:
                yield f"st({row(self.kernel.argument(line))} + j, {line.text});"

    def read_by(self, lines: Sequence[Line]) -> set[Line]:
        """Return the lines that make what some read."""
        return {source for line in lines for source in self.kernel.reads(line)}
