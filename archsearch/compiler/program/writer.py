"""Kernels while they are written, from the same expressions as all other code that is printed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from archsearch.cell.ops import OPS
from archsearch.compiler.program.kernels import Argument, Instruction, Kernel, Line
from archsearch.compiler.program.layout import MemoryLayout


@dataclass
class KernelWriter:
    """A kernel that is being written.

    Attributes:
        name: Of the kernel.
        arguments: What it reads and writes, with their positions.
        lines: In order.
        known: Variables that have a value.
    """

    name: str
    arguments: dict[Argument, int] = field(default_factory=dict)
    lines: list[Line] = field(default_factory=list)
    known: set[str] = field(default_factory=set)

    def argument(self, of: Argument) -> int:
        """Return the position of an argument."""
        return self.arguments.setdefault(of, len(self.arguments))

    def load(self, name: str, of: Argument) -> str:
        """Load an argument into a variable, once; return the variable."""
        if name not in self.known:
            self.lines.append(Line("load", name, argument=self.argument(of)))
            self.known.add(name)
        return name

    def let(self, name: str, text: str) -> str:
        """Compute a variable; return it."""
        self.lines.append(Line("let", name, text))
        self.known.add(name)
        return name

    def number(self, name: str, value: float) -> str:
        """Make a constant, once; return its variable."""
        if name not in self.known:
            self.lines.append(Line("number", name, repr(value)))
            self.known.add(name)
        return name

    def over_row(self, kind: Literal["root", "mean"], name: str, text: str) -> str:
        """Compute a number of every row, which all lines after this may read; return its variable.

        Args:
            kind: `root`: 1 / root mean square; `mean`: the mean.
            name: The variable.
            text: One variable for a root, one or a product of two for a mean.
        """
        self.lines.append(Line(kind, name, text))
        self.known.add(name)
        return name

    def store(self, to: Argument, text: str, adding: bool = False) -> None:
        """Write an expression.

        Args:
            to: Where to.
            text: The expression.
            adding: Whether it is added to what is there.
        """
        if adding:
            self.lines.append(Line("load", f"old{len(self.lines)}", argument=self.argument(to)))
            text = f"{self.lines[-1].name} + {text}"
        self.lines.append(Line("store", "", text, self.argument(to)))

    def finish(self, instructions: list[Instruction]) -> None:
        """Append the kernel, if it stores anything."""
        if any(line.kind == "store" for line in self.lines):
            instructions.append(Kernel(self.name, tuple(self.arguments), tuple(self.lines)))

    def value(self, layout: MemoryLayout, handle: int) -> str:
        """Return a variable that holds the value of a node: loaded, or computed again from what is stored."""
        node, name = layout.plan.cell.node(handle), f"v{handle}"
        if name in self.known:
            return name
        if node.op == "number":
            return self.number(name, node.value)
        if layout.stored(handle):
            return self.load(name, layout.home(handle))
        assert OPS[node.op].rule.cheap, f"node {handle} is not stored and too dear to compute again"
        return self.compute(layout, handle)

    def compute(self, layout: MemoryLayout, handle: int) -> str:
        """Compute a node from its operands; return its variable."""
        node = layout.plan.cell.node(handle)
        operands = [self.value(layout, source) for source in node.inputs]
        vector = self.load(f"w{handle}", Argument(f"V{handle}", when="lane")) if node.learns else ""
        over_row = {"root": f"root{handle}", "average": f"average{handle}"}
        text = OPS[node.op].rule.forward.format(*operands, w=vector, **over_row)
        return self.let(f"v{handle}", text)
