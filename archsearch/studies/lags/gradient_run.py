"""A run of the study of gradients: a cell at its initial weights, then trained on a task of some lag, and tested."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import islice

import msgspec
import numpy as np
import torch
from torch import Tensor

from archsearch.cell import Cell
from archsearch.compiler.engines import default_engine
from archsearch.errors import InputError
from archsearch.protocol.seeds import data_generator, generator
from archsearch.protocol.settings import Setting
from archsearch.protocol.units import units
from archsearch.studies.lags.jacobians import Norms, log_norms
from archsearch.studies.lags.lag_tasks import LAG_TASKS
from archsearch.tasks.task import Task, Window
from archsearch.training.model import Model
from archsearch.training.torch_learner import TorchLearner
from archsearch.training.windows import batch_of

GRADIENT_VERSION = 1
"""Rises when a seed gives other results."""
BATCH = 20
"""Sequences of an update."""
TEST_WINDOWS = 25
"""Windows of as many fresh sequences that a network is tested on."""
SOLVED = 0.9
"""A task is solved with this skill: 0 is without memory, 1 without a mistake."""
LAGS = (1, 2, 3, 5, 10, 20, 30, 50, 100, 200, 300, 500, 1000)
"""Where the gradient is measured, beside the lag of the task."""

Progress = Callable[[int], None]
"""Told how many sequences a run has seen."""


class GradientPlan(msgspec.Struct, frozen=True):
    """What a run does; with a seed it decides the result.

    Attributes:
        task: Of the table of lag tasks.
        lag: Of the task.
        sequences: Training sequences.
        setting: Rate, clip, initial scale, layers (one) and parameter budget.
        normal: Whether the gradient is measured on standard normal x, and not on the task's own.
    """

    task: str
    lag: int
    sequences: int
    setting: Setting
    normal: bool = False


class GradientRun(msgspec.Struct, frozen=True):
    """How a run ended.

    Attributes:
        cell: The cell's id.
        plan: What it did.
        seed: Its seed.
        units: The cell's width.
        before: The gradient at the initial weights: lag -> log10 of its norm.
        after: The same after training; empty without.
        skill: On fresh sequences; None where it diverged or nothing was trained.
        solved: Whether that was enough.
        seconds: How long it took.
        version: Of the run.
    """

    cell: str
    plan: GradientPlan
    seed: int
    units: int
    before: Norms
    after: Norms
    skill: float | None
    solved: bool
    seconds: float
    version: int = GRADIENT_VERSION


def gradient_run(
    cell: Cell, plan: GradientPlan, seed: int, progress: Progress = lambda seen: None
) -> GradientRun:
    """Measure, train, measure and test.

    Args:
        cell: The cell.
        plan: What is done.
        seed: Of the initial weights and the training data.
        progress: Told of it.

    Raises:
        InputError: The cell does not fit the budget.
    """
    started, task, setting = time.perf_counter(), LAG_TASKS[plan.task](plan.lag), plan.setting
    width = units(cell, task.symbols, 1, setting.budget)
    if width == 0:
        raise InputError(f"{cell.name} has more than {setting.budget:,} parameters at any width; name more")
    draw = torch.Generator().manual_seed(int(generator("gradient", "weights", seed).integers(2**63)))
    model = Model(cell, task.symbols, width, setting, draw, engine=default_engine("cpu"))
    lags = (*LAGS, plan.lag)
    longest = LAG_TASKS[plan.task](max(lags))
    before = log_norms(model.layers, _inputs(model, longest, plan, seed), lags)
    skill, after = None, Norms()
    if plan.sequences and _train(model, task, plan, seed, progress):
        skill = _skill(model, task, plan)
        after = log_norms(model.layers, _inputs(model, longest, plan, seed), lags)
    return GradientRun(
        cell=cell.id,
        plan=plan,
        seed=seed,
        units=width,
        before=before,
        after=after,
        skill=skill,
        solved=skill is not None and skill >= SOLVED,
        seconds=time.perf_counter() - started,
    )


@torch.no_grad()
def _inputs(model: Model, task: Task, plan: GradientPlan, seed: int) -> Tensor:
    """Return what the layer reads in one sequence, as long as the longest lag at least, shape (T, n)."""
    rng = generator("gradient", "inputs", plan.task, seed)
    if plan.normal:
        steps = max(*LAGS, plan.lag)
        return torch.from_numpy(rng.standard_normal((steps, model.layers.input_size)))
    window = next(task.windows("valid", rng, 1, 1))
    return model.read(batch_of(window, "cpu").inputs)[:, 0]


def _train(model: Model, task: Task, plan: GradientPlan, seed: int, progress: Progress) -> bool:
    """Train on fresh sequences; return whether all figures were finite."""
    learner = TorchLearner(model, plan.setting, BATCH)
    windows = task.windows("train", data_generator(task.name, "train", seed), BATCH, 1)
    for number, window in enumerate(islice(windows, plan.sequences // BATCH), 1):
        if learner.train([batch_of(_cut(window), "cpu")], [plan.setting.rate]):
            return False
        progress(number * BATCH)
    return True


def _cut(window: Window) -> Window:
    """Return a window up to the last step at which something is asked, shape (T, B)."""
    end = int(np.flatnonzero(window.scored.sum(axis=1))[-1]) + 1
    reset = None if window.reset is None else window.reset[:end]
    return Window(window.inputs[:end], window.targets[:end], window.scored[:end], reset)


def _skill(model: Model, task: Task, plan: GradientPlan) -> float:
    """Return how far the score on fresh sequences is from no memory (0) to the ceiling (1)."""
    windows = task.windows("test", data_generator(task.name, "test", 0), BATCH, 1)
    batches = [batch_of(_cut(window), "cpu") for window in islice(windows, TEST_WINDOWS)]
    ((right, loss),) = TorchLearner(model, plan.setting, BATCH).evaluate(batches)
    count = sum(len(batch.targets) for batch in batches)
    score = (right if task.measure == "accuracy" else loss) / count
    return (score - task.floor) / (task.ceiling - task.floor)
