"""Writes the forward pass of a plan."""

from __future__ import annotations

from archsearch.cell import OPS, Node
from archsearch.cell.node import LEAVES
from archsearch.compiler.program.kernels import Argument, Instruction, Multiply
from archsearch.compiler.program.layout import MemoryLayout
from archsearch.compiler.program.plan import X_AS_IT_CAME, Segment, When, Zone
from archsearch.compiler.program.writer import KernelWriter


class Forward:
    """Instructions of the way there.

    Attributes:
        layout: Where values lie.
        plan: The cell's plan.
        sources: The handles of the inputs of products.
    """

    def __init__(self, layout: MemoryLayout) -> None:
        self.layout, self.plan = layout, layout.plan
        self.sources = {product.source for product in self.plan.products}

    def zones(self) -> dict[Zone, list[Instruction]]:
        """Return the instructions of each zone; the products of x, for which nothing must wait, are not among them."""
        zones: dict[Zone, list[Instruction]] = {zone: [] for zone in Zone}
        self.numbers(zones[Zone.PROLOGUE])
        for zone, instructions in zones.items():
            for place in self.plan.places(zone):
                instructions += self.products(place)
                for segment in self.plan.segments_at(place):
                    self.segment(segment, instructions)
        self.carry(zones[Zone.CORE])
        return zones

    def numbers(self, instructions: list[Instruction]) -> None:
        """Store the numbers that products read."""
        writer = KernelWriter("numbers")
        for handle in self.layout.fed_numbers:
            writer.store(self.layout.home(handle), writer.value(self.layout, handle))
        writer.finish(instructions)

    def products(self, place: When) -> list[Multiply]:
        """Return the products of a place, but those of x."""
        products = self.plan.products_at(place)
        return [Multiply(number) for number, product in products if product.source != X_AS_IT_CAME]

    def segment(self, segment: Segment, instructions: list[Instruction]) -> None:
        """Write the element-wise nodes of a place; the sums that it begins with are of the first pass."""
        place = segment.place
        for number, nodes in enumerate(self.layout.passes(segment)):
            writer = KernelWriter(f"forward_{place.zone.name.lower()}_{place.level}_{number}")
            for position in () if number else self.plan.accumulators_at(place):
                self.sum(writer, self.plan.accumulators[position].value)
            for handle in nodes:
                self.node(writer, handle)
            writer.finish(instructions)

    def sum(self, writer: KernelWriter, handle: int) -> None:
        """Store a sum that products read again: padding may hold what infinity times 0 is."""
        if handle in self.sources:
            writer.store(self.layout.home(handle), writer.value(self.layout, handle))
        self.feed(writer, handle)

    def node(self, writer: KernelWriter, handle: int) -> None:
        """Compute a node; what it feeds on and what is read elsewhere is stored."""
        node = self.plan.cell.node(handle)
        if OPS[node.op].rule.reduces:
            self.over_row(writer, node)
        value = writer.compute(self.layout, handle)
        if handle in self.plan.kept:
            writer.store(self.layout.home(handle), value)
        self.feed(writer, handle)

    def over_row(self, writer: KernelWriter, node: Node) -> None:
        """Compute the number of its operand's row that a node needs; a root is stored for the way back."""
        operand = writer.value(self.layout, node.inputs[0])
        if "{average}" in OPS[node.op].rule.forward:
            writer.over_row("mean", f"average{node.handle}", operand)
        else:
            root = writer.over_row("root", f"root{node.handle}", operand)
            writer.store(Argument(f"R{node.handle}", narrow=True), root)

    def feed(self, writer: KernelWriter, handle: int) -> None:
        """Store a value of the core as the next value of the states that it feeds."""
        if self.plan.place[handle].zone == Zone.CORE:
            for state in self.plan.states_fed(handle):
                writer.store(Argument(f"E{state}", when="next"), writer.value(self.layout, handle))

    def carry(self, instructions: list[Instruction]) -> None:
        """Copy the next values that no segment of the core computes."""
        writer = KernelWriter("carry")
        for state in self.plan.carried:
            target = self.plan.next_of(state)
            if self.plan.cell.node(target).op in LEAVES or self.plan.place[target].zone == Zone.PROLOGUE:
                writer.store(Argument(f"E{state}", when="next"), writer.value(self.layout, target))
        writer.finish(instructions)
