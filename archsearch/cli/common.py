"""Options and arguments that several commands share, and how results are printed."""

from __future__ import annotations

import json
import os
import shlex
import sys
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from archsearch.compiler.engine_names import trains_stacks
from archsearch.errors import InputError
from archsearch.workers.devices import cuda_devices

WIDE = 200
"""Columns of a table that goes into a pipe or file."""

DEFAULT_RUNS = "runs"

runs_option = click.option(
    "--runs",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    envvar="ARCHSEARCH_RUNS",
    default=Path(DEFAULT_RUNS),
    show_default=True,
    show_envvar=True,
    help="Folder of all runs.",
)
json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON document on standard output."
)
data_option = click.option(
    "--data",
    metavar="DIR",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder with ptb.train.txt, ptb.valid.txt and ptb.test.txt (Penn Treebank).",
)
seed_option = click.option("--seed", metavar="N", type=click.IntRange(min=0), help="Seed.  [default: 0]")
workers_option = click.option(
    "--workers", type=int, metavar="N", help="Worker processes.  [default: one per GPU or CPU core]"
)
device_option = click.option(
    "--device",
    metavar="NAME",
    default="auto",
    show_default=True,
    help="auto (all GPUs, else cpu), cpu, or cuda:0,cuda:1 …",
)


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
        device: "auto", which is all CUDA devices or else the CPU, "cpu", or CUDA devices separated by commas.
        workers: How many workers; by default one per core, or one per CUDA device.

    Raises:
        InputError: More workers than cores, none at all, or an unknown device.
    """
    if workers is not None and workers < 1:
        raise InputError(f"--workers {workers}: a search needs at least 1 worker")
    if device == "auto":
        device = ",".join(cuda_devices()) or "cpu"
    if device == "cpu":
        if workers is not None and workers > cores():
            raise InputError(
                f"--workers {workers}: this machine has {cores()} CPU cores, and every worker keeps one busy; "
                f"give at most {cores()} (ARCHSEARCH_CORES=N if the count is wrong)"
            )
        return ("cpu",) * (workers or cores())
    names = tuple(part.strip() for part in device.split(","))
    for name in names:
        if name != "cuda" and not (name.startswith("cuda:") and name[5:].isdecimal()):
            raise InputError(
                f"--device {device}: {name!r} is no device; allowed: auto, cpu, cuda:0, cuda:0,cuda:1 …"
            )
    return tuple(names[index % len(names)] for index in range(workers or len(names)))


def as_recorded(device: str, engine: str) -> str:
    """Return what "auto" means where records are made again: the CPU for those of engines that run there."""
    return "cpu" if device == "auto" and not trains_stacks(engine) else device


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


def note(text: str) -> None:
    """Print a line for people on standard error."""
    click.echo(text, err=True)


def pointer(run: Path) -> str:
    """Return how a shell command names a run: its name where `--runs` need not be said, else its path."""
    usual = Path(os.environ.get("ARCHSEARCH_RUNS") or DEFAULT_RUNS)
    return shlex.quote(run.name if run.parent == usual else str(run) if "/" in str(run) else f"./{run}")
