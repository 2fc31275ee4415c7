"""Gradients that can be differentiated again, for engines whose own backward pass cannot: the interpreter's."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from archsearch.compiler.interpreter import Interpreter


def differentiated(
    interpreter: Interpreter,
    names: Sequence[str],
    reset: Tensor | None,
    count: int,
    given: list[Tensor | None],
    gradients: list[Tensor | None],
    needed: Sequence[bool],
) -> list[Tensor | None]:
    """Return the gradients that are needed, with the graph that made them.

    Args:
        interpreter: Of the cell.
        names: The layer's parameters, in the order of `given`.
        reset: As the layer was given it.
        count: How many states there are.
        given: x, x as wide as the layer or None, the states, the parameters.
        gradients: Of the output and the last states.
        needed: For each of `given` whether its gradient is wanted.
    """
    x, wide, *rest = [None if tensor is None else tensor.view_as(tensor) for tensor in given]
    tensors = [tensor for tensor in rest if tensor is not None]
    assert x is not None
    weights = dict(zip(names, tensors[count:], strict=True))
    out, after = interpreter(weights, x, tuple(tensors[:count]), reset, wide)
    pairs = [
        pair
        for pair in zip((out, *after), gradients, strict=True)
        if pair[0].requires_grad and pair[1] is not None
    ]
    wanted = [
        tensor for tensor, need in zip((x, wide, *rest), needed, strict=True) if need and tensor is not None
    ]
    results, weighted = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    found = iter(torch.autograd.grad(results, wanted, weighted, create_graph=True, allow_unused=True))
    return [next(found) if need else None for need in needed]
