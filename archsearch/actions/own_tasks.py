"""Finds the files of users' own tasks. Code of one is run only if the user names it now, or has named that very file before.

A run says which tasks it has; whose they are it cannot say, since it may come from anybody.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path

from archsearch.actions.trusted_code import is_trusted, trust
from archsearch.errors import InputError
from archsearch.protocol.plan import RunPlan
from archsearch.tasks import TaskName, TaskSource
from archsearch.tasks.source import code_source


def named_sources(names: Iterable[str]) -> dict[str, TaskSource]:
    """Return where the own tasks among some names lie, all of which the user has just named.

    Raises:
        TaskError: A Python file cannot be read.
    """
    own = {name: TaskName.parse(name) for name in names}
    return {name: _named(parsed, Path(parsed.file)) for name, parsed in own.items() if parsed.is_own}


def sources_of_run(
    plan: RunPlan, recorded: Mapping[str, TaskSource], named: Iterable[str] = ()
) -> dict[str, TaskSource]:
    """Return where the own tasks of a run lie.

    Args:
        plan: The run's plan.
        recorded: Where they lay when it was searched in last, by the tasks' full names.
        named: Own tasks that the user names now, perhaps at another place.

    Raises:
        InputError: A file is not there or not that of the run, or is code that the user has not named.
    """
    names = [task.full_name for task in plan.tasks if TaskName.parse(task.full_name).is_own]
    said = {recorded_name(name, names): name for name in named}
    if strangers := [name for name in said.values() if recorded_name(name, names) not in names]:
        raise InputError(
            f"--task {strangers[0]}: the run has no such task; its own are {', '.join(names) or 'none'}"
        )
    return {name: _source(name, said.get(name), plan, recorded.get(name)) for name in names}


def recorded_name(said: str, names: Iterable[str]) -> str:
    """Return what a run calls an own task that the user names, perhaps at another place; what was said if nothing."""
    same = [name for name in names if name == said]
    parsed = TaskName.parse(said)
    moved = same or [name for name in names if TaskName.parse(name).is_moved(parsed)]
    return moved[0] if len(moved) == 1 else said


def _named(name: TaskName, path: Path) -> TaskSource:
    """Return where the file of a task lies that the user names, and remember it if it is code."""
    if not name.is_code:
        return TaskSource(str(path.absolute()))
    source = code_source(path)
    trust(source)
    return source


def _source(name: str, said: str | None, plan: RunPlan, recorded: TaskSource | None) -> TaskSource:
    """Return where the file of a run's task lies now; code is compared with the run's, before it is ever run."""
    parsed = TaskName.parse(name)
    path = Path(TaskName.parse(said).file) if said else _place(name, parsed, recorded)
    if not parsed.is_code:
        return TaskSource(str(path.absolute()))
    source = code_source(path)
    facts = next(task.facts for task in plan.tasks if task.full_name == name)
    if source.sha256 != (recorded.sha256 if recorded else facts.checksum):
        raise InputError(
            f"scores would not compare with this run's: the data of {name} have changed, {path} is not the file that the "
            "run began with. Put it back, or start another run"
        )
    if said:
        trust(source)
    elif not is_trusted(source):
        raise InputError(
            f"{name} of this run is Python code that you have not named yourself, so it was not run. Read {path} and, "
            f"if it may run, add: --task {shlex.quote(parsed.at(str(path)))}"
        )
    return source


def _place(name: str, parsed: TaskName, recorded: TaskSource | None) -> Path:
    """Return where the file of a run's task lies: where it lay, or where its name says from here."""
    places = [Path(place) for place in ([recorded.path] if recorded else []) + [parsed.file]]
    for place in places:
        if os.path.isfile(place):  # whatever a run says: it may be no path at all
            return place
    seen = " nor ".join(dict.fromkeys(str(place.absolute()) for place in places))
    example = parsed.at(f"PLACE/{Path(parsed.file).name}")
    raise InputError(f"{name}: no file {seen}; if it was moved, say where it lies now: --task {example}")
