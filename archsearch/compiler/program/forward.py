"""Writes the forward pass of a plan."""

from __future__ import annotations

from archsearch.cell.graph import LEAVES
from archsearch.compiler.program import X_AS_IT_CAME, Plan, Segment, Zone
from archsearch.compiler.program.kernels import Argument, Instruction, Multiply
from archsearch.compiler.program.layout import home, states_fed
from archsearch.compiler.program.writer import KernelWriter


def forward(plan: Plan) -> dict[Zone, list[Instruction]]:
    """Return the instructions of each zone; the products of x, for which nothing must wait, are not among them."""
    zones: dict[Zone, list[Instruction]] = {zone: [] for zone in Zone}
    numbers = KernelWriter("numbers")
    for handle in fed_numbers(plan):
        numbers.store(home(plan, handle), numbers.value(plan, handle))
    numbers.finish(zones[Zone.PROLOGUE])
    for zone, instructions in zones.items():
        for place in plan.places(zone):
            chosen = plan.products_at(place)
            instructions += [Multiply(number) for number, product in chosen if product.source != X_AS_IT_CAME]
            for segment in plan.segments_at(place):
                _segment(plan, segment).finish(instructions)
    _carry(plan).finish(zones[Zone.CORE])
    return zones


def fed_numbers(plan: Plan) -> list[int]:
    """Return the handles of the numbers that are inputs of products, which read memory."""
    sources = sorted({product.source for product in plan.products} - {X_AS_IT_CAME})
    return [handle for handle in sources if plan.cell.node(handle).op == "number"]


def _segment(plan: Plan, segment: Segment) -> KernelWriter:
    """Return the element-wise nodes of a place; what they feed on and what is read elsewhere is stored."""
    place = segment.place
    draft = KernelWriter(f"forward_{place.zone.name.lower()}_{place.level}")
    sources = {product.source for product in plan.products}
    for accumulator in plan.accumulators_at(place):
        total = plan.accumulators[accumulator].value
        if total in sources:  # padding may hold what infinity times 0 is
            draft.store(home(plan, total), draft.value(plan, total))
        _feed(plan, draft, total)
    for handle in segment.nodes:
        if plan.cell.node(handle).op == "norm":
            root = draft.over_row(
                "root", f"root{handle}", draft.value(plan, plan.cell.node(handle).inputs[0])
            )
            draft.store(Argument(f"R{handle}", narrow=True), root)
        value = draft.compute(plan, handle)
        if handle in plan.kept:
            draft.store(home(plan, handle), value)
        _feed(plan, draft, handle)
    return draft


def _feed(plan: Plan, draft: KernelWriter, handle: int) -> None:
    """Store a value of the core as the next value of the states that it feeds."""
    if plan.place[handle].zone == Zone.CORE:
        for state in states_fed(plan, handle):
            draft.store(Argument(f"E{state}", when="next"), draft.value(plan, handle))


def _carry(plan: Plan) -> KernelWriter:
    """Return what copies the next values that no segment of the core computes."""
    draft = KernelWriter("carry")
    for state in plan.carried:
        target = plan.next_of(state)
        if plan.cell.node(target).op in LEAVES or plan.place[target].zone == Zone.PROLOGUE:
            draft.store(Argument(f"E{state}", when="next"), draft.value(plan, target))
    return draft
