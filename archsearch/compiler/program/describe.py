"""A plan in words, for people."""

from __future__ import annotations

from collections.abc import Iterator

from archsearch.cell import OPS, Cell, Node
from archsearch.compiler.parameters import PROJECTION
from archsearch.compiler.program.plan import X_AS_IT_CAME, Accumulator, Product, ProgramPlan, Segment, Zone
from archsearch.compiler.program.planner import plan

WHEN = {
    Zone.PROLOGUE: "once, over all steps",
    Zone.CORE: "at every step",
    Zone.EPILOGUE: "once, over all steps",
}


def describe(cell: Cell) -> str:
    """Return how a cell is computed: zones, levels, products with their sizes, segments, and what is kept.

    I is the width of x, n that of the layer; rows are sequences in the core, and steps times sequences outside it.
    """
    return "\n".join(_Words(plan(cell.canonical())).lines()) + "\n"


class _Words:
    """The lines of a description.

    Attributes:
        plan: What is described.
        cell: The canonical form.
    """

    def __init__(self, plan: ProgramPlan) -> None:
        self.plan, self.cell = plan, plan.cell

    def lines(self) -> Iterator[str]:
        """Yield the lines: zone by zone, then what is kept."""
        if self.cell.needs_projection:
            yield f"x is read at width n: through {PROJECTION!r} where I differs from n"
        for zone in Zone:
            if places := self.plan.places(zone):
                yield f"{zone.name.lower()}: {WHEN[zone]}"
            for place in places:
                yield from (
                    f"  product   {self.product(product)}" for _, product in self.plan.products_at(place)
                )
                for segment in self.plan.segments_at(place):
                    yield from self.segment(segment)
        yield f"carried: {self.names(self.plan.carried)}"
        yield f"kept for the adjoint: {self.names(sorted(self.plan.kept)) or 'nothing'}, and the sums"
        yield f"levels of products in the core: {self.levels()}"

    def product(self, product: Product) -> str:
        """Return e.g. `[rows, n] x [n, 2n]: h -> r1, z1`."""
        count, raw = len(product.linears), product.source == X_AS_IT_CAME
        inner = "I" if raw else "n"
        source = self.name(self.cell.x.handle) if raw else self.name(product.source)
        sums = ", ".join(
            self.sum(accumulator)
            for accumulator in self.plan.accumulators[product.first : product.first + count]
        )
        return f"[rows, {inner}] x [{inner}, {count if count > 1 else ''}n]: {source} -> {sums}"

    def segment(self, segment: Segment) -> Iterator[str]:
        """Yield a line per node, the first of a phase marked."""
        for phase in segment.phases:
            for position, handle in enumerate(phase):
                yield f"  {'' if position else 'segment':<7}   {self.assignment(self.cell.node(handle))}"

    def assignment(self, node: Node) -> str:
        """Return e.g. `r = sigmoid(sum 3)`."""
        operands = [self.operand(source) for source in node.inputs]
        infix = OPS[node.op].infix
        value = f" {infix} ".join(operands) if infix else f"{node.op}({', '.join(operands)})"
        return f"{self.name(node.handle)} = {value}"

    def operand(self, handle: int) -> str:
        """Return what a segment calls a value."""
        position = self.plan.accumulator_of.get(handle)
        return self.name(handle) if position is None else self.sum(self.plan.accumulators[position])

    def sum(self, accumulator: Accumulator) -> str:
        """Return the name of an accumulator."""
        return f"sum {self.plan.accumulator_of[accumulator.value]}"

    def name(self, handle: int) -> str:
        """Return what the cell's text calls a node, or its canonical number."""
        node = self.cell.node(handle)
        if node.op == "number":
            return f"{node.value:g}"
        following = [
            f"{name}'"
            for name, target in zip(self.cell.states, self.cell.next, strict=True)
            if target == handle
        ]
        return node.name or (following[0] if following else f"n{handle}")

    def names(self, handles: tuple[int, ...] | list[int]) -> str:
        """Return names in a row."""
        return ", ".join(self.name(handle) for handle in handles)

    def levels(self) -> int:
        """Return how many products must wait for one another at every step."""
        return max(
            (product.place.level for product in self.plan.products if product.place.zone == Zone.CORE),
            default=0,
        )
