"""`archsearch confirm`."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import click

from archsearch.actions.confirm import PLACEBO, Confirmation, Subject, confirm_run
from archsearch.actions.confirm_cost import TOP
from archsearch.actions.verdict_words import BOUNDS, score
from archsearch.cli.options import json_option, own_option, runs_option, top_option, training_options
from archsearch.cli.pairs import pair_options, pairs_shown
from archsearch.cli.printing import console, note, print_json
from archsearch.cli.tables import Column, print_table
from archsearch.errors import InputError
from archsearch.protocol.claims import Control
from archsearch.protocol.duration import parse_duration
from archsearch.protocol.equality import COUNTED, Equal
from archsearch.protocol.hearing import Hearing
from archsearch.protocol.records import BASELINE
from archsearch.referee.ruling import Ruling
from archsearch.words import did_you_mean, plain

HOLDS = {Ruling.BETTER: "yes", Ruling.WORSE: "no", Ruling.NO_DIFFERENCE: "no"}
"""Whether what was better in the run is better elsewhere, by the ruling there."""


@click.command(epilog="Example: archsearch confirm quick-1 --max-time 30m")
@click.argument("run")
@pair_options("as for the run's own verdict")
@top_option(TOP, "Ranks that begin.")
@click.option(
    "--scale",
    "scales",
    metavar="X,Y",
    default="",
    help="So many times the preset's parameters and steps, too: 3 or 3,10.",
)
@click.option(
    "--equal",
    "alike",
    metavar="A,B",
    default=",".join(COUNTED),
    show_default=True,
    help=f"What cells and the GRU are given alike, too, after parameters: of {', '.join(get_args(Equal))}.",
)
@click.option(
    "--control",
    type=click.Choice(get_args(Control)),
    default="family",
    show_default=True,
    help='What the ledger of the run keeps at 5 %: the chance of any false "better", or the share of false ones among all '
    "that it calls better, which finds more.",
)
@click.option(
    "--no-unused", is_flag=True, help="Leave out the tasks of the preset that the run did not search on."
)
@runs_option
@own_option
@training_options
@json_option
def confirm(
    run: str,
    pairs: int,
    max_time: str | None,
    settings: int | None,
    top: int,
    scales: str,
    alike: str,
    control: Control,
    no_unused: bool,
    runs: Path,
    own: tuple[str, ...],
    data: Path | None,
    workers: int | None,
    device: str,
    as_json: bool,
) -> None:
    """Judge the best cells of a run on fresh data, against the GRU and the champion.

    Of the cells that begin the better half goes on, round by round, and the last three until there is a verdict. What is
    better than the GRU is then held against the champion, at equal width and operations, at other sizes, and on the tasks
    that the run did not search on.
    The same command goes on from the pairs that the run keeps, also after Ctrl-C.
    """
    with pairs_shown(pairs, lines=not as_json) as heard:
        confirmation = confirm_run(
            run,
            top=top,
            pairs=pairs,
            settings=settings,
            equal=_equal(alike),
            scales=_scales(scales),
            unused=not no_unused,
            control=control,
            max_seconds=parse_duration(max_time) if max_time else None,
            runs=runs,
            own=own,
            data=data,
            workers=workers,
            device=device,
            priced=lambda first, rest: note(f"Against the GRU {first}; of what is better {rest}."),
            heard=heard,
        )
    if as_json:
        print_json(confirmation.as_document())
    else:
        _print(confirmation)


def _scales(text: str) -> tuple[float, ...]:
    """Return the numbers of a list such as `3,10`.

    Raises:
        InputError: One is none, or not above 0, or 1, which the run itself is.
    """
    try:
        scales = tuple(dict.fromkeys(float(part) for part in text.split(",") if part.strip()))
    except ValueError:
        scales = (0.0,)
    if not all(0 < scale <= 1000 and scale != 1 for scale in scales):
        raise InputError(
            f"--scale {text}: numbers above 0 and up to 1000 but 1, with commas between, such as 3,10"
        )
    return scales


def _equal(text: str) -> tuple[Equal, ...]:
    """Return what a list such as `width,time` names.

    Raises:
        InputError: One is nothing that can be made equal.
    """
    known = {name: name for name in get_args(Equal)}
    names = [part.strip() for part in text.split(",") if part.strip()]
    for name in names:
        if name not in known:
            hint = did_you_mean(name, known, " ({})")
            raise InputError(
                f"--equal {text}: no {name!r}{hint}; there are {', '.join(known)}, with commas between"
            )
    return tuple(dict.fromkeys(known[name] for name in names))


def _print(confirmation: Confirmation) -> None:
    out, against = console(), confirmation.columns[BASELINE]
    tasks = list(next(iter(against.values())).pairs)
    others = [column for column in confirmation.columns if column != BASELINE]
    columns = [
        Column("rank", right=True),
        Column("cell"),
        Column("beside gru"),
        Column("pairs", right=True),
        *(Column(plain(task), right=True, drop=1) for task in tasks),
        *(Column(plain(column)) for column in others),
        Column("first steps", drop=2),
    ]
    rows = [_line(confirmation, subject, others) for subject in confirmation.subjects]
    print_table(out, columns, rows)
    lines = [
        "For each task: pairs won and lost beside the GRU, and the mean test skills of the cell and of the GRU.",
        *([f"Is it better there, too? {', '.join(map(plain, others))}."] if others else []),
        f"{PLACEBO} is the GRU from other initial weights: whatever is said of it is chance.",
        f"All claims stand in the ledger of this run. {BOUNDS[confirmation.control]}",
    ]
    for line in lines:
        out.print(line, soft_wrap=True)


def _line(confirmation: Confirmation, subject: Subject, others: list[str]) -> list[str]:
    hearing = confirmation.columns[BASELINE][subject.name]
    return [
        "" if subject.rank is None else str(subject.rank),
        plain(subject.name),
        hearing.ruling.value,
        str(hearing.count),
        *(_task(hearing, task) for task in hearing.pairs),
        *(_holds(confirmation.columns[column].get(subject.name)) for column in others),
        ", ".join(subject.stability.flags) or "fine",
    ]


def _task(hearing: Hearing, task: str) -> str:
    ours, theirs = hearing.skills(task)
    return f"{score(hearing, task)} {ours:.3f} {theirs:.3f}"


def _holds(hearing: Hearing | None) -> str:
    if hearing is None or not hearing.count:
        return "-"
    return HOLDS.get(hearing.ruling, hearing.ruling.value)
