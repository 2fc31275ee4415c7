"""What the printers of forward and backward share: lines, loops over rows, and bringing a value into a variable."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from archsearch.cell import Node
from archsearch.compiler.adjoint import RULES
from archsearch.compiler.native.source.layout import Layout
from archsearch.compiler.program import Zone

Known = dict[int, str]
"""The variables that hold values in the row and place at hand."""


class Printer:
    """Lines of C++, and the arrays that they need for one call."""

    def __init__(self, layout: Layout) -> None:
        self.layout, self.plan, self.cell = layout, layout.plan, layout.cell
        self.lines: list[str] = []
        self.depth = 1
        self.work: dict[str, str] = {}

    def say(self, *lines: str) -> None:
        """Print lines."""
        self.lines += ["  " * self.depth + line for line in lines]

    @contextmanager
    def block(self, head: str) -> Iterator[None]:
        """Print a block around what is printed in it."""
        self.say(f"{head} {{")
        self.depth += 1
        yield
        self.depth -= 1
        self.say("}")

    @contextmanager
    def each_row(self, zone: Zone) -> Iterator[None]:
        """Loop over the rows of a step in the core, over all rows elsewhere."""
        core = zone == Zone.CORE
        with self.block("for (long b = 0; b < B; b++)" if core else "for (long r = 0; r < rows; r++)"):
            if core:
                self.say("const long r = t * B + b;")
            yield

    @contextmanager
    def each_vector(self) -> Iterator[None]:
        """Loop over a row, vector by vector."""
        with self.block("for (long j = 0; j < Hs; j += W)"):
            yield

    def array(self, name: str, size: str) -> str:
        """Return `name`, an array that lives for one call."""
        self.work[name] = size
        return name

    def constants(self) -> None:
        """Fill the padded learned vectors, and the numbers that must lie in memory."""
        for node in self.cell.ops:
            if node.op == "scale":
                self.say(
                    f"spread(w[{self.layout.weight(node.handle)}], H, {self.array(f'C{node.handle}', 'Hs')}, Hs, 1);"
                )
        for node in self.cell.nodes:
            if node.op == "number":
                self.say(f"fill({self.array(f'C{node.handle}', 'Hs')}, {literal(node.value)}, Hs);")

    def pack(self, direction: str) -> None:
        """Pack the weights of all products, those of one side by side."""
        forward = direction == "forward"
        for number, product in enumerate(self.plan.products):
            count, (_, _, deep) = len(product.linears), self.layout.source(product)
            size = f"panels({count} * Hs) * {deep}" if forward else f"panels({deep}) * {count} * H"
            packed = self.array(f"W{number}", size)
            weights = ", ".join(f"w[{self.layout.weight(linear)}]" for linear in product.linears)
            width = "H, Hs" if forward else "H"
            call = f"gemm.pack_{direction}(of, {count}, {width}, {deep}, {packed});"
            self.say(f"{{ const real* of[] = {{{weights}}}; {call} }}")

    def compute(self, node: Node, known: Known) -> str:
        """Print `V v7 = …` from the operands; return the variable."""
        operands = [self.value(source, known) for source in node.inputs]
        text = RULES[node.op].forward.format(
            *operands, w=f"ld(C{node.handle} + j)", root=f"root{node.handle}"
        )
        self.say(f"V v{node.handle} = {text};")
        known[node.handle] = f"v{node.handle}"
        return known[node.handle]

    def value(self, handle: int, known: Known) -> str:
        """Return a variable that holds a value in row r: loaded, or computed again from what is stored."""
        node = self.cell.node(handle)
        if handle in known:
            return known[handle]
        if node.op == "number":
            return f"all({literal(node.value)})"
        if not self.layout.stored(handle):
            assert RULES[node.op].cheap, f"node {handle} is not stored and too dear to compute again"
            return self.compute(node, known)
        self.say(f"V v{handle} = ld({self.layout.at(handle)} + j);")
        known[handle] = f"v{handle}"
        return known[handle]


def literal(value: float) -> str:
    """Return a number as C++ has it."""
    return f"(real){value!r}"
