"""What the studies share that train cells: their options, what they train, and under which conditions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from archsearch.actions.cells import listed_cells
from archsearch.cell import Cell, library
from archsearch.cli.options import Command, json_option, runs_option, set_option, training_options
from archsearch.errors import InputError
from archsearch.protocol.ladder import rules_of
from archsearch.protocol.loading import changed_preset, load_preset, parse_change
from archsearch.protocol.preset import Preset
from archsearch.workers.devices import worker_devices
from archsearch.workers.pool import WorkerPool

if TYPE_CHECKING:
    from archsearch.studies.instrument import StudyPlan


def measuring_options(command: Command, settings: str = "the preset's k") -> Command:
    """Add what every study takes that trains cells.

    Args:
        command: The command.
        settings: How many settings of a task there are where nothing is said, for people.
    """
    options = [
        click.option(
            "--preset", default="quick", show_default=True, metavar="NAME|FILE.toml", help="What is studied."
        ),
        set_option,
        click.option(
            "--cells",
            metavar="a,b,c",
            help="Of the library, a .cell file, RUN/1, or RUN/1-9.  [default: all of the library]",
        ),
        runs_option,
        click.option(
            "--tasks",
            metavar="a,b,c",
            help="Tasks of the preset, also as xml@30k.  [default: those that it searches with]",
        ),
        click.option(
            "--settings",
            metavar="N",
            type=click.IntRange(min=1),
            help=f"Settings of a task.  [default: {settings}]",
        ),
        click.option(
            "--draws",
            metavar="N",
            type=click.IntRange(min=1),
            default=2,
            show_default=True,
            help="Draws of the initial weights.",
        ),
        training_options,
        json_option,
    ]
    for option in reversed(options):
        command = option(command)
    return command


def worker_pool(device: str, workers: int | None, data: Path | None) -> WorkerPool:
    """Return the workers that train, before they are started.

    Args:
        device: What --device says.
        workers: How many; None for one per GPU or CPU core.
        data: Folder of the Penn Treebank's files.
    """
    return WorkerPool(list(worker_devices(device, workers)), str(data.resolve()) if data else None)


class Examined(NamedTuple):
    """What a study trains, as `instrument.prepare` takes it."""

    name: str
    preset: Preset
    cells: dict[str, Cell]
    tasks: list[str]


def examined(preset: str, said: Sequence[str], cells: str | None, runs: Path, tasks: str | None) -> Examined:
    """Return what a study trains, once all that was said is known to be there.

    Args:
        preset: Its name or file.
        said: What `--set` says of it.
        cells: What each cell is called on the command line, with commas between; None for all of the library.
        runs: Folder of all runs.
        tasks: Names of tasks of the preset, with commas between; None for those that it searches with.

    Raises:
        InputError: Something is not there.
    """
    name, loaded = loaded_preset(preset, said)
    wanted = preset_tasks(name, loaded, tasks)
    return Examined(name, loaded, dict(listed_cells(cells or ",".join(library.names()), runs)), wanted)


def loaded_preset(preset: str, said: Sequence[str]) -> tuple[str, Preset]:
    """Return a preset's name, and the preset with what `--set` says of it."""
    name, loaded = load_preset(preset)
    return name, changed_preset(name, loaded, dict(parse_change(text) for text in said))


def preset_tasks(name: str, preset: Preset, tasks: str | None) -> list[str]:
    """Return which tasks of a preset are meant.

    Args:
        name: The preset's, for people.
        preset: The preset.
        tasks: Names with commas between; None for those that it searches with.

    Raises:
        InputError: The preset has no such task.
    """
    wanted = tasks.split(",") if tasks else list(preset.search.tasks)
    if unknown := [task for task in wanted if rules_of(preset, task) is None]:
        raise InputError(f"--tasks {tasks}: preset {name} has {', '.join(preset.tasks)}, not {unknown[0]!r}")
    return wanted


def conditions(plan: StudyPlan) -> dict[str, object]:
    """Return under which conditions a study was made."""
    return {
        "preset": plan.run.preset_name,
        "settings": plan.settings,
        "draws": plan.draws,
        "machine": plan.run.machine,
        "engine": plan.run.engine,
    }
