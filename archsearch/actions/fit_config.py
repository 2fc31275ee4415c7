"""What is said of a fit: the numbers of its model, the command that trains it again, and what a run knows of its cell."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

import msgspec

from archsearch import __version__
from archsearch.actions.cells import NamedCell
from archsearch.actions.fit_course import FitCourse
from archsearch.actions.fit_result import Fit
from archsearch.actions.noise_words import noise_words
from archsearch.actions.verdict_words import verdict_sentences
from archsearch.errors import InputError
from archsearch.models import Config, Draw, TrainedModel, ends_of
from archsearch.protocol.loading import load_preset
from archsearch.protocol.preset import Preset
from archsearch.tasks import TaskName
from archsearch.training.fitting import Fitted


def fit_of(course: FitCourse, named: NamedCell, found: list[Fitted], preset: str, license: str) -> Fit:
    """Return what the trainings of a cell came to.

    Args:
        course: What they had in common.
        named: The cell.
        found: The trainings, one for each draw of initial weights.
        preset: What the preset is called.
        license: What the model's card names.
    """
    chosen = course.best(found)
    trial, outcome, task = found[chosen].trial, found[chosen].outcome, course.streams.task
    config = Config(
        archsearch=__version__,
        name=named.cell.name,
        cell=named.cell.id,
        task=task.name,
        measure=task.measure,
        units=outcome.units,
        x_width=trial.own_width or outcome.units,
        setting=trial.setting,
        ends=ends_of(task),
        floor=float(task.floor),
        ceiling=float(task.ceiling),
        draws=tuple(Draw(one.trial, msgspec.structs.replace(one.outcome, seconds=0.0)) for one in found),
        chosen=chosen,
        patience=course.patience,
        command=_command(course, _preset_file(preset, course.preset), found[chosen]),
        notes=tuple(_notes(named)),
        license=license,
    )
    return Fit(TrainedModel(named.cell, config, found[chosen].weights), config)


def _command(course: FitCourse, preset: str, found: Fitted) -> str:
    """Return what trains a model again, from its folder: all that was chosen is said."""
    setting, task = found.trial.setting, course.streams.task.name
    name = TaskName.parse(task)
    said = [task] if name.is_own else [course.task.name, "--difficulty", name.rest]
    said += ["--data", "."] if name.is_file and not name.is_own else []
    words: list[object] = ["archsearch", "fit", "cell.cell", "--task", *said, "--preset", preset]
    words += ["--parameters", setting.budget, "--layers", setting.layers, "--optimiser", setting.optimiser]
    for axis in ("rate", "clip", "scale", "dropout"):
        words += [f"--{axis}", repr(getattr(setting, axis))]
    words += ["--steps", course.steps, "--patience", course.patience, "--seeds", course.draws]
    return shlex.join(map(str, [*words, "--seed", course.seed, "-o", "again"]))


def _notes(named: NamedCell) -> Iterator[str]:
    """Yield what its run says of a cell: its place, the noise, the verdict."""
    board, row = named.board, named.row
    if board is None or row is None:
        return
    place = f"rank {row.rank}" if row.rank is not None else "a reference"
    yield f"In run {board.run} (seed {board.plan.seed}) it is {place}, with a fitness of {row.fitness:.3f}."
    if board.noise is not None:
        yield noise_words(board.noise)
    if row.verdict is None:
        yield "The referee was not asked about it: no verdict."
    else:
        yield from verdict_sentences(row.verdict, "this run", board.control)


def _preset_file(name: str, rules: Preset) -> str:
    """Return how a command names a preset elsewhere: one that is not published is a file that has to be brought."""
    try:
        published = load_preset(name)[1] == rules
    except InputError:
        published = False
    return name if published else f"{name}.toml"
