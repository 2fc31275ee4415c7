"""Activations that lie where their sums lay, in loops of their own, where others follow on them.

A processor overlaps passes through a loop as far as it looks ahead, which is too short for two activations in a chain.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from archsearch.cell import Cell
from archsearch.cell.ops import OPS
from archsearch.compiler.program.kernels import Argument, Kernel, Line


@dataclass(frozen=True)
class ActivationLoop:
    """Sums side by side that become what one function makes of them.

    Attributes:
        function: The text, `{}` for a sum.
        first: Where the first lies.
        count: How many they are.
    """

    function: str
    first: Argument
    count: int = 1

    def goes_on(self, other: ActivationLoop) -> bool:
        """Whether another does the same with the sums that follow."""
        last = self.first.accumulator + self.count
        return other.function == self.function and other.first.accumulator == last


def activations_first(kernel: Kernel, cell: Cell) -> tuple[list[ActivationLoop], Kernel]:
    """Return the activations that come first, in the order of their sums, and the kernel that loads their results."""
    early = sorted(_in_place(kernel, cell), key=lambda store: kernel.argument(store).accumulator)
    if not _leads_on(kernel, cell, {store.text for store in early}):
        return [], kernel
    runs: list[ActivationLoop] = []
    for store in early:
        value = kernel.variables[store.text]
        (total,) = kernel.reads(value)
        activation = ActivationLoop(value.text.replace(total.name, "{}"), kernel.argument(store))
        if runs and runs[-1].goes_on(activation):
            runs[-1] = replace(runs[-1], count=runs[-1].count + 1)
        else:
            runs.append(activation)
    return runs, _without(kernel, early)


def _in_place(kernel: Kernel, cell: Cell) -> Iterator[Line]:
    """Yield the stores of dear activations to where their operand was loaded, but those that are states' next values."""
    stores = [line for line in kernel.lines if line.kind == "store"]
    fed = {store.text for store in stores if kernel.argument(store).when == "next"}
    for store in stores:
        value = kernel.variables.get(store.text)
        if value is None or value.name in fed or not _is_dear(value, cell):
            continue
        if [(line.kind, line.argument) for line in kernel.reads(value)] == [("load", store.argument)]:
            yield store


def _is_dear(line: Line, cell: Cell) -> bool:
    """Whether a line computes a node that costs more than to load it."""
    return (
        line.kind == "let"
        and line.name.startswith("v")
        and not OPS[cell.node(int(line.name[1:])).op].rule.cheap
    )


def _leads_on(kernel: Kernel, cell: Cell, names: set[str]) -> bool:
    """Whether something dear depends on one of these variables."""
    reached = set(names)
    for line in kernel.lines:
        if line.kind == "let" and not reached.isdisjoint(before.name for before in kernel.reads(line)):
            if _is_dear(line, cell):
                return True
            reached.add(line.name)
    return False


def _without(kernel: Kernel, early: list[Line]) -> Kernel:
    """Return a kernel that loads what these stores have stored."""
    loads = {store.text: Line("load", store.text, argument=store.argument) for store in early}
    lines = [loads.get(line.name, line) for line in kernel.lines if line not in early]
    return replace(kernel, lines=tuple(lines))
