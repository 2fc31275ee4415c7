"""Prints the forward pass: what runs around the kernels."""

from __future__ import annotations

from archsearch.compiler.native.source.address import rows
from archsearch.compiler.native.source.printer import Printer
from archsearch.compiler.parameters import bias_name
from archsearch.compiler.program import X_AS_IT_CAME, Zone
from archsearch.compiler.program.kernels import Argument, Multiply
from archsearch.compiler.program.program import Program


class ForwardPrinter(Printer):
    """The body of `forward`.

    Attributes:
        begins: Products that are the first of all their sums.
        unbegun: Accumulators that none of them begins.
    """

    def __init__(self, program: Program) -> None:
        super().__init__(program)
        self.begins: set[int] = set()
        self.unbegun: set[int] = set()
        begun: set[int] = set()
        for number, product in enumerate(self.plan.products):
            sums = set(range(product.first, product.first + len(product.linears)))
            if begun.isdisjoint(sums):
                self.begins.add(number)
            else:
                self.unbegun |= sums - begun
            begun |= sums

    def print(self) -> None:
        """Print all of it."""
        self.vectors()
        self.pack()
        self.sums_of_x()
        if self.cell.needs_projection:
            self.say("spread(L->xr, H, XR, Hs, rows);")
        for state in self.plan.carried:
            self.say(f"spread(L->s0[{self.plan.state[state]}], H, E{state}, Hs, B);")
        self.zone(Zone.PROLOGUE, self.program.forward[Zone.PROLOGUE])
        if self.plan.carried:
            self.core()
        self.zone(Zone.EPILOGUE, self.program.forward[Zone.EPILOGUE])
        self.results()

    def pack(self) -> None:
        """Gather the matrices of all products, and pack those side by side that more than one step multiplies with."""
        for number, product in enumerate(self.plan.products):
            self.say(f"const real* F{number}[] = {{{self.matrices(product)}}};")
            if product.place.zone == Zone.CORE:
                count, deep = len(product.linears), self.deep(product)
                packed = self.array(f"W{number}", f"T > 1 ? panels({count} * Hs) * deepened({deep}) : 0")
                self.say(f"if (T > 1) gemm.pack_forward(F{number}, {count}, H, Hs, {deep}, {packed});")

    def sums_of_x(self) -> None:
        """Begin every sum with its biases and what x adds; where x has few different rows, once for each of those."""
        self.say(f"zero({self.array('bias', 'S')}, S);")
        for position, accumulator in enumerate(self.plan.accumulators):
            for linear in accumulator.linears:
                if (bias := self.parameter.get(bias_name(linear))) is not None:
                    self.say(f"add_rows(w[{bias}], H, bias + {position} * Hs, Hs, 1);")
        self.say(f"real* X = L->index ? {self.array('G', 'rows * S')} : P;")
        for position in sorted(self.unbegun):
            place = f"{position} * Hs"
            copy = f"memcpy(X + r * S + {place}, bias + {place}, Hs * sizeof(real));"
            self.say(f"for (long r = 0; r < few; r++) {copy}")
        for number, product in enumerate(self.plan.products):
            if product.source == X_AS_IT_CAME:
                self.multiply(number, "L->x, I", f"X + {product.first} * Hs, S", "few")
        self.say("if (L->index) repeat(G, L->index, P, S, rows);")

    def multiply(self, number: int, source: str, sums: str, count: str) -> None:
        """Print a product: it adds to its sums, or begins them with their biases.

        Args:
            number: Its position in the plan.
            source: Where its input's rows begin, and how far apart they are.
            sums: The same of its sums.
            count: How many rows.
        """
        product = self.plan.products[number]
        start = f"bias + {product.first} * Hs, 0" if number in self.begins else sums
        slots, deep, into = len(product.linears), self.deep(product), f"{start}, {sums}, {count}"
        once = f"gemm.run_once({source}, F{number}, {slots}, H, Hs, {deep}, {into});"
        if product.place.zone == Zone.CORE:
            self.say(
                f"if (T > 1) gemm.run({source}, 1, 1, {deep}, 0, W{number}, {into}, {slots} * Hs);",
                f"else {once}",
            )
        else:
            self.say(once)

    def product(self, multiply: Multiply, core: bool) -> None:
        """Print a product for the rows of a step, or for all of them."""
        product = self.plan.products[multiply.number]
        source = ", ".join(rows(self.program.layout.source(product), core))
        sums = ", ".join(rows(Argument("P", product.first), core))
        self.multiply(multiply.number, source, sums, "B" if core else "rows")

    def core(self) -> None:
        """Print the loop over time; row t + 1 of E7 is state 7 after step t."""
        with self.block("for (long t = 0; t < T; t++)"):
            zeroing = " ".join(f"zero(E{state} + (t * B + b) * Hs, Hs);" for state in self.plan.carried)
            self.say(f"if (L->reset) for (long b = 0; b < B; b++) if (L->reset[t * B + b]) {{ {zeroing} }}")
            self.zone(Zone.CORE, self.program.forward[Zone.CORE])
            if self.program.carries_output:
                output = self.cell.state_nodes[0].handle
                self.say(f"gather(E{output} + (t + 1) * B * Hs, Hs, L->out + t * B * H, H, B);")

    def results(self) -> None:
        """Hand over the output where nothing reads it within the cell, and the last states."""
        if not self.program.carries_output:
            array, stride = rows(self.program.layout.home(self.cell.output), core=False)
            self.say(f"gather({array}, {stride}, L->out, H, rows);")
        for state, position in self.plan.state.items():
            last = f"E{state} + rows * Hs, Hs" if state in self.plan.carried else "L->out + (rows - B) * H, H"
            self.say(f"gather({last}, L->sT[{position}], H, B);")
