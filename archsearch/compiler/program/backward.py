"""Writes the adjoint of the forward pass: zones, levels and nodes in reverse."""

from __future__ import annotations

from archsearch.cell import Node
from archsearch.cell.graph import LEAVES
from archsearch.compiler.adjoint import RULES
from archsearch.compiler.program import X_AS_IT_CAME, Plan, Product, Segment, Zone
from archsearch.compiler.program.kernels import Argument, Instruction, Multiply
from archsearch.compiler.program.layout import states_fed
from archsearch.compiler.program.writer import KernelWriter


class Backward:
    """Instructions of the way back.

    Attributes:
        unreached: Accumulators that no gradient reaches; 0 times what is not finite would not be 0.
        written: Arrays that hold something: others are begun, not added to.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan, self.cell = plan, plan.cell
        self.unreached: set[int] = set()
        self.written: set[str] = set()
        if self.cell.state_nodes[0].handle not in plan.carried:  # the layer puts the output's gradient there
            self.written.add(f"GR{self.cell.output}")

    def zones(self) -> dict[Zone, list[Instruction]]:
        """Return the instructions of each zone, in the order in which they run."""
        found: dict[Zone, list[Instruction]] = {}
        for zone in (Zone.EPILOGUE, Zone.CORE, Zone.PROLOGUE):
            found[zone] = []
            if zone == Zone.CORE:
                self.route(found[zone])
            for place in reversed(self.plan.places(zone)):
                for segment in self.plan.segments_at(place):
                    self.segment(segment, found[zone])
                for number, product in self.plan.products_at(place):
                    self.product(number, product, found[zone])
            if zone == Zone.CORE:
                self.close(found[zone])
        return found

    def route(self, instructions: list[Instruction]) -> None:
        """Pass the gradients of next values on where no segment of the core does."""
        draft = KernelWriter("route")
        for state in self.plan.carried:
            target = self.plan.next_of(state)
            node = self.cell.node(target)
            outside = node.op in LEAVES or self.plan.place[target].zone == Zone.PROLOGUE
            if outside and node.op != "number":
                self.add(draft, self.target(target, Zone.CORE), self.after(draft, state))
        draft.finish(instructions)

    def close(self, instructions: list[Instruction]) -> None:
        """Complete the gradients of the states before the step."""
        draft = KernelWriter("close")
        for state in self.plan.carried:
            before = Argument(f"N{state}", when="step")
            if f"GR{state}" in self.written:
                self.add(draft, before, draft.load(f"r{state}", Argument(f"GR{state}")))
            if before.array not in self.written:
                draft.store(before, draft.number("zero", 0.0))
        draft.finish(instructions)

    def after(self, draft: KernelWriter, state: int) -> str:
        """Return the gradient of a state after the step; of the first one, the output's at this step is part."""
        later = draft.load(f"d{state}", Argument(f"D{state}", when="step"))
        return (
            f"({later} + {draft.load('o', Argument('O'))})"
            if state == self.cell.state_nodes[0].handle
            else later
        )

    def target(self, handle: int, zone: Zone) -> Argument:
        """Return where what is passed to a value within `zone` is added up."""
        if zone != Zone.CORE or self.plan.place[handle].zone != Zone.CORE and handle not in self.plan.state:
            return Argument(f"GR{handle}")
        return Argument(f"{'N' if handle in self.plan.state else 'GC'}{handle}", when="step")

    def add(self, draft: KernelWriter, target: Argument, text: str) -> None:
        """Add to a gradient, or begin it."""
        draft.store(target, text, adding=target.array in self.written)
        self.written.add(target.array)

    def product(self, number: int, product: Product, instructions: list[Instruction]) -> None:
        """Pass δ · W to a product's input; x gets its own after the loop."""
        accumulators = range(product.first, product.first + len(product.linears))
        if product.source == X_AS_IT_CAME or self.unreached.issuperset(accumulators):
            return
        if self.cell.node(product.source).op == "number":
            return
        into = self.target(product.source, product.place.zone)
        instructions.append(Multiply(number, into, into.array in self.written))
        self.written.add(into.array)

    def segment(self, segment: Segment, instructions: list[Instruction]) -> None:
        """Write the gradients of a segment's nodes, then of the sums that it begins with."""
        place = segment.place
        draft = KernelWriter(f"backward_{place.zone.name.lower()}_{place.level}")
        accumulators = self.plan.accumulators_at(place)
        here = {*segment.nodes, *(self.plan.accumulators[accumulator].value for accumulator in accumulators)}
        inside: dict[int, list[str]] = {}
        outside: dict[int, list[str]] = {}
        for handle in reversed(segment.nodes):
            if self.collect(draft, handle, inside, place.zone):
                for operand, text in self.passed(draft, self.cell.node(handle)):
                    (inside if operand in here else outside).setdefault(operand, []).append(text)
        for accumulator in accumulators:
            value = self.plan.accumulators[accumulator].value
            reached = self.collect(draft, value, inside, place.zone)
            self.unreached |= set() if reached else {accumulator}
            draft.store(Argument("D", accumulator), f"g{value}" if reached else draft.number("zero", 0.0))
        for operand, parts in outside.items():
            self.add(draft, self.target(operand, place.zone), " + ".join(f"({part})" for part in parts))
        draft.finish(instructions)

    def collect(self, draft: KernelWriter, handle: int, inside: dict[int, list[str]], zone: Zone) -> bool:
        """Write `g7 = …` of all that reaches a node; return whether anything does."""
        parts = [f"({part})" for part in inside.get(handle, [])]
        if zone == Zone.CORE:
            parts += [self.after(draft, state) for state in states_fed(self.plan, handle)]
            if f"GC{handle}" in self.written:
                parts.append(draft.load(f"c{handle}", Argument(f"GC{handle}", when="step")))
        if f"GR{handle}" in self.written:
            parts.append(draft.load(f"r{handle}", Argument(f"GR{handle}")))
        if parts:
            draft.let(f"g{handle}", " + ".join(parts))
        return bool(parts)

    def passed(self, draft: KernelWriter, node: Node) -> list[tuple[int, str]]:
        """Return what a node passes to which operand; stores what it adds to the gradient of a learned vector."""
        rule, handle = RULES[node.op], node.handle

        def written(text: str) -> str:
            used = [
                draft.value(self.plan, of) if f"{{{i}}}" in text else "" for i, of in enumerate(node.inputs)
            ]
            names = {"g": f"g{handle}", "y": draft.value(self.plan, handle) if "{y}" in text else ""}
            if "{w}" in text:
                names["w"] = draft.load(f"w{handle}", Argument(f"V{handle}", when="lane"))
            if "{root}" in text:
                names["root"] = draft.load(f"root{handle}", Argument(f"R{handle}", narrow=True))
                names["mean"] = draft.over_row("mean", f"mean{handle}", f"g{handle} * {names['y']}")
            return text.format(*used, **names)

        if rule.learned:
            draft.store(Argument(f"L{handle}"), written(rule.learned))
            self.written.add(f"L{handle}")
        taking = [(operand, text) for operand, text in zip(node.inputs, rule.adjoint, strict=False)]
        return [
            (operand, written(text)) for operand, text in taking if self.cell.node(operand).op != "number"
        ]
