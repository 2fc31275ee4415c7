"""Gradients through time beside success: how much of an error is left after a lag, and whether a cell bridges that lag.

The gradient is |dh_T / ds_(T - lag)|, `lags.jacobians`, at the initial weights and after training on a task of that lag;
success is the share of trained networks that solve the task. Runs that have ended are kept in a folder.

Hochreiter (1991) and Bengio, Simard and Frasconi (1994) bound it for a unit h' = f(w h + x): a step multiplies an error by
w f'(net), and the logistic f has f' = f (1 - f) <= 0.25, so that below |w| = 4 every error fades. The constant error
carousel of 1997, s' = s + …, multiplies by 1.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median

import msgspec

from archsearch.errors import InputError
from archsearch.studies.lags.gradient_run import GRADIENT_VERSION, GradientRun, gradient_run
from archsearch.studies.lags.lag_tasks import LAG_TASKS
from archsearch.studies.planned_runs import PlannedRuns
from archsearch.words import did_you_mean

STEEPEST = 0.25
"""The largest slope of the logistic function, at 0."""
DECAYING = 1 / STEEPEST
"""With a smaller weight to itself, a logistic unit loses every error, whatever it reads."""


def decay_bound(weight: float, lag: int) -> float:
    """Return log10 of the most that is left of an error in a logistic unit: (|w| / 4) to the power of the lag.

    Args:
        weight: Of the unit to itself.
        lag: Steps.
    """
    return lag * math.log10(abs(weight) * STEEPEST)


class GradientRow(msgspec.Struct, frozen=True):
    """A cell at one lag.

    Attributes:
        cell: Its name.
        lag: Of the task.
        units: The width.
        runs: How many there were.
        before: Median log10 of the gradient's norm at this lag, initial weights.
        after: The same after training on this lag; None without, or where most are zero or no number.
        solved: Share of runs that solved the task; None without training.
        skill: Their mean skill; a diverged run counts 0.
        diverged: How many diverged.
        seconds: The mean time of a run.
        curve_before: lag -> median, likewise.
        curve_after: lag -> median, likewise.
    """

    cell: str
    lag: int
    units: int
    runs: int
    before: float | None
    after: float | None
    solved: float | None
    skill: float | None
    diverged: int
    seconds: float
    curve_before: dict[int, float | None]
    curve_after: dict[int, float | None]


def check_lag_task(name: str) -> None:
    """Refuse a task that has no lag.

    Raises:
        InputError: Names the nearest.
    """
    if name not in LAG_TASKS:
        hint = did_you_mean(name, LAG_TASKS, " ({})")
        raise InputError(f"no task of a chosen lag {name!r}{hint}; there are {', '.join(LAG_TASKS)}")


run_gradients = PlannedRuns(GradientRun, GRADIENT_VERSION, gradient_run)
"""The runs of a cell at one lag; they report the sequences seen."""


def gradient_row(name: str, runs: Sequence[GradientRun]) -> GradientRow:
    """Return what the runs of a cell at one lag came to.

    Args:
        name: The cell's name.
        runs: At least one, all of one plan.
    """
    plan = runs[0].plan
    before, after = (_medians([getattr(run, side) for run in runs]) for side in ("before", "after"))
    trained = bool(plan.sequences)
    return GradientRow(
        cell=name,
        lag=plan.lag,
        units=runs[0].units,
        runs=len(runs),
        before=before[plan.lag],
        after=after.get(plan.lag),
        solved=sum(run.solved for run in runs) / len(runs) if trained else None,
        skill=sum(run.skill or 0.0 for run in runs) / len(runs) if trained else None,
        diverged=sum(trained and run.skill is None for run in runs),
        seconds=sum(run.seconds for run in runs) / len(runs),
        curve_before=before,
        curve_after=after,
    )


def _medians(curves: Sequence[dict[int, float | None]]) -> dict[int, float | None]:
    """Return the median at each lag; a gradient that is zero or no number is below all others."""
    there = [curve for curve in curves if curve]
    found: dict[int, float | None] = {}
    for lag in sorted({lag for curve in there for lag in curve}):
        values = [-math.inf if (value := curve.get(lag)) is None else value for curve in there]
        middle = median(values)
        found[lag] = middle if math.isfinite(middle) else None
    return found
