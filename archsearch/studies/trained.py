"""Models that a study trains in its own process, beside those of trials: fresh, trained on windows, and scored on others."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice

import numpy as np
import torch

from archsearch.cell import Cell
from archsearch.compiler.engines import default_engine
from archsearch.errors import InputError
from archsearch.protocol.settings import Setting
from archsearch.protocol.units import units
from archsearch.tasks.task import Measure, Task, Window
from archsearch.training.model import Model
from archsearch.training.torch_learner import TorchLearner
from archsearch.training.windows import batch_of

BATCH = 20
"""Streams side by side."""

Progress = Callable[[int], None]
"""Told how many updates there were."""


def fresh_model(cell: Cell, task: Task, setting: Setting, rng: np.random.Generator) -> Model:
    """Return a model at its initial weights, as wide as its parameter budget allows.

    Args:
        cell: The cell.
        task: What it will learn.
        setting: Scale, layers and budget.
        rng: Where the seed of its weights comes from.

    Raises:
        InputError: The cell does not fit the budget.
    """
    width = units(cell, task.symbols, setting.layers, setting.budget)
    if width == 0:
        raise InputError(f"{cell.name} has more than {setting.budget:,} parameters at any width; name more")
    draw = torch.Generator().manual_seed(int(rng.integers(2**63)))
    return Model(cell, task.symbols, width, setting, draw, engine=default_engine("cpu"))


def train_model(
    model: Model,
    setting: Setting,
    windows: Iterable[Window],
    updates: int,
    progress: Progress = lambda updates: None,
    *,
    measure: Measure,
) -> bool:
    """Train on windows, an update each; return whether all figures were finite.

    Args:
        model: The model, which changes.
        setting: Optimiser, rate and clip.
        windows: What it learns from.
        updates: How many of them.
        progress: Told of it.
        measure: What the task is scored by.
    """
    learner = TorchLearner(model, setting, BATCH, measure)
    for number, window in enumerate(islice(windows, updates), 1):
        if learner.train([batch_of(window, "cpu")], [setting.rate]):
            return False
        progress(number)
    return True


def skill_on(model: Model, setting: Setting, task: Task, windows: Iterable[Window]) -> float:
    """Return how far the score on windows is from no memory (0) to the ceiling (1).

    Args:
        model: The model.
        setting: What it was trained with.
        task: Says floor and ceiling.
        windows: What it is scored on, in their order.
    """
    batches = [batch_of(window, "cpu") for window in windows]
    ((right, loss),) = TorchLearner(model, setting, BATCH, task.measure).evaluate(batches)
    count = sum(len(batch.targets) for batch in batches)
    score = (right if task.measure == "accuracy" else loss) / count
    return (score - task.floor) / (task.ceiling - task.floor)
