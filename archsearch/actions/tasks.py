"""Turns the tasks that a person names into what is trained on, for a search, one cell or a study alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from archsearch.errors import InputError
from archsearch.protocol import ladder
from archsearch.protocol.checks import task_faults
from archsearch.protocol.plan import PlannedTask, TaskFacts
from archsearch.protocol.preset import Preset, TaskRules
from archsearch.tasks import TASKS, TaskName, text
from archsearch.words import did_you_mean

STAND_IN = {"ptb": "english"}
"""What is trained where a preset's own choice of tasks needs data that are not there."""


@dataclass(frozen=True)
class ResolvedTask:
    """A task, but for what only the task itself can say.

    Attributes:
        name: What people call it.
        full_name: As `tasks.load` takes it, with the difficulty.
        rules: How it is trained and judged.
    """

    name: str
    full_name: str
    rules: TaskRules

    def planned(self, facts: Mapping[str, TaskFacts]) -> PlannedTask:
        """Return the task of a plan, given the facts of tasks by full name."""
        return PlannedTask(name=self.name, facts=facts[self.full_name], rules=self.rules)

    def with_settings(self, count: int) -> ResolvedTask:
        """Return the task with another number of settings in all."""
        return ResolvedTask(self.name, self.full_name, msgspec.structs.replace(self.rules, G=count))

    def scaled(self, factor: float) -> ResolvedTask:
        """Return the task with so many times the parameters and the steps."""
        return ResolvedTask(self.name, self.full_name, ladder.scaled(self.rules, factor))


def resolve_task(preset_name: str, preset: Preset, task: str, difficulty: str | None = None) -> ResolvedTask:
    """Return a task of a preset, or a user's own.

    Args:
        preset_name: The preset's name, for people.
        preset: The preset.
        task: A name of its tasks, with another budget as `xml@30k`, `text:FILE`, `series:FILE`, `labels:FILE` or
            `FILE.py:NAME`.
        difficulty: Another one than the preset's.

    Raises:
        InputError: The preset has no such task, or the task no such difficulty, or no such budget can be served.
    """
    if TaskName.parse(task).is_own:
        return _own_task(preset, task, difficulty)
    family, rules = ladder.base_of(task), ladder.rules_of(preset, task)
    if rules is None:
        raise _no_task(preset_name, preset, task)
    for fault in task_faults(task, rules, preset.search.noise_draws):
        raise InputError(f"preset {preset_name}: {fault}")
    if difficulty is not None and difficulty not in TASKS[family].difficulties:
        raise _no_difficulty(task, difficulty, ", ".join(TASKS[family].difficulties))
    return ResolvedTask(task, f"{family}:{difficulty or rules.difficulty}", rules)


def _own_task(preset: Preset, task: str, difficulty: str | None = None) -> ResolvedTask:
    if difficulty is not None:
        raise _no_difficulty(task, difficulty, "none: it is your own")
    if (name := TaskName.parse(task)).kind == "text":
        text.refuse_tables(Path(name.rest))
    return ResolvedTask(task, task, preset.own)


def _no_task(preset_name: str, preset: Preset, task: str) -> InputError:
    there, family = ", ".join(preset.tasks), ladder.base_of(task).partition(":")[0]
    if family in TASKS and family not in preset.tasks:
        return InputError(
            f"preset {preset_name} does not say how to train on {family}, only on {there}; "
            f"copy it, add a table [tasks.{family}], and name the copy with --preset"
        )
    known = f"preset {preset_name}, which has {there}; own tasks go with --task"
    return InputError(
        f"no task {task!r}{did_you_mean(ladder.base_of(task), preset.tasks, ' ({})')} in {known}"
    )


def _no_difficulty(task: str, difficulty: str, there: str) -> InputError:
    return InputError(f"task {task!r} has no difficulty {difficulty!r} (difficulties: {there})")


def resolve_tasks(
    preset_name: str, preset: Preset, tasks: Sequence[str], own: Sequence[str] = ()
) -> tuple[ResolvedTask, ...]:
    """Return tasks of a preset, then a user's own, in order.

    Args:
        preset_name: The preset's name, for people.
        preset: The preset.
        tasks: Names of its tasks; one may say its budget, as `xml@30k`; own ones are taken too.
        own: The user's own.

    Raises:
        InputError: One is unknown, with the nearest name, or given twice.
    """
    for task in tasks:
        if not TaskName.parse(task).is_own and ladder.rules_of(preset, task) is None:
            raise _no_task(preset_name, preset, task)
    for task in (everything := [*tasks, *own]):
        if everything.count(task) > 1:
            raise InputError(f"task {task!r} is given twice")
    resolved = (resolve_task(preset_name, preset, task) for task in tasks)
    return (*resolved, *(_own_task(preset, task) for task in own))


def check_different(tasks: Sequence[ResolvedTask], facts: Mapping[str, TaskFacts]) -> None:
    """Refuse tasks that are one: each would count as if it were another. One task with two budgets is two.

    Args:
        tasks: What is trained on.
        facts: What each says of itself, by full name.

    Raises:
        InputError: Names the two.
    """
    known: dict[tuple[str, str], list[ResolvedTask]] = {}
    for task in tasks:
        name = TaskName.parse(task.full_name)
        what = name.rest if name.is_code else ""  # a file of Python may hold several
        others = known.setdefault((facts[task.full_name].checksum, what), [])
        for other in others:
            alike = set(task.rules.budgets) & set(other.rules.budgets)
            if alike or task.full_name != other.full_name:
                budget = (
                    f" and a budget of {max(alike):,} parameters"
                    if alike and "@" in task.name + other.name
                    else ""
                )
                raise InputError(
                    f"tasks {other.name!r} and {task.name!r} have the same data{budget}; leave one of them out"
                )
        others.append(task)


def has_data(task: str, data: Path | None) -> bool:
    """Return whether a preset's task can be trained with a folder of files; most need none."""
    return ladder.base_of(task) not in STAND_IN or (data is not None and (data / "ptb.train.txt").exists())


def usual_tasks(preset: Preset, data: Path | None) -> tuple[tuple[str, ...], str]:
    """Return a preset's own choice of tasks, and what is to be said of stand-ins for those whose data are not there."""
    chosen = {
        task: None if has_data(task, data) else STAND_IN[ladder.base_of(task)] for task in preset.search.tasks
    }
    absent = {ladder.base_of(task): instead for task, instead in chosen.items() if instead}
    note = "".join(
        f"no {task} data found: {instead} stands in (--data DIR)" for task, instead in absent.items()
    )
    return tuple(dict.fromkeys(instead or task for task, instead in chosen.items())), note
