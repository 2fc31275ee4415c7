"""`archsearch judge`."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import click

from archsearch.actions.cells import load_cell
from archsearch.actions.judge import hear
from archsearch.actions.verdict_words import outlook, verdict_sentences
from archsearch.cli.options import json_option, runs_option, training_options
from archsearch.cli.pairs import pair_options, pairs_shown
from archsearch.cli.printing import console, print_json
from archsearch.cli.tables import Column, number_text, print_table
from archsearch.protocol.claims import MARGIN, SETTINGS
from archsearch.protocol.duration import parse_duration
from archsearch.protocol.hearing import Hearing
from archsearch.tasks.lengths import READ_OUTS
from archsearch.words import plain

if TYPE_CHECKING:
    from archsearch.protocol.equality import Equal


@click.command(epilog="Example: archsearch judge mut1 gru --task arithmetic --pairs 20")
@click.argument("a")
@click.argument("b")
@click.option(
    "--task",
    "tasks",
    metavar="TASK",
    multiple=True,
    help="A task of the preset, also as xml@30k, text:FILE, series:FILE, labels:FILE or FILE.py:NAME; may be repeated.  "
    "[default: those that the preset searches with]",
)
@click.option(
    "--preset",
    default="quick",
    show_default=True,
    metavar="NAME|FILE.toml",
    help="How the cells are measured.",
)
@pair_options(str(SETTINGS))
@click.option(
    "--scale",
    metavar="X",
    type=click.FloatRange(min=0, min_open=True),
    default=1.0,
    show_default=True,
    help="So many times the preset's parameters and steps.",
)
@click.option(
    "--equal",
    type=click.Choice(["parameters", "width", "flops", "time"]),
    default="parameters",
    show_default=True,
    help="What both cells have alike: parameters; B's width; or what the training costs, in operations or in measured time, "
    "so that the dearer one trains fewer steps.",
)
@click.option(
    "--length",
    type=click.Choice([str(length) for length in READ_OUTS]),
    help="Compare the cells on sequences of so many steps, on tasks with lengths of their own.  [default: the test set]",
)
@click.option(
    "--margin",
    metavar="D",
    type=click.FloatRange(min=0),
    default=MARGIN,
    show_default=True,
    help="Differences of skill up to this are none.",
)
@runs_option
@training_options
@json_option
def judge(
    a: str,
    b: str,
    tasks: tuple[str, ...],
    preset: str,
    pairs: int,
    max_time: str | None,
    settings: int | None,
    scale: float,
    equal: Equal,
    length: str | None,
    margin: float,
    runs: Path,
    data: Path | None,
    workers: int | None,
    device: str,
    as_json: bool,
) -> None:
    """Say which of two cells is better, on fresh data, until it is sure.

    Trains pairs: both cells on the same data and settings, which no search has seen, best against best. The verdict holds
    however often it is asked for. The same command goes on from the pairs that are kept, also after Ctrl-C.
    """
    cells = load_cell(a, runs), load_cell(b, runs)
    with pairs_shown(pairs, lines=not as_json) as heard:
        hearing = hear(
            *cells,
            tasks=tasks,
            preset=preset,
            pairs=pairs,
            settings=settings or SETTINGS,
            scale=scale,
            equal=equal,
            length=None if length is None else int(length),
            margin=margin,
            max_seconds=parse_duration(max_time) if max_time else None,
            data=data,
            workers=workers,
            device=device,
            heard=heard,
        )
    if as_json:
        print_json(hearing.as_document())
    else:
        _print(hearing)


def _print(hearing: Hearing) -> None:
    out = console()
    titles = ("pairs", "wins", "losses", "ties", "E", "E (t)", "difference", "from", "to", "ratio")
    drops = {"ties": 4, "E (t)": 3, "ratio": 2, "pairs": 1}
    columns = [
        Column("task"),
        *(Column(title, right=True, drop=drops.get(title, 0)) for title in titles),
    ]
    print_table(out, columns, [_task_line(hearing, task) for task in hearing.pairs])
    first, *others = verdict_sentences(hearing, "your ledger")
    for sentence in (first, *outlook(hearing, "--pairs {pairs}"), *others):
        out.print(plain(sentence), soft_wrap=True)


def _task_line(hearing: Hearing, task: str) -> list[str]:
    found, ratio = hearing.evidence[task], hearing.ratio(task)
    return [
        plain(task),
        str(len(hearing.pairs[task])),
        str(found.wins),
        str(found.losses),
        str(found.ties),
        _fortune(max(found.log_better, found.log_worse)),
        _fortune(found.log_t),
        f"{found.difference:+.3f}",
        *(f"{end:+.3f}" if math.isfinite(end) else "-" for end in (found.interval.low, found.interval.high)),
        number_text(ratio, ".2f"),
    ]


def _fortune(log: float) -> str:
    """Return a fortune, a large one by its power of ten."""
    return f"{math.exp(log):.3g}" if log < math.log(1e5) else f"1e{log / math.log(10):.0f}"
