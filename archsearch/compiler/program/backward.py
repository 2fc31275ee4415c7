"""Writes the adjoint of the forward pass: zones, levels and nodes in reverse."""

from __future__ import annotations

from archsearch.cell import Node
from archsearch.cell.node import LEAVES
from archsearch.cell.ops import OPS
from archsearch.compiler.program.kernels import Argument, Instruction, Multiply
from archsearch.compiler.program.layout import MemoryLayout
from archsearch.compiler.program.plan import X_AS_IT_CAME, Product, Segment, When, Zone
from archsearch.compiler.program.writer import KernelWriter

Parts = dict[int, list[str]]
"""For each operand the texts of what it is passed."""


class Backward:
    """Instructions of the way back.

    Attributes:
        layout: Where values lie.
        plan: The cell's plan.
        cell: The canonical form.
        unreached: Accumulators that no gradient reaches; 0 times what is not finite would not be 0.
        written: Arrays that hold something: others are begun, not added to.
    """

    def __init__(self, layout: MemoryLayout) -> None:
        self.layout, self.plan, self.cell = layout, layout.plan, layout.plan.cell
        self.unreached: set[int] = set()
        self.written: set[str] = set()
        if (
            self.cell.state_nodes[0].handle not in self.plan.carried
        ):  # the layer puts the output's gradient there
            self.written.add(f"GR{self.cell.output}")

    def zones(self) -> dict[Zone, list[Instruction]]:
        """Return the instructions of each zone, in the order in which they run."""
        zones: dict[Zone, list[Instruction]] = {}
        for zone in (Zone.EPILOGUE, Zone.CORE, Zone.PROLOGUE):
            zones[zone] = []
            if zone == Zone.CORE:
                self.route(zones[zone])
            for place in reversed(self.plan.places(zone)):
                for segment in self.plan.segments_at(place):
                    self.segment(segment, zones[zone])
                for number, product in self.plan.products_at(place):
                    self.product(number, product, zones[zone])
            if zone == Zone.CORE:
                self.close(zones[zone])
        return zones

    def route(self, instructions: list[Instruction]) -> None:
        """Pass the gradients of next values on where no segment of the core does."""
        writer = KernelWriter("route")
        for state in self.plan.carried:
            target = self.plan.next_of(state)
            node = self.cell.node(target)
            outside = node.op in LEAVES or self.plan.place[target].zone == Zone.PROLOGUE
            if outside and node.op != "number":
                self.add(writer, self.target(target, Zone.CORE), self.after(writer, state))
        writer.finish(instructions)

    def close(self, instructions: list[Instruction]) -> None:
        """Complete the gradients of the states before the step."""
        writer = KernelWriter("close")
        for state in self.plan.carried:
            before = Argument(f"N{state}", when="step")
            if f"GR{state}" in self.written:
                self.add(writer, before, writer.load(f"r{state}", Argument(f"GR{state}")))
            if before.array not in self.written:
                writer.store(before, writer.number("zero", 0.0))
        writer.finish(instructions)

    def after(self, writer: KernelWriter, state: int) -> str:
        """Return the gradient of a state after the step; of the first one, the output's at this step is part."""
        later = writer.load(f"d{state}", Argument(f"D{state}", when="step"))
        if state != self.cell.state_nodes[0].handle or self.layout.row_by_row:
            return later
        return f"({later} + {writer.load('o', Argument('O'))})"

    def target(self, handle: int, zone: Zone) -> Argument:
        """Return where what is passed to a value within `zone` is added up."""
        if zone != Zone.CORE or self.plan.place[handle].zone != Zone.CORE and handle not in self.plan.state:
            return Argument(f"GR{handle}")
        return Argument(f"{'N' if handle in self.plan.state else 'GC'}{handle}", when="step")

    def add(self, writer: KernelWriter, target: Argument, text: str) -> None:
        """Add to a gradient, or begin it.

        Args:
            writer: Of the kernel.
            target: Where it lies.
            text: What is added.
        """
        writer.store(target, text, adding=target.array in self.written)
        self.written.add(target.array)

    def product(self, number: int, product: Product, instructions: list[Instruction]) -> None:
        """Pass δ · W to a product's input; x gets its own after the loop.

        Args:
            number: The product's position in the plan.
            product: It.
            instructions: Where the instruction goes.
        """
        accumulators = range(product.first, product.first + len(product.linears))
        if product.source == X_AS_IT_CAME or self.unreached.issuperset(accumulators):
            return
        if self.cell.node(product.source).op == "number":
            return
        into = self.target(product.source, product.place.zone)
        instructions.append(Multiply(number, into, into.array in self.written))
        self.written.add(into.array)

    def segment(self, segment: Segment, instructions: list[Instruction]) -> None:
        """Write the gradients of a segment's nodes, then of the sums that it begins with, which are of the first pass."""
        place = segment.place
        for number, nodes in reversed([*enumerate(self.layout.passes(segment))]):
            writer = KernelWriter(f"backward_{place.zone.name.lower()}_{place.level}_{number}")
            self.elements(writer, nodes, [] if number else self.plan.accumulators_at(place), place)
            writer.finish(instructions)

    def elements(self, writer: KernelWriter, nodes: tuple[int, ...], sums: list[int], place: When) -> None:
        """Write one kernel.

        Args:
            writer: Of the kernel.
            nodes: The handles of what it computes the gradients of.
            sums: Positions of accumulators, of which alike.
            place: When it runs.
        """
        here = {*nodes, *(self.plan.accumulators[position].value for position in sums)}
        inside, outside, waiting = Parts(), Parts(), []
        for handle in reversed(nodes):
            node = self.cell.node(handle)
            if not self.collect(writer, handle, inside, place.zone):
                continue
            if (
                OPS[node.op].rule.reduces and self.layout.row_by_row
            ):  # its operand must wait for the row's end
                waiting.append(node)
                continue
            for operand, text in self.passed(writer, node):
                (inside if operand in here else outside).setdefault(operand, []).append(text)
        for position in sums:
            self.sum(writer, position, inside, place.zone)
        for operand, parts in outside.items():
            self.add(writer, self.target(operand, place.zone), " + ".join(f"({part})" for part in parts))
        for node in waiting:
            for operand, text in self.passed(writer, node):
                self.add(writer, self.target(operand, place.zone), text)

    def sum(self, writer: KernelWriter, position: int, inside: Parts, zone: Zone) -> None:
        """Store the gradient of a sum.

        Args:
            writer: Of the kernel.
            position: Which accumulator's.
            inside: What nodes of this kernel pass on.
            zone: Where it runs.
        """
        value = self.plan.accumulators[position].value
        reached = self.collect(writer, value, inside, zone)
        self.unreached |= set() if reached else {position}
        writer.store(Argument("D", position), f"g{value}" if reached else writer.number("zero", 0.0))

    def collect(self, writer: KernelWriter, handle: int, inside: Parts, zone: Zone) -> bool:
        """Write `g7 = …` of all that reaches a node; return whether anything does.

        Args:
            writer: Of the kernel.
            handle: The node.
            inside: What nodes of this kernel pass on.
            zone: Where it runs.
        """
        parts = [f"({part})" for part in inside.get(handle, [])]
        if zone == Zone.CORE:
            parts += [self.after(writer, state) for state in self.plan.states_fed(handle)]
            if f"GC{handle}" in self.written:
                parts.append(writer.load(f"c{handle}", Argument(f"GC{handle}", when="step")))
        if f"GR{handle}" in self.written:
            parts.append(writer.load(f"r{handle}", Argument(f"GR{handle}")))
        if parts:
            writer.let(f"g{handle}", " + ".join(parts))
        return bool(parts)

    def passed(self, writer: KernelWriter, node: Node) -> list[tuple[int, str]]:
        """Return what a node passes to which operand; stores what it adds to the gradient of a learned vector."""
        rule = OPS[node.op].rule
        if rule.learned:
            self.learned(writer, node.handle, self.written_out(writer, node, rule.learned))
        passing = [(operand, text) for operand, text in zip(node.inputs, rule.adjoint, strict=False)]
        return [
            (operand, self.written_out(writer, node, text))
            for operand, text in passing
            if self.cell.node(operand).op != "number"
        ]

    def learned(self, writer: KernelWriter, handle: int, text: str) -> None:
        """Store what a row adds to the gradient of a learned vector, or add it.

        Args:
            writer: Of the kernel.
            handle: The node that has the vector.
            text: What the row adds.
        """
        vector = Argument(f"L{handle}", when="lane" if self.layout.row_by_row else "row")
        writer.store(vector, text, adding=self.layout.row_by_row)
        self.written.add(f"L{handle}")

    def written_out(self, writer: KernelWriter, node: Node, text: str) -> str:
        """Return a rule's text with variables, which are loaded or computed where it needs them.

        Args:
            writer: Of the kernel.
            node: Whose rule it is.
            text: Of the rule.
        """
        handle = node.handle
        operands = [
            writer.value(self.layout, source) if f"{{{position}}}" in text else ""
            for position, source in enumerate(node.inputs)
        ]
        names = {"g": f"g{handle}", "y": writer.value(self.layout, handle) if "{y}" in text else ""}
        if "{w}" in text:
            names["w"] = writer.load(f"w{handle}", Argument(f"V{handle}", when="lane"))
        if "{root}" in text:
            names["root"] = writer.load(f"root{handle}", Argument(f"R{handle}", narrow=True))
            names["mean"] = writer.over_row("mean", f"mean{handle}", f"g{handle} * {names['y']}")
        if "{passed}" in text:
            names["passed"] = writer.over_row("mean", f"passed{handle}", f"g{handle}")
        return text.format(*operands, **names)
