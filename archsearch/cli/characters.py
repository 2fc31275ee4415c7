"""What `study inside` and `inspect` have in common: the text, the folder of the models, the table of units."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from archsearch.cli.printing import console
from archsearch.cli.tables import Column, print_table
from archsearch.errors import InputError

if TYPE_CHECKING:
    from archsearch.studies.characters.units import Meaning

FOLDER = Path("runs", "inside")

text_option = click.option(
    "--text",
    "path",
    required=True,
    metavar="FILE|DIR",
    type=click.Path(path_type=Path),
    help="What is read, as bytes; a folder's files are shuffled and joined.",
)


def numbers(said: str, option: str) -> list[int]:
    """Return numbers that are separated by commas.

    Args:
        said: What was given.
        option: For what.

    Raises:
        InputError: One is no number from 1 up.
    """
    parts = [part.strip() for part in said.split(",")]
    for part in parts:
        if not part.isdecimal() or int(part) < 1:
            raise InputError(f"{option} {said!r}: {part!r} is no number from 1 up; write such as 1,2")
    return [int(part) for part in parts]


def print_units(units: list[Meaning], model: str = "") -> None:
    """Print a table of units that follow a feature.

    Args:
        units: The units.
        model: What the model is called, if that is to be said.
    """
    columns = [
        *([Column("model", least=8)] if model else []),
        Column("follows"),
        Column("layer", right=True),
        Column("state"),
        Column("unit", right=True),
        Column("correlation", right=True),
    ]
    lines = [
        [
            *([model] if model else []),
            unit.feature,
            str(unit.layer),
            unit.state,
            str(unit.unit),
            f"{unit.correlation:+.3f}",
        ]
        for unit in units
    ]
    print_table(console(), columns, lines)
