"""One step of a layer, as a model takes it that is used: what is called, ready to be timed under `torch.no_grad`."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from archsearch.bench.onnx_gru import has_onnxruntime, onnx_gru
from archsearch.bench.shapes import LayerShape
from archsearch.bench.timing import Call
from archsearch.cell import Cell
from archsearch.compiler import Recurrent

STEPS = tuple(LayerShape(batch, 1, width) for batch in (1, 20) for width in (16, 40, 128, 256, 512, 1024))
"""What is measured unless something else is asked for; the first two alone with `--quick`."""

GRU_CELL, ONNX_GRU = "nn.GRUCell", "onnxruntime"
"""What others make of the GRU with the reset gate after the product."""


def step_calls(cell: Cell, shape: LayerShape, engines: Sequence[str]) -> dict[str, Call]:
    """Return a step of a cell in every engine, and of the GRU elsewhere, by what runs it.

    Args:
        cell: The cell.
        shape: Batch and width; its steps are not read.
        engines: Keys of `compiler.ENGINES`, or what records call them.
    """
    width = shape.width
    calls: dict[str, Call] = {
        engine: _layer_step(Recurrent(cell, width, width, engine=engine), shape) for engine in engines
    }
    theirs = nn.GRUCell(width, width)
    x, h = _drawn(shape.batch, width), _drawn(shape.batch, width)
    calls[GRU_CELL] = lambda: theirs(x, h)
    return calls | ({ONNX_GRU: onnx_gru(LayerShape(shape.batch, 1, width))} if has_onnxruntime() else {})


def _layer_step(layer: Recurrent, shape: LayerShape) -> Call:
    x = _drawn(shape.batch, shape.width)
    # as a step before leaves them, a tensor for each: one that is given twice takes the long way
    states = tuple(_drawn(1, shape.batch, shape.width) for _ in layer.cell.states)
    state = states if len(states) > 1 else states[0]
    return lambda: layer.step(x, state)


def _drawn(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))
