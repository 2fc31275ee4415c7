"""Measures how long training takes by short trials: a step of one cell beside another's, or what a whole trial will."""

from __future__ import annotations

import time
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


def whole_trial_seconds(
    plan: RunPlan, cell: Cell, dispatcher: Dispatcher, patience: float
) -> dict[str, float]:
    """Return about how many seconds a whole trial of a cell takes, by task, without those whose short ones take too long.

    Every step is taken to cost what it does in a short trial with its validation, its test and its beginning, so it is
    rather too much.

    Args:
        plan: What it is measured under.
        cell: The cell.
        dispatcher: Trains it; nothing of it is kept for others.
        patience: Seconds that this may take.
    """
    until = time.monotonic() + patience
    trials = {kind: _short_trials(plan, cell, kind) for kind in kinds(plan)}
    every = [trial for short in trials.values() for trial in short]
    outcomes = dispatcher.finish(every, lambda done, of: time.monotonic() > until)
    seconds: dict[str, list[float]] = {}
    for (name, *_), short in trials.items():
        ended = [outcomes[trial] for trial in short if trial in outcomes]
        timed = [outcome.seconds / outcome.steps for outcome in ended if outcome.seconds and outcome.steps]
        if timed:
            seconds.setdefault(name, []).append(min(timed) * plan.task[name].rules.steps)
    return {name: sum(those) / len(those) for name, those in seconds.items()}


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
