"""How a trained cell does beyond what it was trained on: longer sequences, noise, a shifted distribution; beside the GRU.

Cells have as many parameters as the GRU, the same setting, and the same data. Beside their skills stand what a step costs:
multiplications, and measured time.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from itertools import islice
from statistics import fmean, median

import msgspec
import torch

from archsearch.cell import Cell
from archsearch.protocol.seeds import generator
from archsearch.protocol.settings import Setting
from archsearch.protocol.units import products
from archsearch.studies.conditions import LENGTHS, scored_conditions, training_windows
from archsearch.studies.planned_runs import PlannedRuns
from archsearch.studies.trained import BATCH, Progress, fresh_model, skill_on, train_model
from archsearch.training.model import Model

GENERALIZE_VERSION = 1
"""Rises when a seed gives other results."""
SCORED_WINDOWS = 25
"""Windows of each condition."""
TIMED_STEPS, TIMINGS = 200, 9
LEAST_SKILL = 0.02
"""Below this skill of the GRU a ratio means nothing."""


class GeneralizePlan(msgspec.Struct, frozen=True):
    """What a run does; with a seed it decides all but the time.

    Attributes:
        task: Of those that have a length.
        steps: Training steps.
        setting: As of a trial.
    """

    task: str
    steps: int
    setting: Setting


class GeneralizeRun(msgspec.Struct, frozen=True):
    """How a trained cell did.

    Attributes:
        cell: The cell's id.
        plan: What was done.
        seed: Of weights and data.
        units: The width.
        skills: Condition -> skill; empty where it diverged.
        products: Multiplications of a step of one stream.
        microseconds: What such a step took, the median of some measurements.
        seconds: How long the run took.
        version: Of the run.
    """

    cell: str
    plan: GeneralizePlan
    seed: int
    units: int
    skills: dict[str, float]
    products: int
    microseconds: float
    seconds: float
    version: int = GENERALIZE_VERSION


class GeneralizeRow(msgspec.Struct, frozen=True):
    """A cell beside the GRU.

    Attributes:
        cell: Its name.
        units: The width.
        runs: How many.
        diverged: How many of them diverged; their skills count 0.
        skills: Condition -> mean skill.
        ratios: Condition -> that over the GRU's; None where the GRU has learned nothing.
        products: Multiplications of a step of one stream.
        microseconds: The median time of such a step.
    """

    cell: str
    units: int
    runs: int
    diverged: int
    skills: dict[str, float]
    ratios: dict[str, float | None]
    products: int
    microseconds: float


def generalize_run(
    cell: Cell, plan: GeneralizePlan, seed: int, progress: Progress = lambda updates: None
) -> GeneralizeRun:
    """Train a cell and score it under every condition.

    Args:
        cell: The cell.
        plan: What is done.
        seed: Of weights and data.
        progress: Told how many training steps there were.

    Raises:
        InputError: The cell does not fit the budget.
    """
    started, setting = time.perf_counter(), plan.setting
    task = LENGTHS[plan.task](1)
    model = fresh_model(cell, task, setting, generator("generalize", "weights", plan.task, seed))
    data = training_windows(plan.task, BATCH, seed)
    skills = dict[str, float]()
    if train_model(model, setting, data, plan.steps, progress, measure=task.measure):
        for name, (judge, windows) in scored_conditions(plan.task, BATCH).items():
            skills[name] = skill_on(model, setting, judge, islice(windows, SCORED_WINDOWS))
    width = model.layers.hidden_size
    return GeneralizeRun(
        cell=cell.id,
        plan=plan,
        seed=seed,
        units=width,
        skills=skills,
        products=products(cell, width, task.symbols, setting.layers),
        microseconds=_step_time(model),
        seconds=time.perf_counter() - started,
    )


@torch.no_grad()
def _step_time(model: Model) -> float:
    """Return the microseconds of a step of one stream, the median of some sequences."""
    x = torch.zeros(TIMED_STEPS, 1, model.layers.input_size)
    times = []
    for _ in range(TIMINGS):
        began = time.perf_counter()
        model.layers(x)
        times.append((time.perf_counter() - began) / TIMED_STEPS)
    return 1e6 * median(times)


run_generalizations = PlannedRuns(GeneralizeRun, GENERALIZE_VERSION, generalize_run)
"""The runs of a cell; they report training steps."""


def generalize_rows(runs: Mapping[str, Sequence[GeneralizeRun]], baseline: str) -> list[GeneralizeRow]:
    """Return a row for each cell, in order.

    Args:
        runs: Of each cell, by its name.
        baseline: The name of the GRU among them.
    """
    means = {name: _mean_skills(of) for name, of in runs.items()}
    return [
        GeneralizeRow(
            cell=name,
            units=of[0].units,
            runs=len(of),
            diverged=sum(not run.skills for run in of),
            skills=means[name],
            ratios={key: _ratio(skill, means[baseline].get(key, 0.0)) for key, skill in means[name].items()},
            products=of[0].products,
            microseconds=median(run.microseconds for run in of),
        )
        for name, of in runs.items()
    ]


def _mean_skills(runs: Sequence[GeneralizeRun]) -> dict[str, float]:
    names = dict.fromkeys(name for run in runs for name in run.skills)
    return {name: fmean(run.skills.get(name, 0.0) for run in runs) for name in names}


def _ratio(skill: float, baseline: float) -> float | None:
    return skill / baseline if baseline >= LEAST_SKILL else None
