"""The instrument itself: what is trained to see what a preset says of cells; `measured` says what came of it.

Every cell is trained on s1..sk with several draws of its initial weights.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from archsearch.actions.request import SPACE, STRATEGY
from archsearch.actions.tasks import resolve_tasks
from archsearch.cell import Cell, load_space
from archsearch.protocol.plan import RunPlan
from archsearch.protocol.preset import Preset
from archsearch.protocol.records import Outcome, Trial
from archsearch.workers.dispatch import Dispatcher
from archsearch.workers.messages import Probe
from archsearch.workers.pool import WorkerPool
from archsearch.workers.probe import probe
from archsearch.workers.trial_log import MemoryTrialLog


@dataclass(frozen=True)
class StudyPlan:
    """What is trained.

    Attributes:
        run: A run's plan, whose tasks and rules are studied.
        cells: The cells by what they are called.
        settings: Settings per task.
        draws: Draws of the initial weights.
    """

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
    pool: WorkerPool,
    name: str,
    preset: Preset,
    *,
    cells: Mapping[str, Cell],
    tasks: list[str],
    settings: int | None,
    draws: int,
) -> StudyPlan:
    """Return the plan of a study.

    Args:
        pool: Asked for the facts of the tasks.
        name: The preset's name.
        preset: The preset.
        cells: By what they are called; of several with one id the first is taken.
        tasks: Tasks of the preset.
        settings: Settings of a task; None takes its k.
        draws: Draws of the initial weights.
    """
    resolved = resolve_tasks(name, preset, tasks)
    probed = probe(
        pool, [Probe(task) for task in (*(each.full_name for each in resolved), preset.filter.task)]
    )
    facts, hello = probed.facts, probed.hello
    run = RunPlan(
        preset_name=name,
        preset=preset,
        strategy=STRATEGY,
        space=load_space(SPACE),
        seed=0,
        tasks=tuple(task.planned(facts) for task in resolved),
        filter=facts[preset.filter.task],
        engine=hello.engine,
        machine=hello.machine,
    )
    return StudyPlan(
        run, _wide_enough(run, cells), settings or max(task.rules.k for task in run.tasks), draws
    )


def _wide_enough(run: RunPlan, cells: Mapping[str, Cell]) -> dict[str, Cell]:
    """Return those cells that are wide enough, each once."""
    studied: dict[str, Cell] = {}
    for name, cell in cells.items():
        if cell.id not in {other.id for other in studied.values()} and run.too_narrow(cell) is None:
            studied[name] = cell
    return studied


def train_cells(
    plan: StudyPlan, pool: WorkerPool, progressed: Callable[[int, int], None]
) -> dict[Trial, Outcome]:
    """Return how all trials ended; those that other runs or an earlier call trained come from the cache.

    Args:
        plan: What is trained.
        pool: Who trains.
        progressed: Told how many trials of how many have ended.
    """
    trials = [
        trial
        for task in plan.run.tasks
        for cell in plan.cells.values()
        for draw in plan.trials(cell.id, task.name)
        for trial in draw
    ]
    return train_trials(plan, pool, trials, progressed)


def train_trials(
    plan: StudyPlan, pool: WorkerPool, trials: Iterable[Trial], progressed: Callable[[int, int], None]
) -> dict[Trial, Outcome]:
    """Return how trials of a study's cells ended; those that other runs or an earlier call trained come from the cache.

    Args:
        plan: What is trained.
        pool: Who trains.
        trials: The trials.
        progressed: Told how many trials of how many have ended.
    """
    by_id = {cell.id: cell for cell in plan.cells.values()}
    return Dispatcher(MemoryTrialLog(), pool, by_id.__getitem__).finish(trials, progressed, shared=True)
