"""A cell as a program: products and kernels, before the loop over time, in it and after it; forward, and backward."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache

from archsearch.cell import Cell
from archsearch.compiler.program.backward import Backward
from archsearch.compiler.program.forward import Forward
from archsearch.compiler.program.kernels import Argument, Instruction, Kernel
from archsearch.compiler.program.layout import MemoryLayout
from archsearch.compiler.program.plan import ProgramPlan, Zone
from archsearch.compiler.program.planner import plan


@dataclass(frozen=True, eq=False)
class Program:
    """What a layer does; each is itself alone, so that finding what is compiled of it costs nothing.

    Attributes:
        layout: Where the values of the cell lie.
        forward: Instructions by zone, in order; those of the core run at every step.
        backward: The same for the way back; after every step of the core the layer exchanges D7 and N7.
        unreached: Accumulators that no gradient reaches.
        written: The arrays of gradients, such as GR7 and L7, that anything writes.
    """

    layout: MemoryLayout
    forward: dict[Zone, list[Instruction]]
    backward: dict[Zone, list[Instruction]]
    unreached: frozenset[int]
    written: frozenset[str]

    @property
    def plan(self) -> ProgramPlan:
        """The cell's plan."""
        return self.layout.plan

    @property
    def cell(self) -> Cell:
        """The canonical form."""
        return self.plan.cell

    @property
    def carries_output(self) -> bool:
        """Whether the output is a state that passes from step to step."""
        return self.cell.state_nodes[0].handle in self.plan.carried

    @property
    def vectors(self) -> list[int]:
        """The handles of the nodes that have a learned vector."""
        return [node.handle for node in self.cell.ops if node.op == "scale"]

    @property
    def looped(self) -> set[int]:
        """Those of them that the loop over time reads."""
        return {handle for handle in self.vectors if self.plan.place[handle].zone == Zone.CORE}

    @property
    def read_back(self) -> set[str]:
        """The arrays of the way there that the way back reads."""
        loaded = {argument.array for zone in self.backward.values() for argument in _loaded(zone)}
        return loaded | {self.layout.source(product).array for product in self.plan.products}

    @cached_property
    def read_after_core(self) -> frozenset[Argument]:
        """What the core computes on the way there and something else reads: the epilogue, or the way back."""
        zones = (self.forward[Zone.EPILOGUE], *self.backward.values())
        loaded = {argument for zone in zones for argument in _loaded(zone)}
        return frozenset(loaded | {self.layout.source(product) for product in self.plan.products})

    @property
    def kernels(self) -> list[Kernel]:
        """All kernels, in order."""
        lists = [*self.forward.values(), *self.backward.values()]
        return [instruction for zone in lists for instruction in zone if isinstance(instruction, Kernel)]


def _loaded(instructions: Iterable[Instruction]) -> Iterator[Argument]:
    """Yield what kernels load."""
    for kernel in instructions:
        if isinstance(kernel, Kernel):
            yield from (kernel.argument(line) for line in kernel.lines if line.kind == "load")


@lru_cache(256)
def program(cell: Cell, row_by_row: bool = False) -> Program:
    """Return the program of a cell in canonical form; see `MemoryLayout` for kernels that run row by row."""
    layout = MemoryLayout(plan(cell), row_by_row)
    backward = Backward(layout)
    zones = backward.zones()
    return Program(
        layout=layout,
        forward=Forward(layout).zones(),
        backward=zones,
        unreached=frozenset(backward.unreached),
        written=frozenset(backward.written),
    )
