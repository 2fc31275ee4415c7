"""A cell as a program: products and kernels, before the loop over time, in it and after it; forward, and backward."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from archsearch.cell import Cell
from archsearch.compiler.program.backward import Backward
from archsearch.compiler.program.forward import Forward
from archsearch.compiler.program.kernels import Instruction, Kernel
from archsearch.compiler.program.layout import MemoryLayout
from archsearch.compiler.program.plan import ProgramPlan, Zone
from archsearch.compiler.program.planner import plan


@dataclass(frozen=True)
class Program:
    """What a layer does.

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
        kernels = [step for zone in self.backward.values() for step in zone if isinstance(step, Kernel)]
        loaded = {
            kernel.argument(line).array for kernel in kernels for line in kernel.lines if line.kind == "load"
        }
        return loaded | {self.layout.source(product).array for product in self.plan.products}

    @property
    def kernels(self) -> list[Kernel]:
        """All kernels, in order."""
        lists = [*self.forward.values(), *self.backward.values()]
        return [instruction for zone in lists for instruction in zone if isinstance(instruction, Kernel)]


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
