"""Loads a task by its name: one of archsearch's own, a user's text or numbers, or a task that a user has written."""

from __future__ import annotations

from pathlib import Path

from archsearch.errors import TaskError
from archsearch.tasks import own, text
from archsearch.tasks.families import TASKS
from archsearch.tasks.labels import load_labels
from archsearch.tasks.series import load_series
from archsearch.tasks.series_options import read_options
from archsearch.tasks.source import TaskSource
from archsearch.tasks.task import Task
from archsearch.tasks.task_name import TaskName
from archsearch.words import did_you_mean


def load(spec: str, data: Path | None = None, source: TaskSource | None = None) -> Task:
    """Return the task that `spec` names; the file of a user's own `FILE.py:NAME` is run.

    Args:
        spec: `NAME:DIFFICULTY` with a name of TASKS, `text:FILE`, `series:FILE`, `labels:FILE`, or `FILE.py:NAME`.
        data: The folder with the files of tasks that need some.
        source: Where the file of a user's own task lies, and which it must be; None for where its name says.

    Raises:
        TaskError: There is no such task or difficulty, its files are missing or foreign, or a user's task is
        none.
    """
    name = TaskName.parse(spec)
    if name.kind == "text":
        return text.load(spec, Path(source.path if source else name.file), text.read_level(name.options))
    if name.kind == "series":
        return load_series(spec, Path(source.path if source else name.file), read_options(name.options))
    if name.kind == "labels":
        return load_labels(spec, Path(source.path if source else name.file), name.options)
    if name.kind == "code":
        if not name.rest:
            raise TaskError(
                f"{spec}: which task of the file? Write {name.family}:NAME, NAME an object or a class in it"
            )
        place, sha256 = (source.path, source.sha256) if source else (name.file, "")
        return own.load(spec, Path(place), name.rest, sha256)
    _check_difficulty(name)
    return TASKS[name.family].load(name.rest, data)


def _check_difficulty(name: TaskName) -> None:
    """Refuse a family that is not in the table, and a difficulty that it does not have."""
    family, difficulty = name.family, name.rest
    if family not in TASKS:
        hint = did_you_mean(family, TASKS, " ({})")
        raise TaskError(
            f"no task {family!r}{hint}; there are {', '.join(TASKS)}, text:FILE, series:FILE, labels:FILE, FILE.py:NAME"
        )
    known = TASKS[family].difficulties
    if not difficulty:
        raise TaskError(f"task {family!r} needs a difficulty: {', '.join(f'{family}:{d}' for d in known)}")
    if difficulty not in known:
        hint = did_you_mean(difficulty, known, " ({})")
        raise TaskError(
            f"task {family!r} has no difficulty {difficulty!r}{hint}; there are {', '.join(known)}"
        )
