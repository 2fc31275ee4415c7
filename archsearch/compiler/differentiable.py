"""The one autograd function of the engines that generate code, and the interpreter's gradients where theirs cannot do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

from archsearch.cell import Cell
from archsearch.compiler.interpreter import Interpreter
from archsearch.compiler.readable import unwatched, where_tensors_lie

Gradients = Sequence[Tensor | None]
"""One for each of `Inputs.tensors`, or for each result; None where there is none."""


class Inputs(NamedTuple):
    """What a layer is given; in shapes, T are steps, B streams, I the input size and n the width.

    Attributes:
        reset: Where states are zeroed before a step, bool (T, B), or None.
        x: Input, (T, B, I).
        wide: Input as wide as the layer where the cell reads x itself, (T, B, n), else None.
        states: The states, each (B, n).
        weights: The parameters, in the order of the engine's `names`.
    """

    reset: Tensor | None
    x: Tensor
    wide: Tensor | None
    states: tuple[Tensor, ...]
    weights: tuple[Tensor, ...]

    @property
    def tensors(self) -> list[Tensor]:
        """All that a gradient may be wanted of, in this order: x (T, B, I), wide (T, B, n), states (B, n), weights."""
        wide = [] if self.wide is None else [self.wide]
        return [self.x, *wide, *self.states, *self.weights]

    @staticmethod
    def of(cell: Cell, reset: Tensor | None, tensors: Iterable[Tensor]) -> Inputs:
        """Return the inputs that have these tensors.

        Args:
            cell: In canonical form; says which tensors there are.
            reset: Of shape (T, B), or None.
            tensors: As the property of this name has them.
        """
        x, *rest = tensors
        wide = rest.pop(0) if cell.needs_projection else None
        states, weights = rest[: len(cell.next)], rest[len(cell.next) :]
        return Inputs(reset=reset, x=x, wide=wide, states=tuple(states), weights=tuple(weights))


class Differentiable(Protocol):
    """What the autograd function asks of an engine.

    Attributes:
        cell: The cell, in canonical form.
        interpreter: Computes the same.
        names: The parameters, in the order in which the code takes them.
    """

    cell: Cell
    interpreter: Interpreter
    names: list[str]

    def reads(self, inputs: Inputs) -> bool:
        """Whether the code may read these."""
        ...

    def reads_gradients(self, inputs: Inputs, gradients: Gradients) -> bool:
        """Whether the code may read gradients of the results that these inputs give."""
        ...

    def forward(self, inputs: Inputs) -> tuple[tuple[Tensor, ...], Any]:
        """Return the output (T, B, n) and the last states (B, n), and what the backward pass wants of them."""
        ...

    def backward(
        self, inputs: Inputs, memory: Any, gradients: Gradients, needed: Sequence[bool]
    ) -> Gradients:
        """Return the gradients that are needed, each of the shape of its tensor, (T, B, I) for x.

        Args:
            inputs: As in `forward`.
            memory: What `forward` returned; it is used up.
            gradients: Of the output and the last states; None where there is none.
            needed: For each of `inputs.tensors` whether its gradient is wanted.
        """
        ...

    def values(self, inputs: Inputs) -> tuple[Tensor, ...]:
        """Return the output (T, B, n) and the last states (B, n) where nobody goes backward."""
        ...


def differentiable_results(engine: Differentiable, inputs: Inputs) -> tuple[Tensor, ...]:
    """Return the output (T, B, n) and the states after the last step (B, n), differentiable."""
    tensors = inputs.tensors
    with (
        torch._C.DisableTorchFunction()
    ):  # function modes, a default device too, are not for memory made here
        if torch.is_grad_enabled() and any([tensor.requires_grad for tensor in tensors]):
            made: tuple[Tensor, ...] = _Sequence.apply(engine, inputs, *tensors)
            return made
        return engine.values(inputs)


class _Sequence(torch.autograd.Function):
    """One layer over a whole sequence; the first backward pass uses up what it keeps, a second makes it again."""

    @staticmethod
    def forward(ctx: Any, engine: Differentiable, inputs: Inputs, *tensors: Tensor) -> tuple[Tensor, ...]:
        made, ctx.memory = engine.forward(inputs)
        ctx.engine, ctx.places = engine, where_tensors_lie([inputs.reset, *tensors])
        ctx.save_for_backward(inputs.reset, *tensors)
        ctx.set_materialize_grads(False)
        return made

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, ...]:
        reset, *tensors = ctx.saved_tensors
        engine, needed = ctx.engine, ctx.needs_input_grad[2:]
        inputs = Inputs.of(engine.cell, reset, tensors)
        if torch.is_grad_enabled() or not _may_read(ctx, inputs, gradients):
            return None, None, *differentiated(engine, inputs, gradients, needed)
        memory, ctx.memory = ctx.memory, None
        with torch._C.DisableTorchFunction():
            if memory is None:
                _, memory = engine.forward(inputs)
            return None, None, *engine.backward(inputs, memory, gradients, needed)


def _may_read(ctx: Any, inputs: Inputs, gradients: Gradients) -> bool:
    """Whether generated code may go backward; `.data` or a hook may have changed what was saved."""
    if not unwatched() or not ctx.engine.reads_gradients(inputs, gradients):
        return False
    engine: Differentiable = ctx.engine
    return where_tensors_lie([inputs.reset, *inputs.tensors]) == ctx.places or engine.reads(inputs)


def differentiated(
    engine: Differentiable, inputs: Inputs, gradients: Gradients, needed: Sequence[bool]
) -> Gradients:
    """Return the gradients that are needed as the interpreter has them, with their graph where one is made.

    Args:
        engine: Whose interpreter computes.
        inputs: What the layer was given.
        gradients: Of the output, (T, B, n), and of the last states, (B, n) each.
        needed: For each of `inputs.tensors` whether its gradient is wanted.
    """
    create_graph = torch.is_grad_enabled()
    with torch.enable_grad():
        tensors = [tensor.view_as(tensor) for tensor in inputs.tensors]
        out, after = interpreted(engine, Inputs.of(engine.cell, inputs.reset, tensors))
        pairs = [
            (result, gradient)
            for result, gradient in zip((out, *after), gradients, strict=True)
            if result.requires_grad and gradient is not None
        ]
        if not pairs:
            return [None] * len(tensors)
        leaves = [tensor for tensor, need in zip(tensors, needed, strict=True) if need]
        outputs, weights = zip(*pairs, strict=True)
        made = torch.autograd.grad(outputs, leaves, weights, create_graph=create_graph, allow_unused=True)
    remaining = iter(made)
    return [next(remaining) if need else None for need in needed]


def interpreted(engine: Differentiable, inputs: Inputs) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Return what the interpreter computes from the same inputs: output (T, B, n) and last states (B, n)."""
    weights = dict(zip(engine.names, inputs.weights, strict=True))
    return engine.interpreter(weights, inputs.x, inputs.states, inputs.reset, inputs.wide)
