"""How results are printed: tables and lines for people, one JSON document for scripts."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from archsearch.cache_folder import cache_trouble
from archsearch.resources import runs_folder

WIDE = 200
"""Columns of a table that goes into a pipe or file."""


def print_json(document: Any) -> None:
    """Print one JSON document, the same bytes for every locale."""
    click.echo(json.dumps(document, indent=2, allow_nan=False))


def console(error: bool = False) -> Console:
    """Return a console for people: as wide as the terminal, or wide enough for a pipe, where nothing is coloured."""
    stream = sys.stderr if error else sys.stdout
    terminal = stream.isatty()
    return Console(
        file=stream,
        width=None if terminal else WIDE,
        force_terminal=terminal,
        highlight=False,
        markup=False,
        emoji=False,
    )


@contextmanager
def progress_line(doing: str) -> Iterator[Callable[[int, int], None]]:
    """Show on standard error how many trials of how many have ended: `training: 3 of 16 trials`."""
    if trouble := cache_trouble():
        note(trouble)
    with console(error=True).status("starting workers") as status:

        def progressed(done: int, total: int) -> None:
            status.update(f"{doing} {done} of {total} trials")

        yield progressed


def note(text: str) -> None:
    """Print a line for people on standard error."""
    click.echo(text, err=True)


def pointer(run: Path) -> str:
    """Return how a shell command names a run: its name where `--runs` need not be said, else its path."""
    return shlex.quote(
        run.name if run.parent == runs_folder() else str(run) if "/" in str(run) else f"./{run}"
    )
