"""A run of the study of gradients: a cell at its initial weights, then trained on a task of some lag, and tested."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import islice

import msgspec
import numpy as np
import torch
from torch import Tensor

from archsearch.cell import Cell
from archsearch.protocol.seeds import data_generator, generator
from archsearch.protocol.settings import Setting
from archsearch.studies.lags.jacobians import Norms, log_norms
from archsearch.studies.lags.lag_tasks import LAG_TASKS
from archsearch.studies.trained import BATCH, fresh_model, skill_on, train_model
from archsearch.tasks.task import Task, Window
from archsearch.training.model import Model
from archsearch.training.windows import batch_of

GRADIENT_VERSION = 2
"""Rises when a seed gives other results."""
TEST_WINDOWS = 25
"""Windows of as many fresh sequences that a network is tested on."""
SOLVED = 0.9
"""A task is solved with this skill: 0 is without memory, 1 without a mistake."""
LAGS = (1, 2, 3, 5, 10, 20, 30, 50, 100, 200, 300, 500, 1000)
"""Where the gradient is measured, beside the lag of the task."""


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
    cell: Cell, plan: GradientPlan, seed: int, progress: Callable[[int], None] = lambda seen: None
) -> GradientRun:
    """Measure, train, measure and test.

    Args:
        cell: The cell.
        plan: What is done.
        seed: Of the initial weights and the training data.
        progress: Told how many sequences it has seen.

    Raises:
        InputError: The cell does not fit the budget.
    """
    started, task, setting = time.perf_counter(), LAG_TASKS[plan.task](plan.lag), plan.setting
    model = fresh_model(cell, task, setting, generator("gradient", "weights", seed))
    lags = (*LAGS, plan.lag)
    longest = LAG_TASKS[plan.task](max(lags))
    before = log_norms(model.layers, _inputs(model, longest, plan, seed), lags)
    skill, after = None, Norms()
    if plan.sequences:
        updates, fresh = plan.sequences // BATCH, _windows(task, "train", seed)

        def told(count: int) -> None:
            progress(count * BATCH)

        if train_model(model, setting, fresh, updates, told, measure=task.measure):
            skill = skill_on(model, setting, task, islice(_windows(task, "test", 0), TEST_WINDOWS))
            after = log_norms(model.layers, _inputs(model, longest, plan, seed), lags)
    return GradientRun(
        cell=cell.id,
        plan=plan,
        seed=seed,
        units=model.layers.hidden_size,
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


def _windows(task: Task, split: str, seed: int) -> Iterator[Window]:
    return map(_cut, task.windows(split, data_generator(task.name, split, seed), BATCH, 1))


def _cut(window: Window) -> Window:
    """Return a window up to the last step at which something is asked, shape (T, B)."""
    end = int(np.flatnonzero(window.scored.sum(axis=1))[-1]) + 1
    reset = None if window.reset is None else window.reset[:end]
    return Window(window.inputs[:end], window.targets[:end], window.scored[:end], reset)
