"""Layers and training steps whose products multiply bfloat16, beside the same in float32, and beside torch's in bfloat16."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import product
from statistics import median

from archsearch.bench import trials
from archsearch.bench.layers import TORCH, engine_call, torch_call
from archsearch.bench.rows import TimedRow
from archsearch.bench.shapes import LayerShape
from archsearch.bench.timing import Call, spread, turns
from archsearch.cell import Cell
from archsearch.compiler import ENGINES
from archsearch.compiler.engine_names import NATIVE, NATIVE_3BF16, NATIVE_BF16
from archsearch.workers.process import as_in_a_worker

IN_BF16 = " in bfloat16"
"""Behind the name of one of torch's layers, where weights and x are bfloat16."""

ROUNDING = (NATIVE, NATIVE_BF16, NATIVE_3BF16)


class RoundedLayerRow(TimedRow, frozen=True):
    """Forward and backward of one layer.

    Attributes:
        ratio_native: Of the native engine's time in float32 to this one.
        ratio_nn_gru: Of nn.GRU's in bfloat16.
        ratio_nn_lstm: Of nn.LSTM's in bfloat16.
    """

    ratio_native: float
    ratio_nn_gru: float
    ratio_nn_lstm: float


class RoundedTrialRow(TimedRow, frozen=True):
    """One training step of a trial.

    Attributes:
        parameters: Budget of the model, which gives H.
        ratio_native: Of the native engine's time in float32 to this one.
    """

    parameters: int
    ratio_native: float


def can_round() -> bool:
    """Whether this machine multiplies bfloat16."""
    return ENGINES[NATIVE_BF16.name].works()


def measure_in_bf16(
    cells: Mapping[str, Cell],
    shapes: Sequence[LayerShape],
    budgets: Sequence[int],
    rounds: int,
    told: Callable[[str], None] = lambda line: None,
) -> dict[str, list[RoundedLayerRow] | list[RoundedTrialRow]]:
    """Return the rows of layers and of training steps.

    Args:
        cells: What is measured, by name.
        shapes: Of the layers.
        budgets: Parameters of the models of the training steps.
        rounds: Turns that each engine gets.
        told: Takes a line for people before each part.
    """
    layers: list[RoundedLayerRow] = []
    steps: list[RoundedTrialRow] = []
    with as_in_a_worker():
        for shape, name in product(shapes, cells):
            told(f"{name} in bfloat16 at {shape}")
            layers += _layer_rows(name, cells[name], shape, rounds)
        for name, budget in product(cells, budgets):
            told(f"{name} in bfloat16, training step of {trials.TASK} with {budget:,} parameters")
            try:
                steps += _trial_rows(name, cells[name], budget, rounds)
            except trials.Untimed as error:
                told(f"left out: {error}")
    return {"layers": layers, "training_steps": steps}


def _layer_rows(name: str, cell: Cell, shape: LayerShape, rounds: int) -> list[RoundedLayerRow]:
    calls: dict[str, Call] = {engine.name: engine_call(cell, engine.name, shape) for engine in ROUNDING}
    calls |= {layer + IN_BF16: torch_call(layer, shape, in_bf16=True) for layer in TORCH}
    taken = turns(calls, rounds)
    times = {engine: median(ms) for engine, ms in taken.items()}
    return [
        RoundedLayerRow(
            cell=TORCH[layer][1] if (layer := engine.removesuffix(IN_BF16)) in TORCH else name,
            engine=engine,
            batch=shape.batch,
            steps=shape.steps,
            width=shape.width,
            **spread(taken[engine]),
            ratio_native=times[NATIVE.name] / ms,
            ratio_nn_gru=times["nn.GRU" + IN_BF16] / ms,
            ratio_nn_lstm=times["nn.LSTM" + IN_BF16] / ms,
        )
        for engine, ms in times.items()
    ]


def _trial_rows(name: str, cell: Cell, budget: int, rounds: int) -> list[RoundedTrialRow]:
    calls, width = trials.rounding_calls(cell, budget, ROUNDING)
    taken = {engine: [ms / trials.WINDOWS for ms in each] for engine, each in turns(calls, rounds).items()}
    native = median(taken[NATIVE.name])
    return [
        RoundedTrialRow(
            cell=name,
            engine=engine,
            batch=trials.BATCH,
            steps=trials.UNROLL,
            width=width,
            parameters=budget,
            **spread(each),
            ratio_native=native / median(each),
        )
        for engine, each in taken.items()
    ]
