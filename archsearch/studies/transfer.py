"""Whether settings that are good on one task are good on another: the same settings on all tasks, cell by cell.

A setting is the same on two tasks if all but its parameter budget is; each task has its smallest budget. Skills are those
of trials as a search has them. What is chosen on a task is held against what other draws of the other task choose, so that
no figure counts the luck it was chosen for. The rank correlation of a task with itself, between draws, is what noise leaves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import product

import msgspec
import numpy as np
from msgspec.structs import asdict, replace
from numpy.typing import NDArray
from scipy.stats import rankdata

from archsearch.errors import InputError
from archsearch.protocol.plan import PlannedTask, RunPlan
from archsearch.protocol.records import Outcome, Trial
from archsearch.protocol.seeds import generator
from archsearch.protocol.settings import Grid, Setting, shared_settings
from archsearch.studies.instrument import StudyPlan, train_trials
from archsearch.studies.resampling import LEVELS, RESAMPLES, Figure
from archsearch.workers.pool import WorkerPool

FEWEST = 3
"""Settings that can be ranked."""

POOLED = "all"
"""What the rows of all cells together are called."""

Array = NDArray[np.float64]
Ended = Mapping[Trial, Outcome]


class TransferRow(msgspec.Struct, frozen=True, kw_only=True):
    """What the settings of one task say of another, for a cell, or for all of them together.

    Attributes:
        source: The task that settings are chosen on.
        target: The task that they are for; the same one for what noise leaves.
        cell: The cell's name, or POOLED: then skills are means over cells.
        skill: On the target, with the setting that is best on the source; the mean over draws.
        own: On the target, with the setting that is best there: in each draw by the others, if there are any.
        even: On the target, the mean over all settings.
        share: `skill` over `own`; None if that is not above 0, and where source and target are one.
        rho: Spearman's rank correlation of the settings, between a draw of the source and one of the target: the mean
            over pairs of draws and over cells. None where one ranks nothing.
        unscored: Trials on the target that have no score; their skill counts as 0.
    """

    source: str
    target: str
    cell: str
    skill: float
    own: float
    even: float
    share: Figure | None
    rho: Figure | None
    unscored: int


def common_settings(run: RunPlan, count: int | None) -> dict[str, tuple[Setting, ...]]:
    """Return the same settings for each task, but for the budget: s1, s2, … of the first, of what all grids hold.

    Args:
        run: The tasks.
        count: How many; None for those of a search: G, or k under the published rule.

    Raises:
        InputError: The grids have too little in common.
    """
    first = run.tasks[0]
    grid = run.grid(first)
    for task in run.tasks[1:]:
        other = run.grid(task)
        grid = Grid(
            **{
                axis: tuple(v for v in values if v in getattr(other, axis))
                for axis, values in asdict(grid).items()
            }
        )
    usual = first.rules.G if run.rule == "paired" else first.rules.k
    budget = min(first.rules.budgets)
    settings = shared_settings(first.full_name, grid, (budget,), usual if count is None else count)
    if len(settings) < FEWEST:
        names = ", ".join(task.name for task in run.tasks)
        raise InputError(
            f"preset {run.preset_name}: {len(settings)} settings that {names} have in common, and at least {FEWEST} can be "
            "ranked; name more with --settings, have more in [grid], or name other --tasks"
        )
    return {
        task.name: tuple(replace(s, budget=min(task.rules.budgets)) for s in settings) for task in run.tasks
    }


def measured_transfer(
    plan: StudyPlan, pool: WorkerPool, count: int | None, progressed: Callable[[int, int], None]
) -> list[TransferRow]:
    """Train every cell with the same settings on all tasks, and return what each task says of each other.

    Args:
        plan: The cells and how they are measured.
        pool: Who trains.
        count: Settings; None for those of a search.
        progressed: Told how many trials of how many have ended.
    """
    settings = common_settings(plan.run, count)
    trials = {
        (name, task): [
            [plan.run.trial(cell.id, task, s, init_draw=draw) for s in settings[task]]
            for draw in range(plan.draws)
        ]
        for name, cell in plan.cells.items()
        for task in settings
    }
    everything = [trial for draws in trials.values() for draw in draws for trial in draw]
    return transfer_rows(plan, trials, train_trials(plan, pool, everything, progressed))


def transfer_rows(
    plan: StudyPlan, trials: Mapping[tuple[str, str], Sequence[Sequence[Trial]]], ended: Ended
) -> list[TransferRow]:
    """Return a row for each pair of tasks, one task with itself included, and each cell, those of all cells last.

    Args:
        plan: The cells and the tasks.
        trials: By cell and task, draw by draw, the same settings in the same order.
        ended: How they ended.
    """
    skills = {
        key: np.array([[plan.run.skill(key[1], _score(ended[trial])) or 0.0 for trial in d] for d in draws])
        for key, draws in trials.items()
    }
    unscored = {
        key: sum(_score(ended[trial]) is None for draw in draws for trial in draw)
        for key, draws in trials.items()
    }
    groups = {name: [name] for name in plan.cells}
    if len(groups) > 1:
        groups[POOLED] = list(plan.cells)

    def row(source: PlannedTask, target: PlannedTask, name: str) -> TransferRow:
        both = (np.stack([skills[c, task.name] for c in groups[name]]) for task in (source, target))
        pair = _Pair(*both, is_one=source == target)
        at_all = np.arange(pair.target.shape[-1])[None]
        chosen, own = (values.mean() for values in pair.chosen(at_all))
        return TransferRow(
            source=source.described,
            target=target.described,
            cell=name,
            skill=float(chosen),
            own=float(own),
            even=float(pair.target.mean()),
            share=None if pair.is_one or own <= 0 else _with_interval(pair.share, at_all),
            rho=_with_interval(pair.rho, at_all),
            unscored=sum(unscored[c, target.name] for c in groups[name]),
        )

    return [
        row(source, target, name) for source, target in product(plan.run.tasks, repeat=2) for name in groups
    ]


def _score(outcome: Outcome) -> float | None:
    return outcome.score if outcome.status == "done" else None


class _Pair:
    """Skills on two tasks, of shape (cells, draws, settings); figures are of settings drawn anew, at (samples, settings).

    Args:
        source: Where settings are chosen.
        target: What they are for.
        is_one: Whether both are one task.

    Attributes:
        source, target, is_one: The same.
    """

    def __init__(self, source: Array, target: Array, *, is_one: bool) -> None:
        self.source, self.target, self.is_one = source, target, is_one

    def chosen(self, at: NDArray[np.intp]) -> tuple[Array, Array]:
        """Return the skills on the target with what is chosen on the source, and on the target, each (samples, cells)."""
        there = np.moveaxis(self.target[..., at], 2, 0)
        others = there
        if there.shape[2] > 1:
            others = there.sum(2, keepdims=True) - there  # the place of the best is that of their mean
        own = _taken(there, others.argmax(-1)).mean(-1)
        if self.is_one:
            return own, own
        best = np.moveaxis(self.source[..., at], 2, 0).mean(2).argmax(-1)
        return _taken(there.mean(2), best), own

    def share(self, at: NDArray[np.intp]) -> Array:
        """Return the share of the target's own choice that the source's has, cells together, shape (samples,)."""
        chosen, own = (values.sum(-1) for values in self.chosen(at))
        return _quotient(chosen, own)

    def rho(self, at: NDArray[np.intp]) -> Array:
        """Return the mean of Spearman's rank correlation over cells and pairs of draws, shape (samples,)."""
        a, b = (_even_ranks(np.moveaxis(skills[..., at], 2, 0)) for skills in (self.source, self.target))
        each = np.einsum("rcds,rces->rcde", a, b)
        draws = each.shape[-1]
        if self.is_one:
            each = np.where(np.eye(draws, dtype=bool), np.nan, each)
        each = each.reshape(len(each), -1)
        count = np.isfinite(each).sum(-1)
        return _quotient(np.nansum(each, -1), count.astype(float))


def _taken(values: Array, places: NDArray[np.intp]) -> Array:
    """Return the values at places of the last axis, without it."""
    taken: Array = np.take_along_axis(values, places[..., None], -1)[..., 0]
    return taken


def _even_ranks(values: Array) -> Array:
    """Return ranks along the last axis with a mean of 0 and a norm of 1; no number where all are one."""
    ranks = rankdata(values, axis=-1)
    ranks = ranks - ranks.mean(-1, keepdims=True)
    norm = np.linalg.norm(ranks, axis=-1, keepdims=True)
    return _quotient(ranks, norm)


def _quotient(above: Array, below: Array) -> Array:
    """Return one over the other, no number where that is not above 0."""
    return above / np.where(below > 0, below, np.nan)


def _with_interval(statistic: Callable[[NDArray[np.intp]], Array], at_all: NDArray[np.intp]) -> Figure | None:
    """Return a figure of settings with its percentile bootstrap over them; None where it is no number.

    Args:
        statistic: Takes places of settings, shape (samples, settings), and returns its value for each sample.
        at_all: The places of all, shape (1, settings).
    """
    if not np.isfinite(value := float(statistic(at_all)[0])):
        return None
    settings = at_all.shape[1]
    drawn = generator("transfer", settings).integers(settings, size=(RESAMPLES, settings))
    low, high = np.nanquantile(statistic(drawn), LEVELS)
    return Figure(value, float(low), float(high))
