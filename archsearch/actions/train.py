"""Trains one cell on one task beside the GRU, under the same settings, for people who want to know a cell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from archsearch.actions.resolve import SPACE, STRATEGY
from archsearch.cell import Cell, library, load_space
from archsearch.errors import InputError
from archsearch.protocol.plan import PlannedTask, RunPlan
from archsearch.protocol.preset import Preset, TaskRules
from archsearch.protocol.records import BASELINE, Outcome, Trial
from archsearch.protocol.settings import Setting
from archsearch.workers.dispatch import Dispatcher
from archsearch.workers.pool import WorkerPool
from archsearch.workers.probe import probe
from archsearch.workers.trial_log import MemoryTrialLog


@dataclass(frozen=True)
class Pair:
    """One setting: how the cell ended there, and how the GRU did."""

    setting: Setting
    cell: Outcome
    baseline: Outcome


@dataclass(frozen=True)
class Trained:
    """What `train` found: the plan it measured under, and the pairs in the order of the settings."""

    plan: RunPlan
    task: str
    pairs: list[Pair]


def train(
    cell: Cell,
    name: str,
    preset: Preset,
    task: tuple[str, str, TaskRules],
    count: int,
    seed: int,
    crew: WorkerPool,
    progressed: Callable[[int, int], None],
) -> Trained:
    """Train a cell and the GRU on the first `count` shared settings of a task.

    Args:
        cell: The cell.
        name: The preset's name.
        preset: The preset.
        task: What people call the task, its name for `tasks.load`, and how it is trained.
        count: How many settings.
        seed: Seed of the training data.
        crew: Who trains.
        progressed: Told how many trials of how many have ended.

    Raises:
        InputError: The cell is too wide for the budget, or the grid has fewer settings.
    """
    short, full, task_plan = task
    facts, hello = probe(crew, [full, preset.filter.task])
    courses = (PlannedTask(short, facts[full], msgspec.structs.replace(task_plan, G=count)),)
    plan = RunPlan(
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
    if problem := plan.too_narrow(cell):
        raise InputError(problem)
    settings = plan.settings[short][:count]
    cells = {cell.id: cell, library.load(BASELINE).id: library.load(BASELINE)}
    trials = {
        identity: [plan.trial(identity, short, setting, seed) for setting in settings] for identity in cells
    }
    desk = Dispatcher(MemoryTrialLog(), crew, cells.__getitem__)
    everything: list[Trial] = [trial for of in trials.values() for trial in of]
    desk.queue(everything, 0)
    while (done := sum(desk.outcome(trial) is not None for trial in everything)) < len(everything):
        progressed(done, len(everything))
        desk.poll(0.25)
    own, other = trials[cell.id], trials[library.load(BASELINE).id]
    pairs = [Pair(s, _ended(desk, a), _ended(desk, b)) for s, a, b in zip(settings, own, other, strict=True)]
    return Trained(plan, short, pairs)


def _ended(desk: Dispatcher, trial: Trial) -> Outcome:
    outcome = desk.outcome(trial)
    assert outcome is not None
    return outcome
