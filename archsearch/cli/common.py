"""Options and arguments that several commands share, and how results are printed."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from archsearch.errors import InputError

Function = TypeVar("Function", bound=Callable[..., Any])

WIDE = 200
"""Columns of a table that goes into a pipe or file."""

runs_option = click.option(
    "--runs", type=click.Path(path_type=Path, file_okay=False), envvar="ARCHSEARCH_RUNS", default=Path("runs"),
    show_default=True, show_envvar=True, help="Folder of all runs.",
)  # fmt: skip
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document on standard output.")
data_option = click.option(
    "--data", type=click.Path(path_type=Path, file_okay=False), help="Folder with the Penn Treebank files (ptb.train.txt …)."
)
seed_option = click.option("--seed", type=click.IntRange(min=0), help="Seed.  [default: 0]")


def cores() -> int:
    """Return how many CPU cores this process may use; ARCHSEARCH_CORES says otherwise.

    Raises:
        InputError: ARCHSEARCH_CORES is no positive number.
    """
    said = os.environ.get("ARCHSEARCH_CORES")
    if said is None:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if not said.isdecimal() or int(said) < 1:
        raise InputError(f"ARCHSEARCH_CORES is {said!r}; it must be a positive number")
    return int(said)


def devices(device: str, workers: int | None) -> tuple[str, ...]:
    """Return one device per worker.

    Args:
        device: "auto" or "cpu", or CUDA devices separated by commas.
        workers: How many workers; by default one per core, or one per CUDA device.

    Raises:
        InputError: More workers than cores, none at all, or an unknown device.
    """
    if workers is not None and workers < 1:
        raise InputError(f"--workers {workers}: a search needs at least 1 worker")
    if device in ("auto", "cpu"):
        if workers is not None and workers > cores():
            raise InputError(
                f"--workers {workers}: this machine has {cores()} CPU cores, and every worker keeps one busy; "
                f"give at most {cores()} (ARCHSEARCH_CORES=N if the count is wrong)"
            )
        return ("cpu",) * (workers or cores())
    names = tuple(part.strip() for part in device.split(","))
    for name in names:
        if name != "cuda" and not (name.startswith("cuda:") and name[5:].isdecimal()):
            raise InputError(f"--device {device}: {name!r} is no device; allowed: auto, cpu, cuda:0, cuda:0,cuda:1 …")
    return tuple(names[index % len(names)] for index in range(workers or len(names)))


def print_json(document: Any) -> None:
    """Print one JSON document."""
    click.echo(json.dumps(document, indent=2, allow_nan=False, ensure_ascii=False))


def console(error: bool = False) -> Console:
    """Return a console for people: as wide as the terminal, or wide enough for a pipe, where nothing is coloured."""
    stream = sys.stderr if error else sys.stdout
    width = None if stream.isatty() else WIDE
    return Console(file=stream, width=width, highlight=False, soft_wrap=False)


def table(*columns: tuple[str, str]) -> Table:
    """Return a table without lines; a column is its title and "left" or "right"."""
    made = Table(box=None, pad_edge=False, header_style="bold", show_edge=False)
    for title, justify in columns:
        made.add_column(title, justify=justify, overflow="fold")  # type: ignore[arg-type]
    return made


def plain(text: str) -> str:
    """Return a text from data without control characters or markup."""
    return escape("".join(character if character.isprintable() or character == "\n" else "�" for character in text))
