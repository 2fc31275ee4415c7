"""What engines that generate code have in common: when they run, when the interpreter does, and what they are given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar

import torch
from torch import Tensor

from archsearch.cell import Cell
from archsearch.compiler.interpreter import Interpreter
from archsearch.compiler.parameters import PROJECTION, parameter_names, reached_from

States = tuple[Tensor, ...]


class Generated:
    """A cell in canonical form that runs as generated code, float32 and float64; see `engines.LayerFunction`.

    All else - other devices and types, autocast, export - goes to the interpreter.

    Attributes:
        cell: The cell.
        interpreter: What runs in its place, and differentiates twice.
        devices: The kinds of device that the code runs on.
        names: The parameters, in the order in which the code takes them.
        reached: For each whether a gradient reaches it.
    """

    devices: ClassVar[tuple[str, ...]]

    def __init__(self, cell: Cell) -> None:
        self.cell = cell
        self.names = parameter_names(cell)
        reached = reached_from(cell, cell.next)
        self.reached = [int(name.rpartition("_n")[2]) in reached for name in self.names]
        self.interpreter = Interpreter(cell)

    def __reduce__(self) -> tuple[type[Generated], tuple[Cell]]:
        """Copy and pickle the cell alone: what was generated belongs to this host."""
        return type(self), (self.cell,)

    def __call__(
        self, weights: Mapping[str, Tensor], x: Tensor, states: States, reset: Tensor | None
    ) -> tuple[Tensor, States]:
        """Run one layer over a sequence; see `engines.LayerFunction`."""
        if torch.compiler.is_compiling() and not torch.compiler.is_exporting():
            run: Callable[..., tuple[Tensor, States]] = torch._dynamo.disable(self.run)
            return run(weights, x, states, reset)
        return self.run(weights, x, states, reset)

    def run(
        self, weights: Mapping[str, Tensor], x: Tensor, states: States, reset: Tensor | None
    ) -> tuple[Tensor, States]:
        """Do so outside what torch compiles."""
        if not self.takes([x, *states, *weights.values()]):
            return self.interpreter(weights, x, states, reset)
        wide = None
        if self.cell.needs_projection:
            wide = torch.nn.functional.linear(x, weights[PROJECTION]) if PROJECTION in weights else x
        out, *after = self.sequence(reset, x, wide, states, [weights[name] for name in self.names])
        return out, tuple(after)

    def takes(self, tensors: list[Tensor]) -> bool:
        """Whether tensors are what the code reads: of one type and device, not empty, not traced."""
        x = tensors[0]
        device, dtype = x.device, x.dtype
        if dtype not in (torch.float32, torch.float64) or device.type not in self.devices or not x.numel():
            return False
        if torch.is_autocast_enabled(device.type) or torch.compiler.is_exporting():
            return False
        return all(one.dtype == dtype and one.device == device for one in tensors)

    def sequence(
        self, reset: Tensor | None, x: Tensor, wide: Tensor | None, states: States, weights: list[Tensor]
    ) -> tuple[Tensor, ...]:
        """Return the output of every step and the states after the last, differentiable.

        Args:
            reset: Where states are zeroed before a step, or None.
            x: Input, (T, B, I).
            wide: Input as wide as the layer where the cell reads x itself, else None.
            states: The states, each (B, n).
            weights: The parameters, in the order of `names`.
        """
        raise NotImplementedError
