"""Turns what a person asked for into a run's plan, and says where it differs from a run that exists."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from archsearch.cell import load_space
from archsearch.compiler.engine_names import trains_stacks
from archsearch.errors import InputError
from archsearch.protocol.loading import load_preset
from archsearch.protocol.plan import PlannedTask, RunPlan, TaskFacts
from archsearch.protocol.preset import Preset, TaskRules
from archsearch.protocol.references import reference_cells
from archsearch.search import STRATEGIES
from archsearch.tasks import TASKS
from archsearch.words import did_you_mean
from archsearch.workers.messages import Hello

PRESET, STRATEGY, SPACE, SEED = "quick", "jozefowicz", "jozefowicz2015", 0
STAND_IN = {"ptb": "english"}
"""What is trained where a preset's own choice of tasks needs data that are not there."""


@dataclass(frozen=True)
class Request:
    """What decides a run's steps and scores; None stands for what a person did not say.

    Attributes:
        preset: Name or TOML file.
        strategy: A key of STRATEGIES.
        space: Name or TOML file.
        tasks: Names of the preset's tasks, in the order of the stages.
        own: A user's own tasks, `text:FILE` or `FILE.py:NAME`, after the others.
        seed: The run's seed.
    """

    preset: str | None = None
    strategy: str | None = None
    space: str | None = None
    tasks: tuple[str, ...] | None = None
    own: tuple[str, ...] = ()
    seed: int | None = None


@dataclass(frozen=True)
class ResolvedRequest:
    """A choice with everything said, but for what only the tasks and the workers can say.

    Attributes:
        name: The preset's name.
        preset: Its content.
        plans: What people call each task, its name for `tasks.load`, and how it is trained.
        note: What stands in for what, or nothing.
    """

    name: str
    preset: Preset
    strategy: str
    space: str
    seed: int
    plans: tuple[tuple[str, str, TaskRules], ...]
    note: str

    @property
    def task_names(self) -> list[str]:
        """The tasks to be probed, the filter's last."""
        return [*(full for _, full, _ in self.plans), self.preset.filter.task]

    def plan(self, facts: Mapping[str, TaskFacts], hello: Hello) -> RunPlan:
        """Return the run's plan.

        Raises:
            InputError: A budget is too small for a reference.
        """
        courses = tuple(PlannedTask(task, facts[full], rules) for task, full, rules in self.plans)
        plan = RunPlan(
            self.name,
            self.preset,
            self.strategy,
            load_space(self.space),
            self.seed,
            courses,
            facts[self.preset.filter.task],
            hello.engine,
            hello.machine,
        )
        plan.check_references(reference_cells(plan))
        return plan


def resolve(choice: Request, data: Path | None) -> ResolvedRequest:
    """Return a choice with its defaults.

    Raises:
        InputError: Something in it is unknown, with the nearest name.
    """
    name, preset = load_preset(choice.preset or PRESET)
    strategy = choice.strategy or STRATEGY
    if strategy not in STRATEGIES:
        raise InputError(
            f"no strategy {strategy!r}{did_you_mean(strategy, STRATEGIES, ' ({})')}; there are {', '.join(STRATEGIES)}"
        )
    load_space(choice.space or SPACE)
    wanted, note = choice.tasks, ""
    if wanted is None:
        wanted, note = () if choice.own else _available(preset, data), ""
        stood_in = [task for task in preset.search.tasks if task not in wanted and not choice.own]
        note = "".join(f"no {task} data found: {STAND_IN[task]} stands in (--data DIR)" for task in stood_in)
    for task in wanted:
        if task not in preset.tasks:
            there = f"{', '.join(preset.tasks)}; own tasks go with --task"
            known = (
                f"; preset {name} has {there}"
                if task not in TASKS
                else f" in preset {name}, which has {there}"
            )
            raise InputError(f"no task {task!r}{did_you_mean(task, preset.tasks, ' ({})')}{known}")
    for task in {*wanted, *choice.own}:
        if [*wanted, *choice.own].count(task) > 1:
            raise InputError(f"task {task!r} is given twice")
    plans = [(task, f"{task}:{preset.tasks[task].difficulty}", preset.tasks[task]) for task in wanted]
    plans += [(task, task, preset.own) for task in choice.own]
    seed = SEED if choice.seed is None else choice.seed
    return ResolvedRequest(name, preset, strategy, choice.space or SPACE, seed, tuple(plans), note)


def _available(preset: Preset, data: Path | None) -> tuple[str, ...]:
    """Return the preset's choice of tasks, with a stand-in for those whose data are not there."""
    missing = data is None or not (data / "ptb.train.txt").exists()
    return tuple(STAND_IN[task] if missing and task in STAND_IN else task for task in preset.search.tasks)


def request_of_run(choice: Request, plan: RunPlan) -> ResolvedRequest:
    """Return an existing run's own choice, where the new choice says nothing else.

    Raises:
        InputError: It does say something else; the message gives the differences.
    """
    differences = []
    if choice.preset is not None:
        name, preset = load_preset(choice.preset)
        differences += _differences("preset", name, plan.preset_name) or _preset_differences(
            preset, plan.preset
        )
    if choice.space is not None and load_space(choice.space) != plan.space:
        differences += [f"space is {plan.space.name}, asked for {choice.space}"]
    differences += _differences("strategy", choice.strategy, plan.strategy)
    differences += _differences("seed", choice.seed, plan.seed)
    tasks = tuple(task.name for task in plan.tasks)
    if choice.tasks is not None or choice.own:
        differences += _differences(
            "tasks", ", ".join([*(choice.tasks or ()), *choice.own]), ", ".join(tasks)
        )
    if differences:
        raise InputError(
            f"this run has other settings: {'; '.join(differences)}. Start another run (--run NAME), or leave them out"
        )
    plans = tuple((task.name, task.full_name, task.rules) for task in plan.tasks)
    return ResolvedRequest(
        plan.preset_name, plan.preset, plan.strategy, plan.space.name, plan.seed, plans, ""
    )


def check_same_measurement(plan: RunPlan, facts: Mapping[str, TaskFacts], hello: Hello) -> None:
    """Refuse to go on with a run whose data, engine or machine are not what they were.

    Raises:
        InputError: Names the differences.
    """
    differences = _differences("engine", hello.engine, plan.engine) + _differences(
        "machine", hello.machine, plan.machine
    )
    for recorded in [*(task.facts for task in plan.tasks), plan.filter]:
        if facts[recorded.name] != recorded:
            differences.append(f"the data of {recorded.name} have changed")
    if differences:
        began_elsewhere = trains_stacks(hello.engine) and not trains_stacks(plan.engine)
        way = (
            "Go on with --device cpu, or start another run here"
            if began_elsewhere
            else "Start another run here"
        )
        raise InputError(f"scores would not compare with this run's: {'; '.join(differences)}. {way}")


def _differences(what: str, asked: Any, recorded: Any) -> list[str]:
    return [] if asked is None or asked == recorded else [f"{what} is {recorded}, asked for {asked}"]


def _preset_differences(asked: Preset, recorded: Preset) -> list[str]:
    """Return what a preset's file says now that it did not say when the run began; its limits may change."""
    ours, theirs = (_flat(msgspec.to_builtins(preset)) for preset in (asked, recorded))
    free = {"search.max_time", "search.max_candidates", "note"}
    keys = sorted((ours.keys() | theirs.keys()) - free)
    return [
        f"{key} is {theirs.get(key)}, asked for {ours.get(key)}"
        for key in keys
        if ours.get(key) != theirs.get(key)
    ]


def _flat(table: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in table.items():
        flat.update(_flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value})
    return flat
