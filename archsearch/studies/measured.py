"""What a preset says of published cells, how sure it is, and whether cost decides it.

A cell's skill is the mean over draws of the best over settings. Resolution is the spread between cells over that between
the draws of one cell (docs/measuring.md, "How good is the instrument?"); among the cells that learn, whose differences a
search is about, it is smaller than among all.
"""

from __future__ import annotations

from collections.abc import Mapping
from statistics import median

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy.stats import kendalltau

from archsearch.protocol.plan import PlannedTask
from archsearch.protocol.racing import score_at
from archsearch.protocol.records import BASELINE, Outcome, Trial
from archsearch.protocol.seeds import generator
from archsearch.protocol.units import products
from archsearch.studies.instrument import StudyPlan
from archsearch.studies.table1 import COLUMN, TABLE_1

LEARNS = 0.5
"""A cell with this share of the GRU's skill learns; chance rules what others end at, and there are no small differences."""

LOOKS = 6
"""Shares of the steps after which the resolution is told."""

RESAMPLES = 2_000
"""Samples of cells and draws that tau's band is made of."""

BAND = (0.05, 0.95)

Array = NDArray[np.float64]


class CellResult(msgspec.Struct, frozen=True):
    """One cell on one task.

    Attributes:
        cell: Its name.
        skill: Mean over draws of the best skill over settings; None if a draw has no score.
        ratio: Against the GRU's.
        deviation: Standard deviation over draws.
        equal_flops: Skill after as many operations as the cheapest cell takes in all its steps.
        equal_time: Skill after as many seconds as the fastest cell takes.
        flops: Operations of a training step, in the matrix products.
        milliseconds: A training step, validation included; the median over trials.
        units: The width, at the first setting.
        rates: The skill under each learning rate that was tried; None if a draw has no score there.
    """

    cell: str
    skill: float | None
    ratio: float | None
    deviation: float | None
    equal_flops: float | None
    equal_time: float | None
    flops: float
    milliseconds: float
    units: int
    rates: dict[str, float | None] = {}

    @property
    def best_rate(self) -> str | None:
        """The rate under which the cell has the largest skill."""
        scored = {rate: skill for rate, skill in self.rates.items() if skill is not None}
        return max(scored, key=lambda rate: scored[rate]) if scored else None


class Resolution(msgspec.Struct, frozen=True):
    """How well a task tells cells apart after so many steps.

    Attributes:
        steps: The steps.
        gru: The GRU's skill there; None without a score.
        between: Standard deviation of the skill between cells.
        within: Between draws of one cell, of those that learn: the root of the mean variance; None for a single draw.
        resolution: The former over the latter.
        among_learners: The same with the standard deviation between those that learn.
    """

    steps: int
    gru: float | None
    between: float | None
    within: float | None
    resolution: float | None
    among_learners: float | None


class MeasuredTask(msgspec.Struct, frozen=True):
    """What the trials say of one task.

    Attributes:
        task: Its name, with the difficulty.
        resolution: After some shares of the steps; the last one is that of the preset.
        tau: Kendall's tau-b with the paper's Table 1 over its ten cells; None where the table has no such task.
        tau_low: Its 5 % point, cells and draws sampled anew.
        tau_high: Its 95 % point.
        cells: The cells, the best first.
    """

    task: str
    resolution: tuple[Resolution, ...]
    tau: float | None
    tau_low: float | None
    tau_high: float | None
    cells: tuple[CellResult, ...]


def measured_tasks(plan: StudyPlan, ended: Mapping[Trial, Outcome]) -> list[MeasuredTask]:
    """Return what the trials say, task by task."""
    return [_TaskTrials(plan, task, ended).measured() for task in plan.run.tasks]


class _TaskTrials:
    """The trials of one task.

    Args:
        plan: What was trained.
        task: The task.
        ended: How the trials ended.

    Attributes:
        outcomes: How they ended by the cell's name, draw by draw, setting by setting.
        flops: Operations of a training step in the matrix products, by the cell's name.
        seconds: Wall-clock time of a training step, by the cell's name.
    """

    def __init__(self, plan: StudyPlan, task: PlannedTask, ended: Mapping[Trial, Outcome]) -> None:
        self.plan, self.task = plan, task
        self.outcomes = {
            name: [[ended[trial] for trial in draw] for draw in plan.trials(cell.id, task.name)]
            for name, cell in plan.cells.items()
        }
        self.flops = {name: self._flops(name) for name in plan.cells}
        self.seconds = {
            name: median(outcome.seconds / max(1, outcome.steps) for draw in draws for outcome in draw)
            for name, draws in self.outcomes.items()
        }

    def measured(self) -> MeasuredTask:
        """Return what they say."""
        steps = self.task.rules.steps
        skills = self.skills(steps)
        gru = _mean(skills.get(BASELINE))
        cells = [self._cell(name, skills[name], gru) for name in skills]
        cells.sort(key=lambda row: (row.skill is None, -(row.skill or 0.0)))
        tau, low, high = _tau(self.task.name, skills)
        return MeasuredTask(
            task=self.task.described,
            resolution=tuple(_resolution(step, self.skills(step)) for step in self._looks()),
            tau=tau,
            tau_low=low,
            tau_high=high,
            cells=tuple(cells),
        )

    def _looks(self) -> list[int]:
        """Return the ends of epochs at which the resolution is told."""
        rules = self.task.rules
        epochs = range(rules.epoch_steps, rules.steps + 1, rules.epoch_steps)
        parts = [len(epochs) * part // LOOKS for part in range(1, LOOKS + 1)]
        return sorted({epochs[part - 1] for part in parts if part})

    def _cell(self, name: str, skills: Array | None, gru: float | None) -> CellResult:
        steps, mean = self.task.rules.steps, _mean(skills)
        cheapest, fastest = min(self.flops.values()) * steps, min(self.seconds.values()) * steps
        several = skills is not None and len(skills) > 1
        return CellResult(
            cell=name,
            skill=mean,
            ratio=mean / gru if mean is not None and mean > 0 and gru is not None and gru > 0 else None,
            deviation=float(np.std(skills, ddof=1)) if several else None,  # type: ignore[arg-type]
            equal_flops=_mean(self._skills(name, int(cheapest / self.flops[name]))),
            equal_time=_mean(self._skills(name, int(fastest / self.seconds[name]))),
            flops=self.flops[name],
            milliseconds=1000 * self.seconds[name],
            units=self.outcomes[name][0][0].units,
            rates=self._rates(name),
        )

    def _rates(self, name: str) -> dict[str, float | None]:
        """Return the mean over draws of the best skill of a cell under each rate."""
        settings = self.plan.run.settings[self.task.name][: self.plan.settings]
        found: dict[str, float | None] = {}
        for rate in sorted({setting.rate for setting in settings}):
            draws = [
                [outcome for setting, outcome in zip(settings, draw, strict=True) if setting.rate == rate]
                for draw in self.outcomes[name]
            ]
            found[f"{rate:g}"] = _mean(self._over_draws(draws, self.task.rules.steps))
        return found

    def skills(self, step: int) -> dict[str, Array | None]:
        """Return by the cell's name, for each draw, the best skill over settings at a step, shape (draws,)."""
        return {name: self._skills(name, step) for name in self.outcomes}

    def _skills(self, name: str, step: int) -> Array | None:
        """Return the skills of a cell; None if a draw has no score there."""
        return self._over_draws(self.outcomes[name], step)

    def _over_draws(self, draws: list[list[Outcome]], step: int) -> Array | None:
        best = [self._best_skill(draw, step) for draw in draws]
        scored = [skill for skill in best if skill is not None]
        return np.array(scored) if len(scored) == len(best) else None

    def _best_skill(self, draw: list[Outcome], step: int) -> float | None:
        run, task = self.plan.run, self.task.name
        scores = [score_at(outcome, step, run.measure(task)) for outcome in draw if outcome.status == "done"]
        skills = [run.skill(task, score) for score in scores]
        return max((skill for skill in skills if skill is not None), default=None)

    def _flops(self, name: str) -> float:
        """Return a cell's operations, of cell and output layer: three products for each forward one."""
        training, settings = self.plan.run.preset.training, self.plan.run.settings[self.task.name]
        cell, symbols = self.plan.cells[name], self.task.facts.symbols
        each = [
            6
            * training.batch
            * training.unroll
            * products(cell, o.units, symbols, s.layers, training.own_width)
            for s, o in zip(settings[: self.plan.settings], self.outcomes[name][0], strict=True)
        ]
        return sum(each) / len(each)


def _resolution(step: int, skills: Mapping[str, Array | None]) -> Resolution:
    scored = [draws for draws in skills.values() if draws is not None]
    gru = _mean(skills.get(BASELINE))
    learners = [draws for draws in scored if gru is None or draws.mean() >= LEARNS * gru]
    several = [draws.var(ddof=1) for draws in learners if len(draws) > 1]
    within = float(np.sqrt(np.mean(several))) if several else None
    between, among = _between(scored), _between(learners)

    def over(spread: float | None) -> float | None:
        return spread / within if spread and within else None

    return Resolution(
        steps=step,
        gru=gru,
        between=between,
        within=within,
        resolution=over(between),
        among_learners=over(among),
    )


def _between(cells: list[Array]) -> float | None:
    return float(np.std([draws.mean() for draws in cells], ddof=1)) if len(cells) > 1 else None


def _mean(skills: Array | None) -> float | None:
    return None if skills is None else float(skills.mean())


def _tau(task: str, skills: Mapping[str, Array | None]) -> tuple[float | None, float | None, float | None]:
    """Return Kendall's tau with Table 1, and its band."""
    both = {name: draws for name in TABLE_1 if (draws := skills.get(name)) is not None}
    if task not in COLUMN or len(both) < 3:
        return None, None, None
    names, ours = list(both), list(both.values())
    theirs = np.array([TABLE_1[name][COLUMN[task]] for name in names])
    rng = generator("tau", task)
    taus = []
    for _ in range(RESAMPLES):
        chosen = rng.integers(len(names), size=len(names))
        drawn = [ours[index][rng.integers(len(ours[index]))] for index in chosen]
        taus.append(kendalltau(drawn, theirs[chosen]).statistic)
    low, high = np.nanquantile(taus, BAND)
    tau = kendalltau([draws.mean() for draws in ours], theirs).statistic
    return float(tau), float(low), float(high)
