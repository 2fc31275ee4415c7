"""What `study inside` and `inspect` have in common: the text, the folder of the models, the table of units."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import click

from archsearch.cli.printing import console, note
from archsearch.cli.tables import Column, print_table
from archsearch.errors import InputError
from archsearch.words import plain

if TYPE_CHECKING:
    from archsearch.studies.characters.text import CharText
    from archsearch.studies.characters.units import Meaning

FOLDER = Path("runs", "inside")

LARGEST = 1_000
"""Of the numbers with a fraction that an option takes."""

text_option = click.option(
    "--text",
    "path",
    required=True,
    metavar="FILE|DIR",
    type=click.Path(path_type=Path),
    help="What is read, as bytes; a folder's files are shuffled and joined.",
)

endings_option = click.option(
    "--only",
    "endings",
    metavar=".c,.h",
    help="Of a folder only files with these endings.  [default: all]",
)

NAMED = 5
"""Files that are named where more are left out."""


def text_of(path: Path, seed: int, endings: str | None) -> CharText:
    """Return a text, and say which files of a folder are no part of it.

    Args:
        path: The file or folder.
        seed: Of the order of a folder's files.
        endings: Of the files, with commas between; None for all.

    Raises:
        InputError: It is no text that can be read.
    """
    from archsearch.studies.characters.text import load_characters

    wanted = tuple(ending.strip() for ending in endings.split(",")) if endings else ()
    if any(not ending for ending in wanted):
        raise InputError(f"--only {endings!r}: an ending is missing; write such as .c,.h")
    text = load_characters(path, seed, wanted)
    if text.left_out:
        more = f" and {len(text.left_out) - NAMED:,} more" if len(text.left_out) > NAMED else ""
        names = ", ".join(text.left_out[:NAMED])
        note(plain(f"left out, since a zero byte is in them: {names}{more}"))
    return text


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


def positive(said: str, option: str) -> tuple[float, ...]:
    """Return positive numbers that are separated by commas, each up to `LARGEST`.

    Args:
        said: What was given.
        option: For what.

    Raises:
        InputError: One is no such number.
    """
    found = []
    for part in said.split(","):
        try:
            found.append(float(part))
        except ValueError:
            found.append(math.nan)
        if not 0 < found[-1] <= LARGEST:
            raise InputError(
                f"{option} {said!r}: {part.strip()!r} is no number above 0 and up to {LARGEST:,}; write such as 0.1,0.3"
            )
    return tuple(found)


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
