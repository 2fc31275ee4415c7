"""Runs a graph in its own consumer and compares it with the layer:
`python -m archsearch.exporters.comparing_runnable FOLDER FORMAT [WEIGHTS]`.

FOLDER holds a job and its `exported.FORMAT`; WEIGHTS is the file of the layer whose weights the graph holds.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from archsearch.cell import Cell
from archsearch.compiler import Recurrent
from archsearch.exporters.comparing import ERRORS, SINGLE, check_close
from archsearch.exporters.exported_module import exported_module
from archsearch.exporters.job import GRAPHS, read_job
from archsearch.exporters.model import SizedModel
from archsearch.exporters.weights import from_module, layer_of_file

LENGTHS, BATCHES = (1, 7, 20), (1, 3)
"""Time steps and batches that a graph is run at; none is that of the example it was traced with."""


def compare_runnable(folder: Path, format: str, weights: Path | None) -> None:
    """Raise AssertionError where a graph gives other outputs or last states than the layer, or than the whole model.

    Args:
        folder: Of the job and the graph.
        format: Of the graph.
        weights: The file of the layer; None where the graph holds weights that were drawn.
    """
    cell, model = read_job(folder)
    run = importlib.import_module(GRAPHS[format]).runner(folder / f"exported.{format}")
    if model.ends is not None and weights is not None:
        _compare_whole(run, model, len(cell.states), load_file(weights))
        return
    single = _layer(folder, cell, model, weights)
    exact = _like(single, torch.float64)
    generator = torch.Generator().manual_seed(0)
    for time in LENGTHS:
        for batch in BATCHES:
            sizes = (batch, time) if model.batch_first else (time, batch)
            x = torch.randn(*sizes, model.input_size, generator=generator)
            shape = (model.num_layers * (1 + model.bidirectional), batch, model.hidden_size)
            states = [torch.randn(shape, generator=generator) for _ in cell.states]
            if batch == 1:
                states = [torch.zeros_like(state) for state in states]
            found = run([x, *states])
            ours, truth = _values(single, x, states), _values(exact, x, states)
            for its, here, true in zip(found, ours, truth, strict=True):
                check_close(its, here, SINGLE, ERRORS * (here - true).abs().max().item())


def _compare_whole(
    run: Callable[[list[Tensor]], list[Tensor]], model: SizedModel, states: int, example: dict[str, Tensor]
) -> None:
    """Raise AssertionError where a graph says something else than its model did of an example, or where it goes on from it.

    Args:
        run: Of the graph.
        model: Its sizes.
        states: How many states the cell has.
        example: What the model read, and what it said in float64 and in float32, shape (T, B, ...) each.
    """
    inputs, exact, single = (example[f"ends.{name}"] for name in ("inputs", "outputs", "single"))
    error = ERRORS * (single - exact).abs().max().item()
    inputs = inputs.float() if inputs.is_floating_point() else inputs
    for length in LENGTHS:
        for batch in BATCHES:
            current = [torch.zeros(model.num_layers, batch, model.hidden_size)] * states
            for part in (slice(0, length), slice(length, len(inputs))):
                read = inputs[part, :batch]
                if not len(read):
                    continue
                swapped = read.transpose(0, 1).contiguous() if model.batch_first else read.contiguous()
                said, *current = run([swapped, *current])
                said = said.transpose(0, 1) if model.batch_first else said
                check_close(said, single[part, :batch].float(), SINGLE, error)


def _layer(folder: Path, cell: Cell, model: SizedModel, weights: Path | None) -> Recurrent:
    """Return the layer in float32 that the graph must be."""
    if weights is None:
        return from_module(cell, exported_module(folder, cell, model))
    layer = layer_of_file(cell, weights)
    layer.batch_first = model.batch_first
    return _like(layer, torch.float32)


def _like(layer: Recurrent, dtype: torch.dtype) -> Recurrent:
    twin = Recurrent(
        layer.cell,
        layer.input_size,
        layer.hidden_size,
        num_layers=layer.num_layers,
        bias=layer.bias,
        batch_first=layer.batch_first,
        bidirectional=layer.bidirectional,
        dtype=dtype,
        engine="interpreter",
    )
    twin.load_state_dict(layer.state_dict())
    return twin.eval()


def _values(layer: Recurrent, x: Tensor, states: list[Tensor]) -> list[Tensor]:
    """Return the outputs and the last states of a layer in its own precision."""
    dtype = next(layer.parameters(), x).dtype
    given = tuple(state.to(dtype) for state in states)
    with torch.no_grad():
        output, final = layer(x.to(dtype), given if len(given) > 1 else given[0])
    return [output, *((final,) if isinstance(final, Tensor) else final)]


if __name__ == "__main__":
    torch.set_num_threads(1)
    try:
        compare_runnable(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]) if len(sys.argv) > 3 else None)
    except Exception as error:
        sys.exit(f"{type(error).__name__}: {' '.join(str(error).split())}")
