"""Prints the adjoint of the forward pass: what runs around the kernels."""

from __future__ import annotations

from archsearch.compiler.native.source import deferred
from archsearch.compiler.native.source.address import rows
from archsearch.compiler.native.source.printer import Printer
from archsearch.compiler.program import Zone
from archsearch.compiler.program.kernels import Argument, Multiply


class BackwardPrinter(Printer):
    """The body of `backward`."""

    back = True

    def print(self) -> None:
        """Print all of it."""
        self.arrays()
        self.vectors()
        self.pack()
        for handle in self.program.vectors:
            sums = self.array(f"L{handle}", "Hs")
            self.say(f"spread(L->adding ? L->dw[{self.weight(handle)}] : 0, H, {sums}, Hs, 1);")
        self.begin()
        self.zone(Zone.EPILOGUE, self.program.backward[Zone.EPILOGUE])
        if self.plan.carried:
            self.core()
        self.vector_gradients(looped=True)
        self.say("if (L->brief) return;")
        self.zone(Zone.PROLOGUE, self.program.backward[Zone.PROLOGUE])
        self.vector_gradients(looped=False)
        deferred.print_weight_gradients(self)
        deferred.print_input_gradients(self)

    def arrays(self) -> None:
        """Make room for gradients; those of sums lie where the sums lay, unless a product's input must outlast them."""
        sources = {product.source for product in self.plan.products}
        if any(accumulator.value in sources for accumulator in self.plan.accumulators):
            self.array("D", "rows * S")
        else:
            self.say("real* D = P;")
        for name in sorted(self.program.written):
            if not name.startswith("L"):
                self.array(name, "rows * Hs" if name.startswith("GR") else "B * Hs")
        for state in self.plan.carried:
            self.array(f"N{state}", "B * Hs")
            self.array(f"D{state}", "B * Hs")

    def pack(self) -> None:
        """Pack the weights of all products, those of one below each other."""
        for number, product in enumerate(self.plan.products):
            count, deep = len(product.linears), self.deep(product)
            packed = self.array(f"W{number}", f"panels({deep}) * {count} * deepened(H)")
            call = f"gemm.pack_backward(of, {count}, H, {deep}, {packed});"
            self.say(f"{{ const real* of[] = {{{self.matrices(product)}}}; {call} }}")

    def begin(self) -> None:
        """Begin with the gradients of what the layer handed over."""
        if not self.program.carries_output:
            output = f"GR{self.cell.output}"
            self.say(
                f"spread(L->dout, H, {output}, Hs, rows);",
                f"add_rows(L->dsT[0], H, {output} + (rows - B) * Hs, Hs, B);",
                "if (L->ds0[0]) zero(L->ds0[0], B * H);",
            )
        for state in self.plan.carried:
            self.say(f"spread(L->dsT[{self.plan.state[state]}], H, D{state}, Hs, B);")

    def core(self) -> None:
        """Print the loop back in time: D7 is the gradient of state 7 after the step, N7 before it."""
        carried = self.plan.carried
        with self.block("for (long t = T - 1; t >= 0; t--)"):
            if self.program.carries_output:
                output = self.cell.state_nodes[0].handle
                self.say(f"add_rows(L->dout ? L->dout + t * B * H : 0, H, D{output}, Hs, B);")
            self.zone(Zone.CORE, self.program.backward[Zone.CORE])
            zeroing = " ".join(f"zero(N{state} + b * Hs, Hs);" for state in carried)
            self.say(f"if (L->reset) for (long b = 0; b < B; b++) if (L->reset[t * B + b]) {{ {zeroing} }}")
            self.say(*(f"exchange(D{state}, N{state});" for state in carried))
        for state in carried:
            start = f"L->ds0[{self.plan.state[state]}]"
            self.say(f"if ({start}) gather(D{state}, Hs, {start}, H, B);")

    def vector_gradients(self, looped: bool) -> None:
        """Hand over the gradients of learned vectors, of those that the loop over time reads or of the others."""
        for handle in self.program.vectors:
            if (handle in self.program.looped) == looped:
                into = f"L->dw[{self.weight(handle)}]"
                self.say(f"if ({into}) memcpy({into}, L{handle}, H * sizeof(real));")

    def product(self, multiply: Multiply, core: bool) -> None:
        """Print δ · W, which is added to the gradient of a product's input, or begins it."""
        product = self.plan.products[multiply.number]
        assert multiply.into is not None
        delta, stride = rows(Argument("D", product.first), core)
        into, apart = rows(multiply.into, core)
        start = f"{into}, {apart}" if multiply.adding else "0, 0"
        left = f"{delta}, {stride}, 1, {len(product.linears)}, H, Hs"
        count = "B" if core else "rows"
        self.say(f"gemm.run({left}, W{multiply.number}, {start}, {into}, {apart}, {count}, panels(H));")
