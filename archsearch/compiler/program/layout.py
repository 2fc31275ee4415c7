"""Where the values of a cell lie: arrays by name. On a stack of cells each has the lane first.

X    x as it came                                    XR   x as wide as the layer
P    the sums of linear maps, side by side           D    their gradients
E7   state 7 before each step, and after the last    D7   gradient of state 7 after a step    N7   before it
K7   value 7                                         GR7  its gradient for all rows           GC7  within the step
V7   a learned vector                                L7   its gradient, or what each row adds to it
R7   1 / root mean square of a norm's rows           O    gradient of the output
Y    the output, kept apart where states are reset
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from archsearch.cell import Node
from archsearch.cell.ops import OPS
from archsearch.compiler.program.kernels import Argument
from archsearch.compiler.program.plan import X_AS_IT_CAME, Product, ProgramPlan, Segment


@dataclass(frozen=True)
class MemoryLayout:
    """Where values lie, and what decides it: whether rows run side by side or one after another.

    Attributes:
        plan: The cell's plan.
        row_by_row: Whether a kernel runs over one row after another, as on a CPU. Then an activation lies where its sum lay
            (in cache), each phase of a segment is a kernel of its own, rows add to the gradient of a learned vector in turn,
            and the gradient of the output is part of the first state's. Else a segment is one kernel for all rows at once.
    """

    plan: ProgramPlan
    row_by_row: bool = False

    @cached_property
    def in_place(self) -> dict[int, int]:
        """For each activation that lies where its sum lay the position of the accumulator."""
        return dict(self._in_place()) if self.row_by_row else {}

    def _in_place(self) -> Iterator[tuple[int, int]]:
        """Yield activations that alone read a sum, and of which the adjoint reads the result alone."""
        cell, sources = self.plan.cell, {product.source for product in self.plan.products}
        for node in map(cell.node, sorted(self.plan.kept - sources)):
            operand = node.inputs[0]
            position = self.plan.accumulator_of.get(operand)
            alone = cell.consumers[operand] == (node.handle,) and operand not in cell.next
            if OPS[node.op].rule.in_place and position is not None and alone and self._at_once(node):
                yield node.handle, position

    def _at_once(self, node: Node) -> bool:
        """Whether a node is computed where its operand is."""
        return self.plan.place[node.inputs[0]] == self.plan.place[node.handle]

    def home(self, handle: int) -> Argument:
        """Return where a stored value lies in the row at hand."""
        position = self.plan.accumulator_of.get(handle, self.in_place.get(handle))
        if position is not None:
            return Argument("P", position)
        if handle in self.plan.state:
            return Argument(f"E{handle}")
        return Argument("XR" if handle == self.plan.cell.x.handle else f"K{handle}")

    def source(self, product: Product) -> Argument:
        """Return where a product's input lies."""
        return Argument("X") if product.source == X_AS_IT_CAME else self.home(product.source)

    def stored(self, handle: int) -> bool:
        """Whether a value can be read at `home`."""
        plan = self.plan
        always = handle in plan.state or handle in plan.accumulator_of or handle == plan.cell.x.handle
        return always or handle in plan.kept

    @cached_property
    def fed_numbers(self) -> list[int]:
        """The handles of the numbers that are inputs of products, which read memory."""
        sources = sorted({product.source for product in self.plan.products} - {X_AS_IT_CAME})
        return [handle for handle in sources if self.plan.cell.node(handle).op == "number"]

    @cached_property
    def kept(self) -> list[int]:
        """The handles of the values that have arrays of their own, K7."""
        return sorted((self.plan.kept - self.in_place.keys()) | {*self.fed_numbers})

    def passes(self, segment: Segment) -> tuple[tuple[int, ...], ...]:
        """Return the nodes of each kernel of a segment."""
        return segment.phases if self.row_by_row else (segment.nodes,)
