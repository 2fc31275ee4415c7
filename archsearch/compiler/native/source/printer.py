"""What the printers of forward and backward share: lines and blocks, arrays for one call, packed weights."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from archsearch.compiler.native.source.cpp_dialect import printed
from archsearch.compiler.parameters import parameter_names, weight_name
from archsearch.compiler.program import X_AS_IT_CAME, Product, Zone
from archsearch.compiler.program.kernels import Instruction, Kernel, Multiply
from archsearch.compiler.program.program import Program


class Printer:
    """Lines of C++, and the arrays that they need for one call.

    Attributes:
        program: What is printed.
        plan: The cell's plan.
        cell: The canonical form.
        parameter: The positions of the parameters, by name.
        lines: What was printed so far.
        depth: How many blocks are open.
        work: The arrays, with their sizes.
        back: Whether time runs back.
    """

    back = False

    def __init__(self, program: Program) -> None:
        self.program, self.plan, self.cell = program, program.plan, program.cell
        self.parameter = {name: position for position, name in enumerate(parameter_names(program.cell))}
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

    def array(self, name: str, size: str) -> str:
        """Return `name`, an array that lives for one call."""
        self.work[name] = size
        return name

    def weight(self, handle: int) -> int:
        """Return which parameter a node's matrix or vector is."""
        return self.parameter[weight_name(self.cell.node(handle).owner)]

    def matrix(self, linear: int) -> str:
        """Return where what a linear node multiplies with lies; a matrix with heads is put together first."""
        node, whole = self.cell.node(linear), f"w[{self.weight(linear)}]"
        if node.heads > 1:
            given, whole = whole, self.array(f"M{linear}", "H * H")
            self.say(f"whole_matrix({given}, H, {node.heads}, {whole});")
        if node.transposed:
            given, whole = whole, self.array(f"T{linear}", "H * H")
            self.say(f"transposed({given}, H, {whole});")
        return whole

    def deep(self, product: Product) -> str:
        """Return how wide a product's input is."""
        return "I" if product.source == X_AS_IT_CAME else "H"

    def vectors(self) -> None:
        """Fill the padded learned vectors."""
        for node in self.cell.ops:
            if node.op == "scale":
                vector = self.array(f"V{node.handle}", "Hs")
                self.say(f"spread(w[{self.weight(node.handle)}], H, {vector}, Hs, 1);")

    def pack(self, direction: str) -> None:
        """Pack the weights of all products, those of one side by side."""
        forward = direction == "forward"
        for number, product in enumerate(self.plan.products):
            count, deep = len(product.linears), self.deep(product)
            size = f"panels({count} * Hs) * {deep}" if forward else f"panels({deep}) * {count} * H"
            packed = self.array(f"W{number}", size)
            weights = ", ".join(map(self.matrix, product.linears))
            width = "H, Hs" if forward else "H"
            call = f"gemm.pack_{direction}(of, {count}, {width}, {deep}, {packed});"
            self.say(f"{{ const real* of[] = {{{weights}}}; {call} }}")

    def zone(self, zone: Zone, instructions: Sequence[Instruction]) -> None:
        """Print the instructions of a zone."""
        for instruction in instructions:
            if isinstance(instruction, Kernel):
                self.kernel(instruction, zone == Zone.CORE)
            else:
                self.product(instruction, zone == Zone.CORE)

    def kernel(self, kernel: Kernel, core: bool) -> None:
        """Print a kernel for the rows of a step, or for all of them."""
        text = printed(
            kernel, self.cell, core, fetches=core and self.back and not self.plan.has_core_products
        )
        self.say(*text.lines)
        self.work |= {name: "Hs" for name in text.scratch}

    def product(self, multiply: Multiply, core: bool) -> None:
        """Print a product for the rows of a step, or for all of them."""
        raise NotImplementedError
