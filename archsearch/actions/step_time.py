"""Measures how much longer a training step of one cell takes than one of another, for claims at equal time."""

from __future__ import annotations

from collections.abc import Iterable

from archsearch.cell import Cell
from archsearch.errors import WorkerError
from archsearch.protocol.equality import Kind, Ratio, kinds
from archsearch.protocol.plan import RunPlan
from archsearch.protocol.records import Trial
from archsearch.workers.dispatch import Dispatcher

DRAWS = 3
"""Short trials of a cell, of which the fastest counts: the first may have compiled it, and others may use the machine."""

DIGITS = 3
"""Decimals of a ratio."""


def measured_ratio(plan: RunPlan, a: Cell, b: Cell, dispatcher: Dispatcher) -> Ratio:
    """Return how many times as long a step of the first cell takes, by task, layers and budget.

    A trial of one epoch each, with its validation and the test, so that what is timed is what a pair spends.

    Args:
        plan: What both are measured under.
        a: The first cell.
        b: The second.
        dispatcher: Trains both; nothing of it is kept for others.

    Raises:
        WorkerError: The host ends every trial of a cell.
    """
    trials = {(cell.id, *kind): _short_trials(plan, cell, kind) for kind in kinds(plan) for cell in (a, b)}
    dispatcher.finish(timed_trials(plan, (a, b)))

    def ratio(kind: Kind) -> float:
        ours, theirs = (_seconds(dispatcher, trials[cell.id, *kind]) for cell in (a, b))
        return round(ours / theirs, DIGITS) if ours > 0 and theirs > 0 else 1.0

    return ratio


def timed_trials(plan: RunPlan, cells: Iterable[Cell]) -> list[Trial]:
    """Return the short trials that tell how long a step of some cells takes."""
    return [trial for cell in cells for kind in kinds(plan) for trial in _short_trials(plan, cell, kind)]


def _short_trials(plan: RunPlan, cell: Cell, kind: Kind) -> list[Trial]:
    """Return trials of an epoch under a setting that seldom diverges."""
    name, layers, budget = kind
    rules, grid = plan.task[name].rules, plan.grid(plan.task[name])
    settings = (setting for setting in grid.all((budget,)) if setting.layers == layers)
    setting = min(settings, key=lambda each: each.rate)
    steps = min(rules.steps, rules.epoch_steps)
    return [plan.trial(cell.id, name, setting, init_draw=draw, steps=steps) for draw in range(DRAWS)]


def _seconds(dispatcher: Dispatcher, trials: list[Trial]) -> float:
    """Return the seconds of a step in the fastest trial."""
    outcomes = [outcome for trial in trials if (outcome := dispatcher.outcome(trial)) is not None]
    timed = [outcome.seconds / max(1, outcome.steps) for outcome in outcomes if not outcome.by_host]
    if not timed:
        last = outcomes[-1]
        ended = f"as every trial ended as {last.status!r}\n{last.reason}".rstrip()
        raise WorkerError(f"{trials[0].task}: the time of a step is not known, {ended}")
    return min(timed)
