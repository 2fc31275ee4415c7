"""What engines that generate code have in common: when they run, when the interpreter does, and what they are given."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from archsearch.cell import Cell
from archsearch.compiler import torch_operator
from archsearch.compiler.differentiable import Gradients, Inputs, differentiable_results
from archsearch.compiler.interpreter import Interpreter
from archsearch.compiler.layer_function import LayerFunction
from archsearch.compiler.parameters import PROJECTION, learned, parameter_names, reached_parameters
from archsearch.compiler.readable import Shape, readable, unwatched

States = tuple[Tensor, ...]

DTYPES = (torch.float32, torch.float64)


class Generated(LayerFunction):
    """A cell in canonical form that runs as generated code, float32 and float64; see `LayerFunction`.

    All else goes to the interpreter: other devices and types, tensors that are not plain or not of the cell's shapes,
    autocast, and whatever transforms or traces the computation. What torch.compile traces becomes one operator.

    Attributes:
        devices: The kinds of device that the code runs on.
        cell: The cell.
        names: The parameters, in the order in which the code takes them.
        reached: For each whether a gradient reaches it.
        interpreter: Computes the same cell.
        shapes: Of each parameter, by input size and width.
        description: The cell as the operator takes it.
    """

    devices: ClassVar[tuple[str, ...]]

    def __init_subclass__(cls) -> None:
        """Let the operator find the engine again by its name."""
        torch_operator.GENERATED[cls.__name__] = cls

    def __init__(self, cell: Cell) -> None:
        self.cell = cell
        self.names = parameter_names(cell)
        reached = reached_parameters(cell, cell.next)
        self.reached = [name in reached for name in self.names]
        self.interpreter = Interpreter(cell)
        self.shapes: dict[tuple[int, int], list[Shape]] = {}
        self.description = torch_operator.description(cell)

    def __reduce__(self) -> tuple[type[Generated], tuple[Cell]]:
        """Copy and pickle the cell alone: what was generated belongs to this host."""
        return type(self), (self.cell,)

    def __call__(
        self, weights: Mapping[str, Tensor], x: Tensor, states: States, reset: Tensor | None
    ) -> tuple[Tensor, States]:
        """Run one layer over a sequence; see `LayerFunction`."""
        if torch.compiler.is_compiling():
            return self._compiled(weights, x, states, reset)
        if not self._runs_on(x) or not unwatched():
            return self.interpreter(weights, x, states, reset)
        inputs = self._inputs(weights, x, states, reset)
        if not self.reads(inputs):
            return self.interpreter(weights, x, states, reset)
        out, *after = differentiable_results(self, inputs)
        return out, tuple(after)

    def _compiled(
        self, weights: Mapping[str, Tensor], x: Tensor, states: States, reset: Tensor | None
    ) -> tuple[Tensor, States]:
        """Run where torch.compile traces: as one operator; other types and autocast outside of its graph."""
        if torch.compiler.is_exporting() or torch._C._are_functorch_transforms_active():
            return self.interpreter(weights, x, states, reset)
        if not self._runs_on(x):
            run: Callable[..., tuple[Tensor, States]] = torch._dynamo.disable(self.interpreter)
            return run(weights, x, states, reset)
        inputs = self._inputs(weights, x, states, reset)
        out, *after = torch_operator.sequence(
            engine=type(self).__name__, cell=self.description, reset=reset, tensors=inputs.tensors
        )
        return out, tuple(after)

    def _runs_on(self, x: Tensor) -> bool:
        """Whether there is code for an input, (T, B, I), of this type on this device."""
        kind = x.device.type
        return x.dtype in DTYPES and kind in self.devices and not torch.is_autocast_enabled(kind)

    def _inputs(
        self, weights: Mapping[str, Tensor], x: Tensor, states: States, reset: Tensor | None
    ) -> Inputs:
        """Return what the code is given."""
        wide = None
        if self.cell.needs_projection:
            wide = torch.nn.functional.linear(x, weights[PROJECTION]) if PROJECTION in weights else x
        parameters = tuple([weights[name] for name in self.names])
        return Inputs(reset=reset, x=x, wide=wide, states=states, weights=parameters)

    def fits(self, inputs: Inputs) -> bool:
        """Whether all shapes are those of the cell at this input size, batch and width."""
        if not self._has_sizes(inputs):
            return False
        pairs = zip(inputs.tensors, self._shapes(inputs), strict=True)
        return all([tensor.shape == shape for tensor, shape in pairs])

    def reads(self, inputs: Inputs) -> bool:
        """Whether the code may read these: plain tensors of the cell's shapes, all of one type and on one device.

        Raises:
            RuntimeError: The memory of one was freed.
        """
        x, reset = inputs.x, inputs.reset
        dtype, device = x.dtype, x.device
        if dtype not in DTYPES or device.type not in self.devices or not self._has_sizes(inputs):
            return False
        if reset is not None and not readable([reset], [x.shape[:2]], torch.bool, device):
            return False
        return readable(inputs.tensors, self._shapes(inputs), dtype, device)

    def reads_gradients(self, inputs: Inputs, gradients: Gradients) -> bool:
        """Whether the code may read gradients of the output, (T, B, n), and of the last states, (B, n) each."""
        x, state = inputs.x, inputs.states[0].shape
        shapes = [(x.shape[0], *state), *[tuple(state)] * len(inputs.states)]
        return readable(gradients, shapes, x.dtype, x.device)

    def _has_sizes(self, inputs: Inputs) -> bool:
        """Whether input size, batch and width can be told from x and the first state, and nothing is empty."""
        x, states = inputs.x, inputs.states
        return x.dim() == 3 and x.numel() > 0 and len(states) == len(self.cell.next) and states[0].dim() == 2

    def _shapes(self, inputs: Inputs) -> list[Shape]:
        """Return the shapes that the code takes `inputs.tensors` to have."""
        steps, batch, size = inputs.x.shape
        width = int(inputs.states[0].shape[1])
        wide = [] if inputs.wide is None else [(steps, batch, width)]
        states = [(batch, width)] * len(inputs.states)
        return [(steps, batch, size), *wide, *states, *self._learned(int(size), width)]

    def _learned(self, size: int, width: int) -> list[Shape]:
        """Return the shapes of the parameters for this input size and width."""
        shapes = self.shapes.get((size, width))
        if shapes is None:
            items = learned(self.cell, size, width)
            shapes = [item.shape for item in items if item.name != PROJECTION]
            self.shapes[size, width] = shapes
        return shapes

    def forward(self, inputs: Inputs) -> tuple[tuple[Tensor, ...], Any]:
        """Return the output of every step, (T, B, n), the states after the last, (B, n) each, and what `backward` wants.

        Args:
            inputs: What `reads` has let through.
        """
        raise NotImplementedError

    def backward(
        self, inputs: Inputs, memory: Any, gradients: Gradients, needed: Sequence[bool]
    ) -> Gradients:
        """Return the gradients that are needed, None for others and where none reaches.

        Args:
            inputs: As in `forward`.
            memory: What `forward` returned; it is used up.
            gradients: Of the output and the last states; None where there is none.
            needed: For each of `inputs.tensors` whether its gradient is wanted.
        """
        raise NotImplementedError

    def values(self, inputs: Inputs) -> tuple[Tensor, ...]:
        """Return what `forward` returns, (T, B, n) and (B, n), where nobody goes backward."""
        return self.forward(inputs)[0]
