"""A layer as one operator of torch.library: all that torch.compile sees of it, whatever its cell and its engine.

A compiled graph keeps nothing of the forward pass but what the layer was given: the backward pass computes it again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, Protocol

import msgspec
import torch
from torch import Tensor

from archsearch.cell import Cell, Node
from archsearch.compiler import differentiable
from archsearch.compiler.differentiable import Gradients, Inputs, differentiated, interpreted


class Compilable(differentiable.Differentiable, Protocol):
    """An engine that can be part of a compiled graph.

    Attributes:
        reached: For each parameter whether a gradient reaches it.
    """

    reached: list[bool]

    def fits(self, inputs: Inputs) -> bool:
        """Whether all shapes are those of the cell."""
        ...


GENERATED: dict[str, Callable[[Cell], Compilable]] = {}
"""The engines that generate code, by the names of their classes."""


def description(cell: Cell) -> str:
    """Return a canonical form as text, handles and all: compiled graphs are kept on disk and outlive a process."""
    return msgspec.json.encode((cell.nodes, cell.next)).decode()


@lru_cache(64)
def generated_engine(engine: str, cell: str) -> Compilable:
    """Return the engine of a described cell."""
    nodes, following = msgspec.json.decode(cell, type=tuple[tuple[Node, ...], tuple[int, ...]])
    return GENERATED[engine](Cell(name="compiled", nodes=nodes, next=following))


@torch.library.custom_op("archsearch::sequence", mutates_args=())
def sequence(engine: str, cell: str, reset: Tensor | None, tensors: Sequence[Tensor]) -> list[Tensor]:
    """Return the output of every step, (T, B, n), and the states after the last, (B, n) each.

    Args:
        engine: A key of `GENERATED`.
        cell: Its description.
        reset: Where states are zeroed before a step, bool (T, B), or None.
        tensors: Those of `Inputs`: x, (T, B, I), and so on.
    """
    runs = generated_engine(engine, cell)
    inputs = Inputs.of(runs.cell, reset, tensors)
    if not runs.reads(inputs):
        return _interpreted(runs, inputs)
    return list(runs.values(inputs))


@sequence.register_fake
def _(engine: str, cell: str, reset: Tensor | None, tensors: Sequence[Tensor]) -> list[Tensor]:
    runs = generated_engine(engine, cell)
    inputs = Inputs.of(runs.cell, reset, tensors)
    if not runs.fits(inputs):
        return _interpreted(runs, inputs)
    steps, batch, _ = inputs.x.shape
    width = inputs.states[0].shape[1]
    return [inputs.x.new_empty(steps, batch, width), *[_alike(state) for state in inputs.states]]


def _interpreted(engine: Compilable, inputs: Inputs) -> list[Tensor]:
    out, after = interpreted(engine, inputs)
    return [out, *[state.clone() for state in after]]  # the results of an operator share nothing


@torch.library.custom_op("archsearch::sequence_backward", mutates_args=())
def sequence_backward(
    engine: str,
    cell: str,
    needed: Sequence[bool],
    reset: Tensor | None,
    tensors: Sequence[Tensor],
    gradients: Sequence[Tensor | None],
) -> list[Tensor]:
    """Return the gradients that are needed, each of the shape of its tensor.

    Args:
        engine: A key of `GENERATED`.
        cell: Its description.
        needed: For each of `tensors` whether its gradient is wanted and one reaches it.
        reset: As in `sequence`, bool (T, B), or None.
        tensors: As in `sequence`: x, (T, B, I), and so on.
        gradients: Of the output, (T, B, n), and of the last states, (B, n) each.
    """
    runs = generated_engine(engine, cell)
    inputs = Inputs.of(runs.cell, reset, tensors)
    if not runs.reads(inputs) or not runs.reads_gradients(inputs, gradients):
        raise RuntimeError(
            "a compiled graph got tensors of other shapes, types or devices than it was made for"
        )
    _, memory = runs.forward(inputs)
    made = runs.backward(inputs, memory, gradients, needed)
    return [gradient.contiguous() for gradient in made if gradient is not None]


@sequence_backward.register_fake
def _(
    engine: str,
    cell: str,
    needed: Sequence[bool],
    reset: Tensor | None,
    tensors: Sequence[Tensor],
    gradients: Sequence[Tensor | None],
) -> list[Tensor]:
    return [_alike(tensor) for tensor, need in zip(tensors, needed, strict=True) if need]


def _alike(tensor: Tensor) -> Tensor:
    """Return contiguous memory of a tensor's shape."""
    return tensor.new_empty(tensor.shape)


def _keep(ctx: Any, inputs: tuple[Any, ...], output: list[Tensor]) -> None:
    """Keep what the backward pass wants."""
    ctx.engine, ctx.cell, reset, tensors = inputs
    ctx.save_for_backward(reset, *tensors)
    ctx.set_materialize_grads(False)


def _backward(ctx: Any, gradients: Gradients) -> tuple[None, None, None, Gradients]:
    """Return the gradients of what `sequence` was given."""
    reset, *tensors = ctx.saved_tensors
    runs = generated_engine(ctx.engine, ctx.cell)
    needed = ctx.needs_input_grad[3]
    if torch.is_grad_enabled():
        inputs = Inputs.of(runs.cell, reset, tensors)
        return None, None, None, differentiated(runs, inputs, gradients, needed)
    others = len(tensors) - len(runs.reached)
    reached = [need and reach for need, reach in zip(needed, [True] * others + runs.reached, strict=True)]
    made = iter(
        sequence_backward(
            engine=ctx.engine,
            cell=ctx.cell,
            needed=reached,
            reset=reset,
            tensors=tensors,
            gradients=gradients,
        )
    )
    return None, None, None, [next(made) if need else None for need in reached]


sequence.register_autograd(_backward, setup_context=_keep)
