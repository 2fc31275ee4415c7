"""Turns what a person asked for into a run's plan: the defaults, then what tasks and workers say of themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from archsearch.actions.request import PRESET, SEED, SPACE, STRATEGY, Request
from archsearch.actions.tasks import ResolvedTask, resolve_tasks, usual_tasks
from archsearch.cell import load_space
from archsearch.errors import InputError
from archsearch.protocol.loading import load_preset
from archsearch.protocol.plan import RunPlan, TaskFacts
from archsearch.protocol.preset import Preset
from archsearch.search import STRATEGIES
from archsearch.words import did_you_mean
from archsearch.workers.messages import Hello
from archsearch.workers.pool import WorkerPool
from archsearch.workers.probe import probe


@dataclass(frozen=True)
class ResolvedRequest:
    """A request with everything said, but for what only the tasks and the workers can say.

    Attributes:
        preset_name: The preset's name.
        preset: Its content.
        tasks: What is trained on, in the order of the stages.
        strategy: A key of STRATEGIES.
        space: Name or TOML file.
        seed: The run's seed.
        note: What stands in for what, or nothing.
    """

    preset_name: str
    preset: Preset
    tasks: tuple[ResolvedTask, ...]
    strategy: str = STRATEGY
    space: str = SPACE
    seed: int = SEED
    note: str = ""

    @property
    def task_names(self) -> list[str]:
        """The full names of the tasks to be probed, the filter's last."""
        return [*(task.full_name for task in self.tasks), self.preset.filter.task]

    def plan(self, facts: Mapping[str, TaskFacts], hello: Hello) -> RunPlan:
        """Return the run's plan, given the facts of the tasks by full name and what the workers are."""
        return RunPlan(
            preset_name=self.preset_name,
            preset=self.preset,
            strategy=self.strategy,
            space=load_space(self.space),
            seed=self.seed,
            tasks=tuple(task.planned(facts) for task in self.tasks),
            filter=facts[self.preset.filter.task],
            engine=hello.engine,
            machine=hello.machine,
        )

    def probed(self, pool: WorkerPool) -> RunPlan:
        """Return the run's plan, once workers have opened the tasks.

        Raises:
            ArchsearchError: A task is none.
        """
        facts, hello = probe(pool, self.task_names)
        return self.plan(facts, hello)


def resolve(request: Request, data: Path | None) -> ResolvedRequest:
    """Return a request with its defaults.

    Args:
        request: What was asked for.
        data: The folder of the tasks' files.

    Raises:
        InputError: Something in it is unknown, with the nearest name.
    """
    preset_name, preset = load_preset(request.preset or PRESET)
    strategy, space = request.strategy or STRATEGY, request.space or SPACE
    _check_strategy(strategy)
    load_space(space)
    tasks, note = _chosen_tasks(request, preset, data)
    return ResolvedRequest(
        preset_name=preset_name,
        preset=preset,
        tasks=resolve_tasks(preset_name, preset, tasks, request.own),
        strategy=strategy,
        space=space,
        seed=SEED if request.seed is None else request.seed,
        note=note,
    )


def _check_strategy(strategy: str) -> None:
    if strategy not in STRATEGIES:
        known = ", ".join(STRATEGIES)
        raise InputError(
            f"no strategy {strategy!r}{did_you_mean(strategy, STRATEGIES, ' ({})')}; there are {known}"
        )


def _chosen_tasks(request: Request, preset: Preset, data: Path | None) -> tuple[tuple[str, ...], str]:
    """Return the preset's tasks that were asked for, or else its own choice with a note on stand-ins."""
    if request.tasks is not None:
        return request.tasks, ""
    return ((), "") if request.own else usual_tasks(preset, data)
