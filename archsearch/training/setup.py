"""How trials begin: which of them share a learner, and the learner that their engine has for them."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from archsearch.cell import Cell
from archsearch.compiler.engine_names import INTERPRETER, NATIVE_ENGINES
from archsearch.compiler.engines import Engine, engine_of
from archsearch.protocol.stacks import alike
from archsearch.training.learner import Learner
from archsearch.training.model import Model
from archsearch.training.native.learner import NativeLearner
from archsearch.training.progress import TrialProgress
from archsearch.training.stacked.learner import StackedLearner, stacks
from archsearch.training.stacked.model import Lane, StackedModel
from archsearch.training.torch_learner import TorchLearner
from archsearch.training.windows import Streams


def groups(lanes: Sequence[TrialProgress], cell: Cell, streams: Streams) -> list[list[int]]:
    """Return which trials share a learner, as positions: stacks where the engine trains stacks, else each one alone.

    Args:
        lanes: The trials.
        cell: The cell that they name.
        streams: The data of the task that they name.
    """
    engine = engine_of(lanes[0].trial.engine)
    if not _in_stacks(lanes, engine, streams, cell):
        return [[position] for position in range(len(lanes))]
    assert len({alike(lane.trial) for lane in lanes}) == 1, "these trials share no stack"
    return stacks([(lane.width, lane.steps) for lane in lanes])


def new_learner(lanes: Sequence[TrialProgress], cell: Cell, streams: Streams) -> Learner:
    """Return what trains a group of trials; with all engines they start from the same numbers.

    Args:
        lanes: The trials, of one of the `groups`.
        cell: The cell that they name.
        streams: The data of the task that they name, on the device that computes.
    """
    engine = engine_of(lanes[0].trial.engine)
    if _in_stacks(lanes, engine, streams, cell):
        return _stacked_learner(lanes, cell, streams)
    return _single_learner(lanes[0], cell, streams, engine)


def _in_stacks(lanes: Sequence[TrialProgress], engine: Engine, streams: Streams, cell: Cell) -> bool:
    """Whether trials train in a stack, which has whole matrices, x as wide as its layers, and reads symbols."""
    usual = not lanes[0].trial.own_width and not streams.task.is_real
    return engine.title.trains_stacks and usual and cell.width_step == 1


def _single_learner(lane: TrialProgress, cell: Cell, streams: Streams, engine: Engine) -> Learner:
    setting, batch = lane.trial.setting, lane.trial.batch
    model = _drawn_model(lane, cell, streams.task.symbols, engine.name)
    whole = not (setting.dropout or lane.trial.own_width or streams.task.is_real)  # what native computes
    if engine.title in NATIVE_ENGINES and streams.device == "cpu" and whole:
        return NativeLearner(cell, model, setting, batch, parts=engine.title.parts)
    torch.manual_seed(lane.seed)  # of dropout, which draws from torch's own generator
    return TorchLearner(model.to(streams.device), setting, batch, streams.task.measure)


def _stacked_learner(lanes: Sequence[TrialProgress], cell: Cell, streams: Streams) -> Learner:
    trial, symbols = lanes[0].trial, streams.task.symbols
    stack = StackedModel(
        cell,
        symbols,
        [_lane_of(lane) for lane in lanes],
        layers=trial.setting.layers,
        batch=trial.batch,
        adaptive=trial.setting.optimiser == "adamw",
        device=streams.device,
    )
    for number, lane in enumerate(lanes):
        stack.load(number, dict(_drawn_model(lane, cell, symbols).named_parameters()))
    return StackedLearner(stack)


def _lane_of(trial: TrialProgress) -> Lane:
    setting = trial.trial.setting
    return Lane(n=trial.width, clip=setting.clip, dropout=setting.dropout, seed=trial.seed)


def _drawn_model(lane: TrialProgress, cell: Cell, symbols: int, engine: str = INTERPRETER.name) -> Model:
    """Return a trial's model with its initial weights."""
    generator = torch.Generator().manual_seed(lane.seed)
    trial = lane.trial
    return Model(
        cell,
        symbols,
        n=lane.width,
        setting=trial.setting,
        generator=generator,
        engine=engine,
        x_width=trial.own_width,
    )
