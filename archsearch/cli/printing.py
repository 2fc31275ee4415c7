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
from archsearch.words import plain

WIDE = 240
"""Columns of a table that goes into a pipe or file."""


def print_json(document: Any) -> None:
    """Print one JSON document, the same bytes for every locale."""
    click.echo(json.dumps(document, indent=2, allow_nan=False))


class _Console(Console):
    """A console that lets no text move the cursor; a text is one line, several are given with `sep="\\n"`."""

    def print(self, *objects: Any, **options: Any) -> None:
        super().print(*(plain(one) if isinstance(one, str) else one for one in objects), **options)


def console(error: bool = False) -> Console:
    """Return a console for people: as wide as the terminal, or wide enough for a pipe, where nothing is coloured."""
    stream = sys.stderr if error else sys.stdout
    terminal = stream.isatty()
    return _Console(
        file=stream,
        width=None if terminal else WIDE,
        force_terminal=terminal,
        highlight=False,
        markup=False,
        emoji=False,
    )


@contextmanager
def progress_line(doing: str, what: str = "trials") -> Iterator[Callable[[int, int], None]]:
    """Show on standard error how many trials, or what else, of how many have ended: `training: 3 of 16 trials`."""
    if trouble := cache_trouble():
        note(trouble)
    with console(error=True).status("starting workers") as status:

        def progressed(done: int, total: int) -> None:
            status.update(f"{doing} {done} of {total} {what}")

        yield progressed


def note(*lines: str) -> None:
    """Print lines for people on standard error; none of them moves the cursor, whatever names are in them."""
    click.echo("\n".join(map(plain, lines)), err=True)


def pointer(run: Path) -> str:
    """Return how a shell command names a run: its name where `--runs` need not be said, else its path."""
    return shlex.quote(
        run.name if run.parent == runs_folder() else str(run) if "/" in str(run) else f"./{run}"
    )
