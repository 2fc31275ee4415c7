"""One layer over a sequence, forward alone and without gradients: what is called, ready to be timed beside both ways."""

from __future__ import annotations

import torch
from torch import nn

from archsearch.bench.onnx_gru import has_onnxruntime, onnx_gru
from archsearch.bench.shapes import LayerShape
from archsearch.bench.steps import ONNX_GRU
from archsearch.bench.timing import Call
from archsearch.cell import Cell
from archsearch.compiler import Recurrent
from archsearch.compiler.engine_names import NATIVE

TORCH_GRU = "nn.GRU"


def forward_calls(cell: Cell, shape: LayerShape, has_native: bool) -> dict[str, Call]:
    """Return the way there of a cell, and of the GRU elsewhere, by what runs it.

    Args:
        cell: The cell.
        shape: Batch, steps and width.
        has_native: Whether cells can be compiled.
    """
    width = shape.width
    calls = {TORCH_GRU: _forward(nn.GRU(width, width), shape)}
    if has_native:
        calls[NATIVE.recorded_as] = _forward(Recurrent(cell, width, width, engine=NATIVE.name), shape)
    return calls | ({ONNX_GRU: onnx_gru(shape)} if has_onnxruntime() else {})


def _forward(layer: nn.Module, shape: LayerShape) -> Call:
    size = shape.steps, shape.batch, shape.width
    x = torch.randn(size, generator=torch.Generator().manual_seed(0))

    def call() -> object:
        with torch.no_grad():
            return layer(x)

    return call
