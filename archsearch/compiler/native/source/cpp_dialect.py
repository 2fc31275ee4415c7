"""The C++ dialect: a kernel as loops over rows, and over vectors in a row, for a CPU that runs one row after another.

What needs a number of the whole row waits for a second loop over it. Activations that lie where their sums lay come first,
in loops of their own, where others follow on them: a processor overlaps passes through a loop as far as it looks ahead,
which is too short for two in a chain.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from archsearch.cell import Cell
from archsearch.cell.ops import OPS
from archsearch.compiler.native.source.address import row
from archsearch.compiler.program.kernels import Argument, Kernel, Line

WORD = re.compile(r"[a-z]\w*")


@dataclass
class Text:
    """A kernel as C++.

    Attributes:
        lines: Of C++, none if there is nothing to do.
        scratch: Rows that it needs for itself.
    """

    lines: list[str] = field(default_factory=list)
    scratch: set[str] = field(default_factory=set)


def printed(kernel: Kernel, cell: Cell, core: bool) -> Text:
    """Return a kernel as C++.

    Args:
        kernel: It, written row by row.
        cell: The canonical form, whose ops say which variables are dear to compute.
        core: Whether it runs over the B rows of step `t`, else over all rows.
    """
    body = _Body(kernel, cell)
    lines = ["  " + line for line in body.printed()]
    if not lines:
        return Text()
    head = "for (long b = 0; b < B; b++) {" if core else "for (long r = 0; r < rows; r++) {"
    index = ["  const long r = t * B + b;"] if core else []
    return Text([head, *index, *lines, "}"], body.scratch)


def over_vectors(count: int = 1) -> str:
    """Return the head of a loop over a row, or the rows of neighbouring accumulators, vector by vector."""
    width = "Hs" if count == 1 else f"{count} * Hs"
    return f"for (long j = 0; j < {width}; j += W) {{"


@dataclass(frozen=True)
class _Activation:
    """An activation that lies where its sum lay.

    Attributes:
        name: Its variable.
        function: The text, `{}` for the sum.
        store: The line that stores it.
        place: Where.
    """

    name: str
    function: str
    store: Line
    place: Argument

    def follows(self, other: _Activation) -> bool:
        """Whether two are alike and side by side."""
        return self.function == other.function and self.place.accumulator == other.place.accumulator + 1


class _Body:
    """What is done with a row, in stages: loops over it, each of which may read numbers of all that is before.

    Attributes:
        kernel: What is printed.
        cell: The canonical form.
        lines: The kernel's, but stores of what was loaded from there.
        made: For each variable the line that makes it.
        scratch: Rows for variables that the end of the row must find.
    """

    def __init__(self, kernel: Kernel, cell: Cell) -> None:
        self.kernel, self.cell = kernel, cell
        self.made = {line.name: line for line in kernel.lines if line.name}
        self.lines = [line for line in kernel.lines if not self.is_idle(line)]
        self.scratch: set[str] = set()

    def printed(self) -> Iterator[str]:
        """Yield the lines of C++."""
        yield from self.activations()
        stages = self.stages()
        self.scratch |= {
            f"Q{name}"
            for line, stage in stages.items()
            for name in self.reads(line)
            if self.made[name].kind == "let" and stages[self.made[name]] < stage
        }
        for stage in range(max(stages.values(), default=-1) + 1):
            lines = {line for line in stages if stages[line] == stage}
            yield from self.numbers_of_rows(lines)
            yield from self.elements(lines)

    def argument(self, line: Line) -> Argument:
        """Return what a load or a store names."""
        return self.kernel.arguments[line.argument]

    def reads(self, line: Line) -> list[str]:
        """Return the variables that a line reads."""
        return [word for word in WORD.findall(line.text) if word in self.made]

    def is_idle(self, line: Line) -> bool:
        """Whether a line stores what was loaded from there."""
        origin = self.made.get(line.text) if line.kind == "store" else None
        return origin is not None and origin.kind == "load" and origin.argument == line.argument

    # -- activations in loops of their own ------------------------------------------------------------------------------

    def activations(self) -> Iterator[str]:
        """Yield loops over activations in place, if others follow on them; what is left loads their results."""
        early = sorted(self.in_place(), key=lambda activation: activation.place.accumulator)
        if not self.leads_on({activation.name for activation in early}):
            return
        runs: list[list[_Activation]] = []
        for activation in early:
            if runs and activation.follows(runs[-1][-1]):
                runs[-1].append(activation)
            else:
                runs.append([activation])
        for run in runs:
            sums = f"{row(run[0].place)} + j"
            yield over_vectors(len(run))
            yield f"  st({sums}, {run[0].function.format(f'ld({sums})')});"
            yield "}"
        loads = {one.name: Line("load", one.name, argument=one.store.argument) for one in early}
        stored = {activation.store for activation in early}
        self.lines = [loads.get(line.name, line) for line in self.lines if line not in stored]
        self.made |= loads

    def in_place(self) -> Iterator[_Activation]:
        """Yield the dear activations that are stored where their operand was loaded, and no state's next values."""
        fed = {line.text for line in self.stores() if self.argument(line).when == "next"}
        for store in self.stores():
            value = self.made.get(store.text)
            if value is None or value.kind != "let" or value.name in fed or not self.is_dear(value):
                continue
            operands = [self.made[name] for name in self.reads(value)]
            if [(line.kind, line.argument) for line in operands] == [("load", store.argument)]:
                function = value.text.replace(operands[0].name, "{}")
                yield _Activation(value.name, function, store, self.argument(store))

    def stores(self) -> list[Line]:
        """Return the lines that store."""
        return [line for line in self.lines if line.kind == "store"]

    def is_dear(self, line: Line) -> bool:
        """Whether a line computes a node that costs more than to load it."""
        return line.name.startswith("v") and not OPS[self.cell.node(int(line.name[1:])).op].rule.cheap

    def leads_on(self, names: set[str]) -> bool:
        """Whether something dear depends on one of these variables."""
        reached = set(names)
        for line in self.lines:
            if line.kind == "let" and not reached.isdisjoint(self.reads(line)):
                if self.is_dear(line):
                    return True
                reached.add(line.name)
        return False

    # -- stages -----------------------------------------------------------------------------------------------------------

    def stages(self) -> dict[Line, int]:
        """Return for each line that does something in which loop over the row it does it."""
        stages: dict[Line, int] = {}
        for line in self.lines:
            if line.kind in ("load", "number"):
                continue
            computed = [self.made[name] for name in self.reads(line) if self.made[name] in stages]
            waits = line.kind in ("root", "mean") and bool(computed)
            stages[line] = max((stages[before] for before in computed), default=0) + waits
        return stages

    def numbers_of_rows(self, lines: set[Line]) -> Iterator[str]:
        """Yield what is computed, loaded and stored once for a row."""
        needed = {name for line in lines for name in self.reads(line)}
        for line in self.lines:
            match line.kind:
                case "root" if line in lines:
                    yield from self.fills(line)
                    yield f"const real {line.name} = inverse_root({self.row(line.text)}, H);"
                case "mean" if line in lines:
                    left, right = line.text.split(" * ")
                    yield f"const real {line.name} = dot({self.row(left)}, {self.row(right)}, H) / H;"
                case "load" if line.name in needed and self.argument(line).narrow:
                    yield f"const real {line.name} = {self.argument(line).array}[r];"
                case "store" if line in lines and self.argument(line).narrow:
                    yield f"{self.argument(line).array}[r] = {line.text};"

    def fills(self, root: Line) -> Iterator[str]:
        """Yield what puts a number where a sum can read it."""
        number = self.made[root.text]
        if number.kind == "number":
            self.scratch.add(f"Q{number.name}")
            yield f"fill(Q{number.name}, (real){number.text}, Hs);"

    def row(self, name: str) -> str:
        """Return where the values of a variable in the row at hand lie."""
        line = self.made[name]
        return row(self.argument(line)) if line.kind == "load" else f"Q{name}"

    def elements(self, lines: set[Line]) -> Iterator[str]:
        """Yield a loop over the row, vector by vector."""
        statements = [statement for line in self.lines for statement in self.statements(line, lines)]
        if statements:
            yield over_vectors()
            yield from ("  " + statement for statement in statements)
            yield "}"

    def statements(self, line: Line, lines: set[Line]) -> Iterator[str]:
        """Yield what one line is in the loop of some."""
        if line.kind == "let" and line in lines:
            yield f"V {line.name} = {line.text};"
            if f"Q{line.name}" in self.scratch:
                yield f"st(Q{line.name} + j, {line.name});"
        elif line.kind == "store":
            if line in lines and not self.argument(line).narrow:
                yield f"st({row(self.argument(line))} + j, {line.text});"
        elif line.name in {
            name for user in lines if user.kind in ("let", "store") for name in self.reads(user)
        }:
            yield from self.brought(line)

    def brought(self, line: Line) -> Iterator[str]:
        """Yield what brings a variable into a loop from without."""
        if line.kind == "number":
            yield f"V {line.name} = all((real){line.text});"
        elif line.kind == "let" or line.kind == "load" and not self.argument(line).narrow:
            yield f"V {line.name} = ld({self.row(line.name)} + j);"
