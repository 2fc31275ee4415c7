"""How well a cell can be computed in parallel over time: Newton steps and Lyapunov exponent, before and after training.

K*(T) is how many Newton steps find the states of T steps at once, `newton`: 1 where the recurrence is affine, few where
states forget, up to T where they do not. Beside it stand the form of the cell's Jacobian, which says what such a step costs,
and what the trained cell can do. Runs that have ended are kept in a folder.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from itertools import islice
from statistics import fmean, median

import msgspec
import torch
from torch import Tensor

from archsearch.cell import Cell, jacobian_class
from archsearch.cell.jacobian import keeps_gradients_back
from archsearch.errors import InputError
from archsearch.protocol.front import best_at_cost
from archsearch.protocol.seeds import generator
from archsearch.protocol.settings import Setting
from archsearch.studies.conditions import LENGTHS, UNROLL, scored_conditions, training_windows
from archsearch.studies.newton import Steps, largest_exponent, newton_steps
from archsearch.studies.planned_runs import PlannedRuns
from archsearch.studies.trained import BATCH, Progress, fresh_model, skill_on, train_model
from archsearch.training.model import Model
from archsearch.training.windows import batch_of

PARALLEL_VERSION = 1
"""Rises when a seed gives other results."""
SCORED = ("as trained", "x10")
"""The conditions that a trained network is scored under, of those of `conditions`."""
SCORED_WINDOWS = 25
"""Windows of each."""


class ParallelPlan(msgspec.Struct, frozen=True):
    """What a run does; with a seed it decides the result.

    Attributes:
        task: Of those that have a length.
        steps: Training steps; 0 measures the initial weights alone.
        setting: As of a trial, with one layer.
        lengths: T, in steps, the shortest first.
        most: Newton steps at most.
    """

    task: str
    steps: int
    setting: Setting
    lengths: tuple[int, ...]
    most: int


class AlongTime(msgspec.Struct, frozen=True):
    """A network along one sequence.

    Attributes:
        steps: Length -> Newton steps; None where the most that were allowed are not enough.
        exponent: The largest Lyapunov exponent over the longest, nats a step; None where nothing is left, or no number.
    """

    steps: Steps
    exponent: float | None


class ParallelRun(msgspec.Struct, frozen=True):
    """What a run measured.

    Attributes:
        cell: The cell's id.
        plan: What was done.
        seed: Of weights and data.
        units: The width.
        before: At the initial weights.
        after: After training; None where it diverged or there was none.
        skills: Condition -> skill after training; empty likewise.
        seconds: How long the run took.
        version: Of the run.
    """

    cell: str
    plan: ParallelPlan
    seed: int
    units: int
    before: AlongTime
    after: AlongTime | None
    skills: dict[str, float]
    seconds: float
    version: int = PARALLEL_VERSION


class Medians(msgspec.Struct, frozen=True):
    """Networks along one sequence each.

    Attributes:
        steps: Length -> median of the Newton steps; None where the most that were allowed are not enough.
        exponent: The median; None where that is one of nothing left, or no number.
    """

    steps: dict[int, float | None]
    exponent: float | None


class ParallelRow(msgspec.Struct, frozen=True):
    """A cell.

    Attributes:
        cell: Its name.
        jacobian: The form of its Jacobian.
        units: The width.
        runs: How many there were.
        before: At the initial weights.
        after: After training, of the runs that did not diverge; None without.
        diverged: How many diverged; their skills count 0.
        skills: Condition -> mean skill; empty without training.
        seconds: The mean time of a run.
    """

    cell: str
    jacobian: str
    units: int
    runs: int
    before: Medians
    after: Medians | None
    diverged: int
    skills: dict[str, float]
    seconds: float


def check_whole_gradient(cell: Cell) -> None:
    """Refuse a cell that keeps a gradient of its states back, for Newton's method needs all of it.

    Raises:
        InputError: It has a `stop` of what depends on a state.
    """
    if keeps_gradients_back(cell):
        raise InputError(
            f"{cell.name} keeps gradients of its state back (stop), and Newton's method needs them all: leave stop out"
        )


def parallel_run(
    cell: Cell, plan: ParallelPlan, seed: int, progress: Progress = lambda updates: None
) -> ParallelRun:
    """Measure, train, score and measure again.

    Args:
        cell: The cell.
        plan: What is done.
        seed: Of the initial weights and all data.
        progress: Told how many training steps there were.

    Raises:
        InputError: The cell does not fit the budget.
    """
    started, setting = time.perf_counter(), plan.setting
    draw = generator("parallel", "weights", plan.task, seed)
    task = LENGTHS[plan.task](1)
    model = fresh_model(cell, task, setting, draw)
    before, after, skills = _along(model, plan, seed), None, dict[str, float]()
    data = training_windows(plan.task, BATCH, seed)
    if plan.steps and train_model(model, setting, data, plan.steps, progress, measure=task.measure):
        conditions = scored_conditions(plan.task, BATCH)
        for name in SCORED:
            judge, windows = conditions[name]
            skills[name] = skill_on(model, setting, judge, islice(windows, SCORED_WINDOWS))
        after = _along(model, plan, seed)
    return ParallelRun(
        cell=cell.id,
        plan=plan,
        seed=seed,
        units=model.layers.hidden_size,
        before=before,
        after=after,
        skills=skills,
        seconds=time.perf_counter() - started,
    )


def _along(model: Model, plan: ParallelPlan, seed: int) -> AlongTime:
    x = _inputs(model, plan, seed)
    return AlongTime(
        newton_steps(model.layers, x, plan.lengths, plan.most), largest_exponent(model.layers, x)
    )


@torch.no_grad()
def _inputs(model: Model, plan: ParallelPlan, seed: int) -> Tensor:
    """Return what the layer reads in sequences of the task behind one another, shape (longest T, I)."""
    rng = generator("parallel", "inputs", plan.task, seed)
    parts, steps = [], 0
    for window in LENGTHS[plan.task](1).windows("test", rng, 1, UNROLL):
        parts.append(batch_of(window, "cpu").inputs)
        steps += len(parts[-1])
        if steps >= plan.lengths[-1]:
            break
    return model.read(torch.cat(parts)[: plan.lengths[-1]])[:, 0]


run_parallels = PlannedRuns(ParallelRun, PARALLEL_VERSION, parallel_run)
"""The runs of a cell; they report training steps."""


def parallel_row(name: str, cell: Cell, runs: Sequence[ParallelRun]) -> ParallelRow:
    """Return what the runs of a cell came to.

    Args:
        name: The cell's name.
        cell: The cell.
        runs: At least one, all of one plan.
    """
    trained = [run.after for run in runs if run.after is not None]
    asked = bool(runs[0].plan.steps)
    return ParallelRow(
        cell=name,
        jacobian=str(jacobian_class(cell)),
        units=runs[0].units,
        runs=len(runs),
        before=_medians([run.before for run in runs]),
        after=_medians(trained) if trained else None,
        diverged=len(runs) - len(trained) if asked else 0,
        skills={key: fmean(run.skills.get(key, 0.0) for run in runs) for key in SCORED} if asked else {},
        seconds=fmean(run.seconds for run in runs),
    )


def parallel_front(rows: Sequence[ParallelRow]) -> list[ParallelRow]:
    """Return the trained cells that no other beats in both Newton steps at the longest length and skill on sequences ten
    times as long, the fewest steps first, then by name; more steps than were allowed count alike.

    Args:
        rows: Cells, all of one plan, none twice.
    """
    trained = {row.cell: row for row in rows if row.after is not None}
    steps = {name: steps_after(row, math.inf) for name, row in trained.items()}
    best = best_at_cost(steps, {name: row.skills[SCORED[1]] for name, row in trained.items()})
    return [trained[name] for name in sorted(best, key=lambda name: (steps[name], name))]


def steps_after(row: ParallelRow, beyond: float) -> float:
    """Return the Newton steps of a trained cell at the longest length.

    Args:
        row: The cell; not all its networks diverged.
        beyond: What stands for more than were allowed.
    """
    assert row.after is not None
    found = row.after.steps[max(row.after.steps)]
    return beyond if found is None else found


def _medians(found: Sequence[AlongTime]) -> Medians:
    """Return the medians; steps beyond those allowed are above all others, an exponent that is none below."""
    lengths = found[0].steps
    return Medians(
        {length: _median([each.steps[length] for each in found], math.inf) for length in lengths},
        _median([each.exponent for each in found], -math.inf),
    )


def _median(values: Sequence[float | None], missing: float) -> float | None:
    middle = median(missing if value is None else value for value in values)
    return middle if math.isfinite(middle) else None
