"""Options that several commands share."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from archsearch.errors import InputError
from archsearch.resources import DEFAULT_RUNS

Command = TypeVar("Command", bound=Callable[..., Any])

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
own_option = click.option(
    "--task",
    "own",
    metavar="OWN",
    multiple=True,
    help="A task of the run's own that may run, or where it lies now: FILE.py:NAME; may be repeated.",
)
set_option = click.option(
    "--set",
    "said",
    metavar="KEY=VALUE",
    multiple=True,
    help="Another value of the preset, such as tasks.xml.steps=5000; may be repeated.",
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


def training_options(command: Command) -> Command:
    """Add what every command that trains takes: --data, --workers and --device."""
    return data_option(workers_option(device_option(command)))


def cells_option(default: str, more: str = "") -> Callable[[Command], Command]:
    """Return the option --cells, a list as `load_cells` takes it.

    Args:
        default: The list where nothing is said.
        more: What else is to be said of them.
    """
    return click.option(
        "--cells",
        metavar="A,B,C",
        default=default,
        show_default=True,
        help=f"Of the library, a .cell file, RUN/1, or RUN/1-9{more}.",
    )


space_option = click.option(
    "--space", metavar="NAME|FILE.toml", help="What cells are made of.  [default: jozefowicz2015]"
)
"""The option --space of commands that search."""


def top_option(default: int, help: str) -> Callable[[Command], Command]:
    """Return the option --top, a number of ranks.

    Args:
        default: The number where nothing is said.
        help: What the ranks are for.
    """
    return click.option(
        "--top", metavar="N", type=click.IntRange(min=1), default=default, show_default=True, help=help
    )


def folder_option(default: Path, help: str) -> Callable[[Command], Command]:
    """Return the option --folder, where a study keeps what it has trained.

    Args:
        default: Where that is when nothing is said.
        help: What is kept there.
    """
    return click.option(
        "--folder",
        metavar="DIR",
        type=click.Path(path_type=Path, file_okay=False),
        default=default,
        show_default=True,
        help=help,
    )


def seeds_options(
    trials: int, of: str, folder: Path, option: str = "--trials"
) -> Callable[[Command], Command]:
    """Return what studies take that make a run for each of some seeds and keep it: their number, --seed and --folder.

    Args:
        trials: How many where nothing is said.
        of: What the number is of, for people.
        folder: Where runs are kept where nothing is said.
        option: Of the number.
    """
    options = [
        click.option(
            option,
            metavar="N",
            type=click.IntRange(min=1),
            default=trials,
            show_default=True,
            help=f"{of}.",
        ),
        click.option(
            "--seed",
            metavar="N",
            type=click.IntRange(min=0),
            default=0,
            show_default=True,
            help="Of the first one.",
        ),
        folder_option(folder, "Where ended runs are kept; they are not run again."),
    ]

    def add(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return add


def whole_numbers(option: str, said: str, bounds: tuple[int, int], example: str) -> list[int]:
    """Return the numbers that an option lists, the smallest first, each once.

    Args:
        option: Its name.
        said: Numbers joined by commas.
        bounds: The least and the most that one may be.
        example: For who said something else.

    Raises:
        InputError: It is no such list.
    """
    least, most = bounds
    try:
        wanted = sorted({int(number) for number in said.split(",")})
    except ValueError:
        wanted = []
    if not wanted or not least <= wanted[0] <= wanted[-1] <= most:
        raise InputError(
            f"{option} {said}: whole numbers from {least} to {most:,}, joined by commas, such as {example}"
        )
    return wanted


def check_positive(**options: float) -> None:
    """Refuse a number that is not positive and finite.

    Args:
        **options: Numbers by the names of their options, without dashes.

    Raises:
        InputError: Names the first.
    """
    for name, value in options.items():
        if not 0 < value < math.inf:
            raise InputError(f"--{name} {value:g}: it is a positive number")


def network_options(command: Command) -> Command:
    """Add what studies take that train networks of any cell under one setting: --budget and --rate."""
    budget = click.option(
        "--budget",
        metavar="N",
        type=click.IntRange(min=1),
        default=10_000,
        show_default=True,
        help="Parameters of a network.",
    )
    rate = click.option(
        "--rate", type=float, metavar="R", default=0.01, show_default=True, help="Learning rate of AdamW."
    )
    return budget(rate(command))
