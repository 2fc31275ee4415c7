"""Forward and backward of one layer in every engine: what is called, ready to be timed.

The gradients are those of all parameters and of the input, as a layer inside a model needs them.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from archsearch.bench.shapes import Shape
from archsearch.bench.timing import Call
from archsearch.cell import Cell
from archsearch.compiler import Recurrent

TORCH: dict[str, tuple[Callable[[int, int], nn.Module], str]] = {
    "nn.GRU": (nn.GRU, "gru_reset_after"),
    "nn.LSTM": (nn.LSTM, "lstm"),
}
"""Torch's own layers, and the library cells that they compute."""


def torch_call(name: str, shape: Shape, device: str = "cpu") -> Call:
    """Return forward and backward of one of torch's own layers."""
    return _call(TORCH[name][0](shape.width, shape.width).to(device), shape, device)


def engine_call(cell: Cell, engine: str, shape: Shape) -> Call:
    """Return forward and backward of a cell in one of `compiler.ENGINES`."""
    return _call(Recurrent(cell, shape.width, shape.width, engine=engine), shape)


def _call(layer: nn.Module, shape: Shape, device: str = "cpu") -> Call:
    generator = torch.Generator().manual_seed(0)
    size = shape.steps, shape.batch, shape.width
    x, gradient = (torch.randn(size, generator=generator).to(device) for _ in range(2))
    wanted = [x.requires_grad_(), *layer.parameters()]

    def run() -> tuple[Tensor, ...]:
        output = layer(x)[0]
        return torch.autograd.grad(output, wanted, gradient, allow_unused=True)

    return run
