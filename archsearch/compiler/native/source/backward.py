"""Prints the adjoint of the forward pass: zones, levels and phases in reverse."""

from __future__ import annotations

from dataclasses import dataclass

from archsearch.cell import Node
from archsearch.cell.graph import LEAVES
from archsearch.compiler.adjoint import RULES
from archsearch.compiler.native.source import deferred
from archsearch.compiler.native.source.layout import Layout
from archsearch.compiler.native.source.printer import Known, Printer
from archsearch.compiler.program import X_AS_IT_CAME, Product, Segment, Zone

Parts = dict[int, list[str]]
"""For each operand the texts of what it is passed."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where what other phases and steps pass to a value is added up.

    Attributes:
        array: Its name.
        index: `b`: it lives for a step; `r`: for all of them.
    """

    array: str
    index: str

    @property
    def row(self) -> str:
        """Where the row at hand is."""
        return f"{self.array} + {self.index} * Hs"

    @property
    def step(self) -> str:
        """Where the rows of the step at hand begin."""
        return self.array if self.index == "b" else f"{self.array} + t * B * Hs"


class Backward(Printer):
    """The body of `backward`."""

    def __init__(self, layout: Layout) -> None:
        super().__init__(layout)
        self.written: set[str] = set()
        """Arrays of gradients that hold something: others are begun, not added to."""
        self.unreached: set[int] = set()
        """Accumulators that no gradient reaches; 0 times what is not finite would not be 0."""

    def print(self) -> None:
        """Print all of it."""
        if self.layout.separate:
            self.array("D", "rows * S")
        else:
            self.say("real* D = P;")
        self.constants()
        self.pack("backward")
        for node in self.cell.ops:
            if node.op == "scale":
                self.say(f"zero({self.array(f'Q{node.handle}', 'Hs')}, Hs);")
        self.begin()
        self.zone(Zone.EPILOGUE)
        if self.plan.carried:
            self.core()
        self.zone(Zone.PROLOGUE)
        deferred.weights(self, self.unreached)
        deferred.inputs(self, written="GR0" in self.written)

    def begin(self) -> None:
        """Begin with the gradients of what the layer handed over."""
        if self.cell.state_nodes[0].handle not in self.plan.carried:
            output = self.rows_of(self.cell.output)
            self.say(
                f"spread(L->dout, H, {output.array}, Hs, rows);",
                f"add_rows(L->dsT[0], H, {output.array} + (rows - B) * Hs, Hs, B);",
                "if (L->ds0[0]) zero(L->ds0[0], B * H);",
            )
            self.written.add(output.array)
        for state in self.plan.carried:
            self.array(f"N{state}", "B * Hs")
            self.say(
                f"spread(L->dsT[{self.layout.state[state]}], H, {self.array(f'D{state}', 'B * Hs')}, Hs, B);"
            )

    def core(self) -> None:
        """Print the loop back in time: D7 is the gradient of state 7 after the step, N7 before it."""
        carried, first = self.plan.carried, self.cell.state_nodes[0].handle
        with self.block("for (long t = T - 1; t >= 0; t--)"):
            if first in carried:
                self.say(f"add_rows(L->dout ? L->dout + t * B * H : 0, H, D{first}, Hs, B);")
            for state in carried:
                self.route(state, self.plan.next_of(state))
            self.zone(Zone.CORE)
            for state in carried:
                if f"GR{state}" in self.written:
                    self.add_step(Target(f"N{state}", "b"), f"GR{state} + t * B * Hs")
                if f"N{state}" not in self.written:
                    self.say(f"zero(N{state}, B * Hs);")
            zeroing = " ".join(f"zero(N{state} + b * Hs, Hs);" for state in carried)
            self.say(f"if (L->reset) for (long b = 0; b < B; b++) if (L->reset[t * B + b]) {{ {zeroing} }}")
            self.say(*(f"exchange(D{state}, N{state});" for state in carried))
        for state in carried:
            start = f"L->ds0[{self.layout.state[state]}]"
            self.say(f"if ({start}) gather(D{state}, Hs, {start}, H, B);")

    def route(self, state: int, target: int) -> None:
        """Pass the gradient of a next value on where no segment of the core does."""
        node = self.cell.node(target)
        if node.op == "number":
            return
        if node.op in LEAVES or self.plan.place[target].zone == Zone.PROLOGUE:
            self.add_step(self.target(target, Zone.CORE), f"D{state}")

    def add_step(self, target: Target, source: str) -> None:
        """Add the rows of a step to a gradient."""
        old = f"ld({target.step} + i) + " if target.array in self.written else ""
        self.written.add(target.array)
        self.say(f"for (long i = 0; i < B * Hs; i += W) st({target.step} + i, {old}ld({source} + i));")

    def rows_of(self, handle: int) -> Target:
        """Return the gradient of a value for all rows."""
        return Target(self.array(f"GR{handle}", "rows * Hs"), "r")

    def target(self, handle: int, zone: Zone) -> Target:
        """Return where what is passed to a value within `zone` is added up."""
        if zone != Zone.CORE or self.plan.place[handle].zone != Zone.CORE and handle not in self.layout.state:
            return self.rows_of(handle)
        name = f"N{handle}" if handle in self.layout.state else f"GC{handle}"
        return Target(self.array(name, "B * Hs"), "b")

    def add(self, target: Target, value: str) -> None:
        """Add to a gradient at row r, place j."""
        old = f"ld({target.row} + j) + " if target.array in self.written else ""
        self.say(f"st({target.row} + j, {old}{value});")
        self.written.add(target.array)

    def zone(self, zone: Zone) -> None:
        """Print a zone, last level first: what is element-wise, then the products."""
        for place in reversed(self.plan.places(zone)):
            for segment in self.plan.segments_at(place):
                for position in reversed(range(len(segment.phases))):
                    self.phase(segment, position)
            for number, product in self.plan.products_at(place):
                self.product(number, product)

    def product(self, number: int, product: Product) -> None:
        """Pass δ · W to a product's input; x gets its own after the loop."""
        accumulators = range(product.first, product.first + len(product.linears))
        if product.source == X_AS_IT_CAME or self.unreached.issuperset(accumulators):
            return
        if self.cell.node(product.source).op == "number":
            return
        core = product.place.zone == Zone.CORE
        target = self.target(product.source, product.place.zone)
        delta = f"D + {'t * B * S + ' if core else ''}{product.first} * Hs"
        into, rows = (target.step, "B") if core else (target.array, "rows")
        start = f"{into}, Hs" if target.array in self.written else "0, 0"
        self.written.add(target.array)
        left = f"{delta}, S, 1, {len(product.linears)}, H, Hs"
        self.say(f"gemm.run({left}, W{number}, {start}, {into}, Hs, {rows}, panels(H));")

    def phase(self, segment: Segment, position: int) -> None:
        """Print one pass over the rows: gradients of the phase's nodes, then of the sums that the segment begins with."""
        zone = segment.place.zone
        accumulators = self.plan.accumulators_at(segment.place) if position == 0 else []
        nodes = [self.cell.node(handle) for handle in segment.phases[position]]
        if not nodes and not accumulators:
            return
        with self.each_row(zone):
            reached = self.elements(nodes, accumulators, zone)
            for node in reached:
                self.norm(node, zone)

    def elements(self, nodes: list[Node], accumulators: list[int], zone: Zone) -> list[Node]:
        """Print a pass over a row; return the norms, whose operands must wait for the row's end."""
        here = {node.handle for node in nodes} | {
            self.plan.accumulators[accumulator].value for accumulator in accumulators
        }
        inside, outside, norms = Parts(), Parts(), []
        known: Known = {}
        with self.each_vector():
            for node in reversed(nodes):
                if not self.collect(node.handle, inside, zone):
                    continue
                if node.op == "norm":
                    norms.append(node)
                    self.say(f"st({self.array(f'Q{node.handle}', 'Hs')} + j, g{node.handle});")
                    continue
                for operand, text in self.passed(node, known):
                    (inside if operand in here else outside).setdefault(operand, []).append(text)
            for accumulator in accumulators:
                value = self.plan.accumulators[accumulator].value
                reached = self.collect(value, inside, zone)
                gradient = f"g{value}" if reached else "all(0)"
                self.unreached |= set() if reached else {accumulator}
                self.say(f"st({self.layout.accumulator(accumulator, 'D')} + j, {gradient});")
            for operand, parts in outside.items():
                self.add(self.target(operand, zone), " + ".join(f"({part})" for part in parts))
        return norms

    def collect(self, handle: int, inside: Parts, zone: Zone) -> bool:
        """Print `V g7 = …` of all that reaches a node; return whether anything does."""
        parts = list(inside.get(handle, []))
        if zone == Zone.CORE:
            parts += [f"ld(D{state} + b * Hs + j)" for state in self.layout.states_fed(handle)]
            parts += [f"ld(GC{handle} + b * Hs + j)"] if f"GC{handle}" in self.written else []
        parts += [f"ld(GR{handle} + r * Hs + j)"] if f"GR{handle}" in self.written else []
        if parts:
            self.say(f"V g{handle} = {' + '.join(parts)};")
        return bool(parts)

    def passed(self, node: Node, known: Known) -> list[tuple[int, str]]:
        """Return what a node passes to which operand; sums up the gradient of a learned vector."""
        rule, vector = RULES[node.op], f"C{node.handle}"

        def written(text: str) -> str:
            used = [self.value(of, known) if f"{{{i}}}" in text else "" for i, of in enumerate(node.inputs)]
            result = self.value(node.handle, known) if "{y}" in text else ""
            return text.format(*used, y=result, g=f"g{node.handle}", w=f"ld({vector} + j)")

        if rule.learned:
            self.say(f"st(Q{node.handle} + j, ld(Q{node.handle} + j) + {written(rule.learned)});")
        taking = [(operand, text) for operand, text in zip(node.inputs, rule.adjoint, strict=False)]
        return [
            (operand, written(text)) for operand, text in taking if self.cell.node(operand).op != "number"
        ]

    def norm(self, node: Node, zone: Zone) -> None:
        """Print a norm's own pass over the row."""
        handle, operand = node.handle, node.inputs[0]
        if self.cell.node(operand).op == "number":
            return
        y = self.layout.at(handle)
        self.say(f"const real mean{handle} = dot(Q{handle}, {y}, H) / H;")
        names = {
            "g": f"ld(Q{handle} + j)",
            "y": f"ld({y} + j)",
            "mean": f"mean{handle}",
            "root": f"R{handle}[r]",
        }
        with self.each_vector():
            self.add(self.target(operand, zone), RULES["norm"].adjoint[0].format(**names))
