"""Forward and backward of one layer in every engine: what is called, ready to be timed.

The gradients are those of all parameters and of the input, as a layer inside a model needs them.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from archsearch.bench.shapes import LayerShape
from archsearch.bench.timing import Call
from archsearch.cell import Cell
from archsearch.compiler import Recurrent
from archsearch.compiler.engine_names import INTERPRETER

TORCH: dict[str, tuple[Callable[[int, int], nn.Module], str]] = {
    "nn.GRU": (nn.GRU, "gru_reset_after"),
    "nn.LSTM": (nn.LSTM, "lstm"),
}
"""Torch's own layers, and the library cells that they compute."""

TORCH_COMPILE = "torch.compile"


def torch_call(name: str, shape: LayerShape, device: str = "cpu", *, in_bf16: bool = False) -> Call:
    """Return forward and backward of one of torch's own layers.

    Args:
        name: A key of `TORCH`.
        shape: Batch, steps and width.
        device: Where it runs.
        in_bf16: Whether weights, x and gradients are bfloat16; float32 otherwise.
    """
    dtype = torch.bfloat16 if in_bf16 else torch.float32
    return _call(TORCH[name][0](shape.width, shape.width).to(device, dtype), shape, device)


def engine_call(cell: Cell, engine: str, shape: LayerShape) -> Call:
    """Return forward and backward of a cell.

    Args:
        cell: The cell.
        engine: One of `compiler.ENGINES`.
        shape: Batch, steps and width.
    """
    return _call(Recurrent(cell, shape.width, shape.width, engine=engine), shape)


def torch_compile_call(cell: Cell, shape: LayerShape) -> Call:
    """Return forward and backward of a cell whose loop in the interpreter torch.compile has unrolled, at its first call.

    What it has compiled before is forgotten: after some shapes it would give up and run the loop as it is.

    Args:
        cell: The cell.
        shape: Batch, steps and width.
    """
    torch.compiler.reset()
    layer = Recurrent(cell, shape.width, shape.width, engine=INTERPRETER.name)
    layer.compile(dynamic=False)
    return _call(layer, shape)


def _call(layer: nn.Module, shape: LayerShape, device: str = "cpu") -> Call:
    generator = torch.Generator().manual_seed(0)
    size = shape.steps, shape.batch, shape.width
    dtype = next(layer.parameters()).dtype
    x, gradient = (torch.randn(size, generator=generator).to(device, dtype) for _ in range(2))
    leaves = [x.requires_grad_(), *layer.parameters()]

    def forward_and_backward() -> tuple[Tensor, ...]:
        output = layer(x)[0]
        return torch.autograd.grad(output, leaves, gradient, allow_unused=True)

    return forward_and_backward
