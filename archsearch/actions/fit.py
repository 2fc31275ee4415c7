"""From a cell to a trained model: settings chosen, weights trained and kept, a folder written."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from archsearch import tasks
from archsearch.actions.cells import NamedCell, find_cell
from archsearch.actions.fit_config import fit_of
from archsearch.actions.fit_course import Advanced, Contestant, FitCourse
from archsearch.actions.fit_result import Fit
from archsearch.actions.fit_settings import Wanted, compared_settings, won_setting
from archsearch.actions.own_tasks import named_sources
from archsearch.actions.request import PRESET
from archsearch.actions.tasks import resolve_task
from archsearch.cell import Cell
from archsearch.compiler.engines import identity
from archsearch.errors import InputError
from archsearch.models import ModelFiles, check_free, write_folder
from archsearch.protocol.checks import LARGEST
from archsearch.protocol.loading import load_preset
from archsearch.protocol.preset import Preset
from archsearch.resources import runs_folder
from archsearch.store.checkpoints import CheckpointFolder
from archsearch.tasks import TaskName, TaskSource
from archsearch.training import Streams
from archsearch.training.fitting import Fitted
from archsearch.workers.devices import worker_devices
from archsearch.workers.process import as_in_a_worker, chosen_engine, cuda_problem, machine_kind

TIMES = 10
"""Times the steps that a preset gives a trial."""

PATIENCE, SETTINGS = 10, 4

UNFINISHED = ".fitting"
"""What follows the folder's name in that of its checkpoints."""


def fit(
    cell: Cell | str | os.PathLike[str],
    task: str,
    folder: str | os.PathLike[str] | None = None,
    *,
    difficulty: str | None = None,
    preset: str | None = None,
    settings: int = SETTINGS,
    steps: int | None = None,
    patience: int = PATIENCE,
    seeds: int = 1,
    seed: int = 0,
    beside: Cell | str | os.PathLike[str] | None = None,
    license: str = "unknown",
    force: bool = False,
    runs: str | os.PathLike[str] | None = None,
    data: str | os.PathLike[str] | None = None,
    device: str = "auto",
    progressed: Advanced = lambda advance: None,
    **sizes: Any,
) -> Fit:
    """Train a cell on a task, and write the model to a folder.

    ```python
    archsearch.fit("quick-1/1", "text:book.txt", "model", units=128, seeds=3).test
    ```

    A training that was stopped goes on where it was when the same is asked again, and ends with the same bits.

    Args:
        cell: A cell, or what `load_cell` takes.
        task: A task of the preset, `text:FILE`, `series:FILE`, `labels:FILE` or `FILE.py:NAME`.
        folder: Where the model is written, whole or not at all; None writes nothing and keeps no checkpoints.
        difficulty: Another one than the preset's.
        preset: What batch, unroll, epochs and grid are from; None: that of the cell's run, else quick.
        settings: How many settings of the grid are compared for a tenth of the steps where the cell's run names none.
        steps: Training steps; None: ten times the preset's.
        patience: Validations without a better one after which a training ends; 0 for never.
        seeds: Draws of initial weights, of which the best by validation is the model.
        seed: Of the training data and of the initial weights.
        beside: A cell that is trained likewise, with as many parameters, for comparison.
        license: What the model's card names.
        force: Whether a model that is there is replaced.
        runs: Folder of all runs; None for ARCHSEARCH_RUNS, else "runs".
        data: Folder of the Penn Treebank's files.
        device: "auto" (a GPU, else the CPU), "cpu", or "cuda:0".
        progressed: Told how far it is.
        sizes: `units=` or `parameters=`, `layers=`, `optimiser=`, `rate=`, `clip=`, `scale=`, `dropout=`.

    Raises:
        InputError: Something is unknown, too small, or the folder cannot be written.
        ArchsearchError: All trainings diverged.
    """
    _check_numbers(seed, patience, seeds=seeds, settings=settings, steps=steps)
    target = None if folder is None else Path(folder)
    if target is not None:
        check_free(target, force)
    named = _named(cell, runs)
    other = None if beside is None else _named(beside, runs)
    said = Wanted(**sizes)
    preset_name, rules = _preset(preset, named)
    resolved = resolve_task(preset_name, rules, task, difficulty)
    place = _place(device)
    with as_in_a_worker(place):
        course = FitCourse(
            task=resolved,
            preset=rules,
            streams=_streams(resolved.full_name, data, place),
            engine=identity(chosen_engine(place), place),
            machine=machine_kind(place),
            seed=seed,
            steps=steps or TIMES * resolved.rules.steps,
            patience=patience,
            draws=seeds,
            checkpoints=_checkpoints(target, patience),
            told=progressed,
        )
        trained = _trained(course, named, other, said, settings)
    first, *second = [fit_of(course, *of_cell, preset_name, license) for of_cell in trained]
    if target is not None:
        _, found = trained[0]
        weights = found[first.config.chosen].weights
        write_folder(target, ModelFiles(named.cell, first.config, weights), force=force)
        CheckpointFolder(unfinished(target)).sweep()
    return replace(first, folder=target, beside=second[0] if second else None)


def unfinished(folder: Path) -> Path:
    """Return where the checkpoints of a model lie that is being trained."""
    return folder.with_name(folder.name + UNFINISHED)


def _checkpoints(target: Path | None, patience: int) -> CheckpointFolder | None:
    """Return where trainings with this patience lie: with another one they end elsewhere."""
    return None if target is None else CheckpointFolder(unfinished(target) / f"patience-{patience}")


def _check_numbers(seed: int, patience: int, *, seeds: int, settings: int, steps: int | None) -> None:
    least_of_all = min(seeds, settings, 1 if steps is None else steps)
    if not 0 <= seed <= LARGEST or patience < 0 or least_of_all < 1:
        raise InputError("seeds, settings and steps are at least 1, seed and patience at least 0")


def _named(cell: Cell | str | os.PathLike[str], runs: str | os.PathLike[str] | None) -> NamedCell:
    return NamedCell(cell) if isinstance(cell, Cell) else find_cell(os.fspath(cell), runs_folder(runs))


def _preset(preset: str | None, named: NamedCell) -> tuple[str, Preset]:
    if preset is None and named.board is not None:
        return named.board.plan.preset_name, named.board.plan.preset
    return load_preset(preset or PRESET)


def _place(device: str) -> str:
    """Return the one device that is meant, once it works."""
    place = worker_devices(device, 1)[0]
    if problem := cuda_problem(place) if place != "cpu" else None:
        raise InputError(problem)
    return place


def _streams(full_name: str, data: str | os.PathLike[str] | None, device: str) -> Streams:
    """Return the data of a task; one on a file is called by the file's name, so that bits do not depend on its folder."""
    name = TaskName.parse(full_name)
    source: TaskSource | None = None
    if name.is_own:
        source = named_sources([full_name])[full_name]
        full_name = name.at(Path(name.file).name)
    task = tasks.load(full_name, Path(data) if data else None, source)
    tasks.check_first_windows(task)
    return Streams(task, device)


def _trained(
    course: FitCourse, named: NamedCell, other: NamedCell | None, said: Wanted, settings: int
) -> list[tuple[NamedCell, list[Fitted]]]:
    """Train a cell, and the other if there is one with as many parameters; return both with their trainings."""
    first = _contestant(course, named, named, said, settings)
    course.total = course.cost(first) * (1 if other is None else 2)
    found = course.train(first)
    if other is None:
        return [(named, found)]
    alike = Wanted(**said.axes, parameters=found[course.best(found)].outcome.parameters)
    return [(named, found), (other, course.train(_contestant(course, other, named, alike, settings)))]


def _contestant(
    course: FitCourse, named: NamedCell, first: NamedCell, said: Wanted, settings: int
) -> Contestant:
    """Return a cell with its settings: the one that it won with in the run of the first cell, else some to compare."""
    task, symbols = course.task, course.streams.task.symbols
    won = won_setting(first.board, named.cell.id, task.name)
    if won is None:
        chosen = compared_settings(course.streams.task.name, course.preset, task.rules, said, settings)
    else:
        chosen = (msgspec.structs.replace(won, **said.axes),)
    width = course.preset.training.own_width
    return Contestant(
        named.cell, tuple(said.sized(setting, named.cell, symbols, width) for setting in chosen)
    )
