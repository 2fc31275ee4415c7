"""The option --figure and its like: refused before anything is trained if it could not be drawn, and written in the end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from archsearch.cli.options import Command
from archsearch.errors import InputError

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Picture


def figure_option(help: str, option: str = "--figure") -> Callable[[Command], Command]:
    """Return the option --figure, or another of its kind.

    Args:
        help: What is drawn.
        option: Its name.
    """
    return click.option(
        option,
        metavar="FILE.svg",
        type=click.Path(path_type=Path, dir_okay=False),
        help=f"{help}; needs matplotlib.",
    )


def check_figure(figure: Path | None, option: str = "--figure") -> None:
    """Refuse a figure that could not be drawn; None is no figure.

    Raises:
        InputError: matplotlib is missing, or knows no such format, or there is no such folder.
    """
    if figure is None:
        return
    try:
        from matplotlib.figure import Figure as Picture
    except ImportError:
        raise InputError(
            f"{option} needs matplotlib, which is not installed: pip install archsearch[plots]"
        ) from None
    formats = Picture().canvas.get_supported_filetypes()
    if figure.suffix.lstrip(".") not in formats:
        raise InputError(
            f"{option} {figure}: no format by that ending; there are {', '.join(sorted(formats))}"
        )
    if not figure.parent.is_dir():
        raise InputError(f"{option} {figure}: no folder {figure.parent}; make it first")


def write_figure(picture: Picture, figure: Path, option: str = "--figure") -> None:
    """Write a picture in the format of the file's ending.

    Args:
        picture: What is written.
        figure: Where.
        option: That named the file.

    Raises:
        InputError: The file cannot be written.
    """
    try:
        picture.savefig(figure)
    except OSError as error:
        raise InputError(f"{option} {figure}: {error.strerror}") from None
