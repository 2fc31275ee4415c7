"""Prints the forward pass."""

from __future__ import annotations

from archsearch.cell.graph import LEAVES
from archsearch.compiler.adjoint import RULES
from archsearch.compiler.native.source.layout import Layout
from archsearch.compiler.native.source.printer import Known, Printer, literal
from archsearch.compiler.parameters import bias_name
from archsearch.compiler.program import X_AS_IT_CAME, Product, Segment, Zone


class Forward(Printer):
    """The body of `forward`."""

    def __init__(self, layout: Layout) -> None:
        super().__init__(layout)
        self.begins: set[int] = set()
        """Products that are the first of all their sums."""
        self.unbegun: set[int] = set()
        """Accumulators that none of them begins."""
        begun: set[int] = set()
        for number, product in enumerate(self.plan.products):
            accumulators = set(range(product.first, product.first + len(product.linears)))
            if begun.isdisjoint(accumulators):
                self.begins.add(number)
            else:
                self.unbegun |= accumulators - begun
            begun |= accumulators

    def print(self) -> None:
        """Print all of it."""
        self.constants()
        self.pack("forward")
        self.products_of_x()
        if self.layout.reads_x:
            self.say("spread(L->xr, H, XR, Hs, rows);")
        for state in self.plan.carried:
            self.say(f"spread(L->s0[{self.layout.state[state]}], H, E{state}, Hs, B);")
        self.zone(Zone.PROLOGUE)
        if self.plan.carried:
            self.core()
        self.zone(Zone.EPILOGUE)
        self.results()

    def products_of_x(self) -> None:
        """Begin every sum with its biases and what x adds; where x has few different rows, once for each of those."""
        self.say(f"zero({self.array('bias', 'S')}, S);")
        for position, accumulator in enumerate(self.plan.accumulators):
            for linear in accumulator.linears:
                if (bias := self.layout.parameter.get(bias_name(linear))) is not None:
                    self.say(f"add_rows(w[{bias}], H, bias + {position} * Hs, Hs, 1);")
        self.say(f"real* X = L->index ? {self.array('G', 'rows * S')} : P;")
        for position in sorted(self.unbegun):
            place = f"{position} * Hs"
            self.say(
                f"for (long r = 0; r < few; r++) memcpy(X + r * S + {place}, bias + {place}, Hs * sizeof(real));"
            )
        for number, product in enumerate(self.plan.products):
            if product.source == X_AS_IT_CAME:
                sums = f"X + {product.first} * Hs, S"
                self.multiply("L->x, I", "I", number, sums, "few")
        self.say("if (L->index) repeat(G, L->index, P, S, rows);")

    def multiply(self, source: str, deep: str, number: int, sums: str, rows: str) -> None:
        """Print a product: it adds to its sums, or begins them with their biases."""
        product = self.plan.products[number]
        start = f"bias + {product.first} * Hs, 0" if number in self.begins else sums
        wide = f"{len(product.linears)} * Hs"
        self.say(f"gemm.run({source}, 1, 1, {deep}, 0, W{number}, {start}, {sums}, {rows}, {wide});")

    def core(self) -> None:
        """Print the loop over time; row t + 1 of E7 is state 7 after step t."""
        with self.block("for (long t = 0; t < T; t++)"):
            zeroing = " ".join(f"zero(E{state} + (t * B + b) * Hs, Hs);" for state in self.plan.carried)
            self.say(f"if (L->reset) for (long b = 0; b < B; b++) if (L->reset[t * B + b]) {{ {zeroing} }}")
            self.zone(Zone.CORE)
            for state in self.plan.carried:
                self.carry(state, self.plan.next_of(state))
            first = self.cell.state_nodes[0].handle
            if first in self.plan.carried:
                self.say(f"gather(E{first} + (t + 1) * B * Hs, Hs, L->out + t * B * H, H, B);")

    def carry(self, state: int, target: int) -> None:
        """Copy a next value that no segment of the core computes."""
        node = self.cell.node(target)
        if node.op == "number":
            self.say(f"fill(E{state} + (t + 1) * B * Hs, {literal(node.value)}, B * Hs);")
        elif node.op in LEAVES or self.plan.place[target].zone == Zone.PROLOGUE:
            with self.each_row(Zone.CORE):
                self.say(f"memcpy(E{state} + (r + B) * Hs, {self.layout.at(target)}, Hs * sizeof(real));")

    def results(self) -> None:
        """Hand over the output where nothing reads it within the cell, and the last states."""
        if self.cell.state_nodes[0].handle not in self.plan.carried:
            array, stride = self.layout.home(self.cell.output)
            self.say(f"gather({array}, {stride}, L->out, H, rows);")
        for state, position in self.layout.state.items():
            last = f"E{state} + rows * Hs, Hs" if state in self.plan.carried else "L->out + (rows - B) * H, H"
            self.say(f"gather({last}, L->sT[{position}], H, B);")

    def zone(self, zone: Zone) -> None:
        """Print a zone level by level: products, then what is element-wise."""
        for place in self.plan.places(zone):
            for number, product in self.plan.products_at(place):
                self.product(number, product)
            for segment in self.plan.segments_at(place):
                if segment.nodes or self.layout.sums_fed_on(self.plan.accumulators_at(place)):
                    self.segment(segment)

    def product(self, number: int, product: Product) -> None:
        """Print a product of a place; those of x are there already."""
        if product.source == X_AS_IT_CAME:
            return
        array, stride, deep = self.layout.source(product)
        core = product.place.zone == Zone.CORE
        source = f"{array} + t * B * {stride}" if core else array
        sums = f"P + {'t * B * S + ' if core else ''}{product.first} * Hs, S"
        self.multiply(f"{source}, {stride}", deep, number, sums, "B" if core else "rows")

    def segment(self, segment: Segment) -> None:
        """Print the element-wise nodes of a place in one pass over the rows."""
        with self.each_row(segment.place.zone):
            for position, phase in enumerate(segment.phases):
                sums = (
                    self.layout.sums_fed_on(self.plan.accumulators_at(segment.place)) if position == 0 else []
                )
                early = self.activations(phase) if position == 0 else set()
                rest = tuple(handle for handle in phase if handle not in early)
                if rest or sums:
                    self.phase(rest, sums)

    def activations(self, phase: tuple[int, ...]) -> set[int]:
        """Print activations of sums in loops of their own, where others follow on them; return their handles.

        A processor overlaps passes through a loop as far as it looks ahead, which is too short for two in a chain.
        """
        dear = [handle for handle in phase if not RULES[self.cell.node(handle).op].cheap]
        early = {
            handle for handle in dear if handle in self.layout.aliased and not self.layout.states_fed(handle)
        }
        if all(early.isdisjoint(self.cell.ancestors(handle)) for handle in dear):
            return set()
        runs: list[list[int]] = []
        for handle in sorted(early, key=self.layout.aliased.__getitem__):
            if runs and self.follows(runs[-1][-1], handle):
                runs[-1].append(handle)
            else:
                runs.append([handle])
        for run in runs:
            rule = RULES[self.cell.node(run[0]).op]
            with self.block(f"for (long j = 0; j < {len(run)} * Hs; j += W)"):
                sums = f"{self.layout.at(run[0])} + j"
                self.say(f"st({sums}, {rule.forward.format(f'ld({sums})')});")
        return early

    def follows(self, before: int, handle: int) -> bool:
        """Whether two activations are alike, and their sums side by side."""
        alike = self.cell.node(before).op == self.cell.node(handle).op
        return alike and self.layout.aliased[handle] == self.layout.aliased[before] + 1

    def phase(self, phase: tuple[int, ...], sums: list[int]) -> None:
        """Print one pass over a row."""
        known: Known = {}
        for handle in phase:
            if (node := self.cell.node(handle)).op == "norm":
                operand = self.layout.at(node.inputs[0])
                self.say(f"const real root{handle} = R{handle}[r] = inverse_root({operand}, H);")
        with self.each_vector():
            for handle in phase:
                value = self.compute(self.cell.node(handle), known)
                if handle in self.plan.kept:
                    self.say(f"st({self.layout.at(handle)} + j, {value});")
                self.feed(handle, value)
            for handle in sums:
                self.feed(handle, self.value(handle, known))

    def feed(self, handle: int, value: str) -> None:
        """Store a value as the next value of the states that it feeds."""
        if self.plan.place[handle].zone == Zone.CORE:
            for state in self.layout.states_fed(handle):
                self.say(f"st(E{state} + (r + B) * Hs + j, {value});")
