"""The instrument itself: what a preset says of published cells, how sure it is, and whether cost decides it.

Every cell is trained on s1..sk with several draws of its initial weights. Its skill is the mean over draws of the best over
settings. Resolution is the spread between cells over that between the draws of one cell (protocol, "Score"); among the
cells that learn, whose differences a search is about, it is smaller than among all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy.stats import kendalltau

from archsearch.actions.request import SPACE, STRATEGY
from archsearch.cell import Cell, library, load_space
from archsearch.protocol.plan import PlannedTask, RunPlan
from archsearch.protocol.preset import Preset
from archsearch.protocol.racing import score_at
from archsearch.protocol.records import BASELINE, Outcome, Trial
from archsearch.protocol.seeds import generator
from archsearch.studies.table1 import COLUMN, TABLE_1
from archsearch.workers.dispatch import Dispatcher
from archsearch.workers.pool import WorkerPool
from archsearch.workers.probe import probe
from archsearch.workers.trial_log import MemoryTrialLog

LEARNS = 0.5
"""A cell with this share of the GRU's skill learns; chance rules what others end at, and there are no small differences."""

LOOKS = 6
"""Shares of the steps after which the resolution is told."""

RESAMPLES = 2_000
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


class TaskResult(msgspec.Struct, frozen=True):
    """One task.

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


@dataclass(frozen=True)
class Plan:
    """What is trained: a run's plan, the cells by name, settings per task, and draws of the initial weights."""

    run: RunPlan
    cells: dict[str, Cell]
    settings: int
    draws: int

    def trials(self, cell: str, task: str) -> list[list[Trial]]:
        """Return a cell's trials on a task, draw by draw."""
        settings = self.run.settings[task][: self.settings]
        return [
            [self.run.trial(cell, task, s, init_draw=draw) for s in settings] for draw in range(self.draws)
        ]


def prepare(
    crew: WorkerPool,
    name: str,
    preset: Preset,
    names: list[str],
    tasks: list[str],
    settings: int | None,
    draws: int,
) -> Plan:
    """Return the plan of a study.

    Args:
        crew: Asked for the facts of the tasks.
        name: The preset's name.
        preset: The preset.
        names: Library cells; of several with one id the first is taken.
        tasks: Tasks of the preset.
        settings: Settings of a task; None takes its k.
        draws: Draws of the initial weights.
    """
    full = {task: f"{task}:{preset.tasks[task].difficulty}" for task in tasks}
    facts, hello = probe(crew, [*full.values(), preset.filter.task])
    courses = tuple(PlannedTask(task, facts[full[task]], preset.tasks[task]) for task in tasks)
    run = RunPlan(
        name,
        preset,
        STRATEGY,
        load_space(SPACE),
        0,
        courses,
        facts[preset.filter.task],
        hello.engine,
        hello.machine,
    )
    cells: dict[str, Cell] = {}
    for chosen in names:
        cell = library.load(chosen)
        if cell.id not in {other.id for other in cells.values()} and run.too_narrow(cell) is None:
            cells[chosen] = cell
    return Plan(run, cells, settings or max(course.plan.k for course in courses), draws)


def train_cells(plan: Plan, crew: WorkerPool, progressed: Callable[[int, int], None]) -> dict[Trial, Outcome]:
    """Return how all trials ended; those that other runs or an earlier call trained come from the cache."""
    by_id = {cell.id: cell for cell in plan.cells.values()}
    everything = [
        trial
        for course in plan.run.courses
        for cell in by_id
        for draw in plan.trials(cell, course.task)
        for trial in draw
    ]
    desk = Dispatcher(MemoryTrialLog(), crew, by_id.__getitem__)
    desk.queue(everything, 0, shared=True)
    while (done := sum(desk.outcome(trial) is not None for trial in everything)) < len(everything):
        progressed(done, len(everything))
        desk.poll(0.25)
    return {trial: outcome for trial in everything if (outcome := desk.outcome(trial)) is not None}


def results(plan: Plan, ended: Mapping[Trial, Outcome]) -> list[TaskResult]:
    """Return what the trials say, task by task."""
    return [_task(plan, course, ended) for course in plan.run.courses]


def _task(plan: Plan, course: PlannedTask, ended: Mapping[Trial, Outcome]) -> TaskResult:
    steps = course.plan.steps
    of = {
        name: [[ended[trial] for trial in draw] for draw in plan.trials(cell.id, course.task)]
        for name, cell in plan.cells.items()
    }
    flops = {name: _flops(plan, course, cell, of[name]) for name, cell in plan.cells.items()}
    seconds = {
        name: median(o.seconds / max(1, o.steps) for draw in draws for o in draw)
        for name, draws in of.items()
    }
    skills = {name: _skills(plan, course, draws, steps) for name, draws in of.items()}
    cheapest, fastest = min(flops.values()) * steps, min(seconds.values()) * steps
    gru = _mean(skills.get(BASELINE))
    rows = []
    for name, own in skills.items():
        mean = _mean(own)
        rows.append(
            CellResult(
                cell=name,
                skill=mean,
                ratio=mean / gru if mean is not None and gru else None,
                deviation=float(np.std(own, ddof=1)) if own is not None and len(own) > 1 else None,
                equal_flops=_mean(_skills(plan, course, of[name], int(cheapest / flops[name]))),
                equal_time=_mean(_skills(plan, course, of[name], int(fastest / seconds[name]))),
                flops=flops[name],
                milliseconds=1000 * seconds[name],
                units=of[name][0][0].units,
            )
        )
    rows.sort(key=lambda row: -(row.skill if row.skill is not None else float("-inf")))
    epochs = range(course.plan.epoch_steps, steps + 1, course.plan.epoch_steps)
    shown = sorted(
        {
            epochs[len(epochs) * part // LOOKS - 1]
            for part in range(1, LOOKS + 1)
            if len(epochs) * part // LOOKS
        }
    )
    resolution = tuple(
        _resolution(step, {name: _skills(plan, course, draws, step) for name, draws in of.items()})
        for step in shown
    )
    return TaskResult(course.facts.name, resolution, *_tau(course.task, skills), tuple(rows))


def _resolution(step: int, skills: Mapping[str, Array | None]) -> Resolution:
    scored = [own for own in skills.values() if own is not None]
    gru = _mean(skills.get(BASELINE))
    learners = [own for own in scored if gru is None or own.mean() >= LEARNS * gru]
    several = [own.var(ddof=1) for own in learners if len(own) > 1]
    within = float(np.sqrt(np.mean(several))) if several else None
    between, among = _between(scored), _between(learners)

    def over(spread: float | None) -> float | None:
        return spread / within if spread and within else None

    return Resolution(step, gru, between, within, over(between), over(among))


def _between(cells: list[Array]) -> float | None:
    return float(np.std([own.mean() for own in cells], ddof=1)) if len(cells) > 1 else None


def _skills(plan: Plan, course: PlannedTask, draws: list[list[Outcome]], step: int) -> Array | None:
    """Return for each draw the best skill over settings at a step; None if one has no score there."""
    measure, best = plan.run.measure(course.task), []
    for outcomes in draws:
        scores = [score_at(outcome, step, measure) for outcome in outcomes if outcome.status == "done"]
        found = [plan.run.skill(course.task, score) for score in scores if score is not None]
        if not found:
            return None
        best.append(max(found))
    return np.array(best)


def _mean(skills: Array | None) -> float | None:
    return None if skills is None else float(skills.mean())


def _flops(plan: Plan, course: PlannedTask, cell: Cell, draws: list[list[Outcome]]) -> float:
    """Return the operations of a training step in the products of cell and output layer, three for each forward one."""
    training, settings = plan.run.preset.training, plan.run.settings[course.task][: plan.settings]
    each = [
        6
        * training.batch
        * training.unroll
        * (s.layers * cell.polynomial[0] * o.units**2 + o.units * course.facts.symbols)
        for s, o in zip(settings, draws[0], strict=True)
    ]
    return sum(each) / len(each)


def _tau(task: str, skills: Mapping[str, Array | None]) -> tuple[float | None, float | None, float | None]:
    """Return Kendall's tau with Table 1, and its band."""
    if task not in COLUMN:
        return None, None, None
    names = [name for name in TABLE_1 if skills.get(name) is not None]
    ours = [found for name in names if (found := skills[name]) is not None]
    theirs = np.array([TABLE_1[name][COLUMN[task]] for name in names])
    if len(names) < 3:
        return None, None, None
    rng = generator("tau", task)
    taus = []
    for _ in range(RESAMPLES):
        chosen = rng.integers(len(names), size=len(names))
        drawn = [ours[index][rng.integers(len(ours[index]))] for index in chosen]
        taus.append(kendalltau(drawn, theirs[chosen]).statistic)
    low, high = np.nanquantile(taus, BAND)
    return float(kendalltau([own.mean() for own in ours], theirs).statistic), float(low), float(high)
