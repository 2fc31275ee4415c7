"""What the commands that search settings at random share: their options, the cells, and the progress."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from archsearch.cell import Cell
from archsearch.cli.options import Command, folder_option
from archsearch.cli.printing import console, note

if TYPE_CHECKING:
    from archsearch.studies.odyssey import TrialTold
    from archsearch.studies.random_search.training import Effort, SearchTrial

FOLDER = Path("runs", "odyssey")


def search_options(command: Command, is_data_required: bool = True) -> Command:
    """Add what every such command takes, which `searched` takes as it is.

    Args:
        command: The command.
        is_data_required: Whether there is nothing that it does without `--data`.
    """
    options: list[Any] = [
        click.option(
            "--data",
            metavar="DIR",
            required=is_data_required,
            type=click.Path(path_type=Path, exists=True, file_okay=False),
            help="Folder with jsb_chorales.npz or other music, or that TIMIT or IAM-OnDB lies in."
            if is_data_required
            else "Folder with nottingham.npz and piano_midi.npz, or with ptb.train.txt and so on.",
        ),
        click.option(
            "--seed",
            metavar="N",
            type=click.IntRange(min=0),
            default=0,
            show_default=True,
            help="Of the search.",
        ),
        click.option(
            "--reduced", is_flag=True, help="At most 30 epochs with a patience of 5, not 150 and 15."
        ),
        click.option("--epochs", metavar="N", type=click.IntRange(min=1), help="At most so many epochs."),
        click.option(
            "--loss",
            type=click.Choice(["mean", "sum"]),
            default="mean",
            show_default=True,
            help="Whether the loss of a sequence is the mean of its steps or their sum.",
        ),
        click.option(
            "--workers",
            metavar="N",
            type=click.IntRange(min=1),
            default=1,
            show_default=True,
            help="Processes that train.",
        ),
        folder_option(FOLDER, "Where ended trials are kept; they are not trained again."),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def effort_of(reduced: bool, epochs: int | None, loss: str, dropout: bool = False) -> Effort:
    """Return how trials are trained, as the options say.

    Args:
        reduced: Whether the reduced effort is meant.
        epochs: Another number of epochs at most.
        loss: Mean or sum.
        dropout: Whether trials draw a rate of dropout.
    """
    from archsearch.studies.random_search.training import PAPER, REDUCED

    effort = msgspec.structs.replace(REDUCED if reduced else PAPER, loss=loss, dropout=dropout)
    return effort if epochs is None else msgspec.structs.replace(effort, epochs=epochs)


def searched(
    cells: dict[str, Cell],
    trials: int,
    *,
    name: str,
    effort: Effort,
    data: Path,
    seed: int,
    workers: int,
    folder: Path,
) -> dict[str, list[SearchTrial]]:
    """Return the trials of each cell on some material, and show how they go.

    Args:
        cells: By name.
        trials: How many of each.
        name: Of the material.
        effort: How they are trained.
        data: The folder of the material.
        seed: Of the search.
        workers: Processes that train.
        folder: Where ended trials are kept.
    """
    from archsearch.studies.odyssey import search_trials
    from archsearch.studies.random_search.material import read_material

    material = read_material(data, name)
    with _progress(name) as told:
        return search_trials(
            cells,
            range(trials),
            folder,
            material=material,
            effort=effort,
            seed=seed,
            workers=workers,
            told=told,
        )


@contextmanager
def _progress(material: str) -> Iterator[TrialTold]:
    """Show how many trials have ended and how many a minute: in a line that changes, or a line each where it cannot."""
    started, terminal = time.monotonic(), sys.stderr.isatty()
    with console(error=True).status("starting") as status:

        def told(name: str | None, done: int, total: int) -> None:
            rate = 60 * done / max(time.monotonic() - started, 1e-9)
            line = f"{material}, {name or 'training'}: {done} of {total} trials, {rate:.2f} a minute"
            if terminal:
                status.update(line)
            elif name is not None:
                note(line)

        yield told
