"""The whole training step of a trial: embedding, one layer, output layer, loss, backward, clip and AdamW, data at hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import cycle
from statistics import mean
from typing import Any

import torch
from torch import Tensor, nn

from archsearch.bench.counting import CountedWork, trial_work
from archsearch.bench.layers import TORCH
from archsearch.bench.shapes import LayerShape
from archsearch.bench.timing import Call
from archsearch.cell import Cell
from archsearch.compiler import Recurrent
from archsearch.compiler.engine_names import INTERPRETER, NATIVE, EngineName
from archsearch.errors import ArchsearchError
from archsearch.protocol.settings import Setting
from archsearch.protocol.units import units
from archsearch.tasks import load
from archsearch.training import Streams
from archsearch.training.model import Model, detached
from archsearch.training.native.model import NativeModel
from archsearch.training.update import UpdateRule
from archsearch.training.windows import Batch

TASK = "xml:small"
BATCH, UNROLL = 20, 35
BUDGETS = (10_000, 30_000, 250_000)
"""Parameters of the models."""

WINDOWS = 8
"""Steps of one call."""

SETTING = Setting("adamw", rate=0.001, clip=5.0, scale=1.0, layers=1, budget=0)


class Untimed(ArchsearchError):
    """A model diverges, so its steps say nothing."""


class _FromTorch(nn.Module):
    """One of torch's own layers, called as `Recurrent` is; it can not reset.

    Args:
        layer: nn.GRU or nn.LSTM.

    Attributes:
        layer: As given.
    """

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor, state: Any = None, reset: Tensor | None = None) -> Any:
        """Run over a sequence.

        Args:
            x: Input, shape (T, B, H).
            state: What the last window left, or None for zeros.
            reset: None.

        Returns:
            The outputs, shape (T, B, H), and the state after the last step.
        """
        assert reset is None
        return self.layer(x, state)


def trial_calls(cell: Cell, budget: int, engines: tuple[str, ...]) -> tuple[dict[str, Call], int]:
    """Return calls that make WINDOWS training steps each, by engine, and the width of their models.

    Args:
        cell: The cell; torch's own layers are put in its place at the same width.
        budget: Parameters.
        engines: Of the cell, names in `compiler.ENGINES`.
    """
    symbols, width, windows = _sizes(cell, budget)
    calls: dict[str, Call] = {}
    for engine in engines:
        model = _model(cell, symbols, width, Recurrent(cell, width, width, engine=engine))
        calls[engine] = _native(model, cell, windows) if engine == NATIVE.name else _in_torch(model, windows)
    for name, (layer, _) in TORCH.items():
        calls[name] = _in_torch(_model(cell, symbols, width, _FromTorch(layer(width, width))), windows)
    return calls, width


def rounding_calls(cell: Cell, budget: int, engines: Sequence[EngineName]) -> tuple[dict[str, Call], int]:
    """Return calls that make WINDOWS training steps each in native engines, by name, and the width of their models.

    Args:
        cell: The cell.
        budget: Parameters.
        engines: Those of `NATIVE_ENGINES` that are wanted.
    """
    symbols, width, windows = _sizes(cell, budget)
    model = _model(cell, symbols, width, Recurrent(cell, width, width, engine=INTERPRETER.name))
    return {engine.name: _native(model, cell, windows, engine.parts) for engine in engines}, width


def native_trial(cell: Cell, budget: int) -> tuple[CountedWork, Call]:
    """Return what a training step in the native engine has to do, and WINDOWS steps of the narrowest model with one stream.

    Args:
        cell: The cell.
        budget: Parameters.
    """
    symbols, width, windows = _sizes(cell, budget)
    different = round(mean(len(window.inputs.unique()) for window in windows))
    work = trial_work(cell, LayerShape(BATCH, UNROLL, width), symbols, different)
    narrow = cell.width_step
    model = _model(cell, symbols, narrow, Recurrent(cell, narrow, narrow, engine=INTERPRETER.name))
    return work, _native(model, cell, _windows(batch=1))


def _sizes(cell: Cell, budget: int) -> tuple[int, int, list[Batch]]:
    """Return the size of the alphabet, the width that the budget gives, and the data of WINDOWS steps."""
    symbols = load(TASK).symbols
    return symbols, units(cell, symbols, 1, budget), _windows(BATCH)


def _model(cell: Cell, symbols: int, width: int, layers: nn.Module) -> Model:
    model = Model(cell, symbols, width, SETTING, torch.Generator().manual_seed(0))
    model.layers = layers  # type: ignore[assignment]
    return model


def _windows(batch: int) -> list[Batch]:
    return list(Streams(load(TASK), "cpu").take("train", 0, batch, UNROLL, WINDOWS))


def _native(model: Model, cell: Cell, windows: list[Batch], parts: int = 0) -> Call:
    """Return training steps in a native engine, see `NativeModel`, which takes many in one call."""
    symbols, width = model.embedding.shape
    native = NativeModel(cell, symbols, width=width, layers=1, batch=windows[0].inputs.shape[1], parts=parts)
    native.load(dict(model.named_parameters()))
    rule = UpdateRule(adaptive=True, rate=SETTING.rate, clip=SETTING.clip)

    def steps() -> None:
        _, trouble = native.train(windows, rule)
        if trouble is not None:
            raise Untimed(f"cell {cell.name!r} diverges on {TASK}: {trouble}")

    return steps


def _in_torch(model: Model, windows: list[Batch]) -> Call:
    """Return training steps as a trial makes them around a torch module."""
    weights = list(model.parameters())
    optimiser = torch.optim.AdamW(weights, lr=SETTING.rate, fused=True)
    step = _step(model, weights, optimiser, SETTING.clip)
    state: Any = None
    source = cycle(windows)

    def steps() -> None:
        nonlocal state
        for _ in windows:
            state = step(next(source), state)

    return steps


def _step(
    model: Model, weights: list[nn.Parameter], optimiser: torch.optim.Optimizer, clip: float
) -> Callable[[Batch, Any], Any]:
    def step(batch: Batch, state: Any) -> Any:
        logits, state = model(batch.inputs, state, batch.reset)
        flat = logits.reshape(-1, logits.shape[-1])
        scored = flat if batch.scored is None else flat[batch.scored]
        loss = nn.functional.cross_entropy(scored, batch.targets, reduction="sum") / BATCH
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        norm = nn.utils.clip_grad_norm_(weights, clip)
        if not (loss.isfinite() and norm.isfinite()):
            raise Untimed(f"{model.layers} diverges on {TASK}")
        optimiser.step()
        return detached(state)

    return step
