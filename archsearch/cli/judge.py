"""`archsearch judge`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
from msgspec import UNSET

from archsearch.actions.cells import load_cell
from archsearch.cli.options import json_option, runs_option, training_options
from archsearch.cli.pairs import pair_options
from archsearch.cli.printing import console, print_json
from archsearch.cli.tables import Column, print_table
from archsearch.protocol.claims import MARGIN
from archsearch.protocol.duration import parse_duration
from archsearch.words import plain

if TYPE_CHECKING:
    from archsearch.actions.judge import Hearing
    from archsearch.protocol.equality import Equal

FRESH = "fresh data, initial weights and settings"
"""What a pair does not share with any other."""

EQUAL = {"width": "width", "flops": "FLOPs", "time": "time"}
"""What `--equal` is called in a sentence."""


@click.command(epilog="Example: archsearch judge mut1 gru --task arithmetic --pairs 20")
@click.argument("a")
@click.argument("b")
@click.option(
    "--task",
    "tasks",
    metavar="TASK",
    multiple=True,
    help="A task of the preset, also as xml@30k, text:FILE or FILE.py:NAME; may be repeated.  "
    "[default: those that the preset searches with]",
)
@click.option(
    "--preset",
    default="quick",
    show_default=True,
    metavar="NAME|FILE.toml",
    help="How the cells are measured.",
)
@pair_options
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
    settings: int,
    scale: float,
    equal: Equal,
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
    from archsearch.actions.judge import hear  # scipy takes its time to import

    cells = load_cell(a, runs), load_cell(b, runs)
    with console(error=True).status("starting workers") as status:

        def heard(hearing: Hearing, done: int, of: int) -> None:
            score = ", ".join(
                f"{plain(task)} {found.wins}:{found.losses}" for task, found in hearing.evidence.items()
            )
            status.update(f"pair {hearing.count + 1} of at most {pairs}: {done} of {of} trials ({score})")

        hearing = hear(
            *cells,
            tasks=tasks,
            preset=preset,
            pairs=pairs,
            settings=settings,
            scale=scale,
            equal=equal,
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
    for sentence in _sentences(hearing):
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
        "-" if ratio is None else f"{ratio:.2f}",
    ]


def _fortune(log: float) -> str:
    """Return a fortune, a large one by its power of ten."""
    return f"{math.exp(log):.3g}" if log < math.log(1e5) else f"1e{log / math.log(10):.0f}"


def _sentences(hearing: Hearing) -> list[str]:
    """Return what is said of the cells, in whole sentences."""
    from archsearch.actions.judge import files_among

    a, b = hearing.names
    where = _listed(list(hearing.pairs))
    if hearing.scale != 1:
        where += f", at {hearing.scale:g} times the preset's parameters and steps"
    if hearing.equal != "parameters":
        where += f", at equal {EQUAL[hearing.equal]}"
    after = "1 pair" if hearing.count == 1 else f"{hearing.count} pairs"
    said = {
        "better": f"{a} is better than {b} on {where}, after {after} of {FRESH}.",
        "worse": f"{a} is worse than {b} on {where}, after {after} of {FRESH}.",
        "no difference": f"{a} and {b} differ by no more than {hearing.margin:g} of skill on {where}, after {after}.",
        "not told apart": f"{a} and {b} are not told apart on {where} after {after}. {_outlook(hearing)}",
    }[hearing.ruling.value]
    ledger = (
        f"Claim {hearing.number} of your ledger: E must reach {1 / hearing.level:,.0f} on every task. The chance that any "
        f'of its claims is ever called "better" falsely is at most 5 %, however many there will be.'
    )
    files = [
        f"{task} is a file and has no fresh data: its pairs vary initial weights and settings alone, "
        "and the verdict speaks of this text."
        for task in files_among(hearing)
    ]
    return [said, *_terms(hearing), *files, ledger]


def _terms(hearing: Hearing) -> list[str]:
    """Return what the first cell costs for each of the second's, where that is not the same parameters."""
    if hearing.claim.equal is UNSET:
        return []
    ratios: dict[str, list[float]] = {}
    for terms in hearing.claim.equal.terms:
        ratios.setdefault(terms.task, []).append(terms.ratio)
    shown = _listed([f"{sum(those) / len(those):.2f} on {task}" for task, those in ratios.items()])
    a, b = hearing.names
    cost = {
        "width": f"{a} has so many times the parameters of {b}",
        "flops": f"A step of {a} takes so many times the operations of {b}'s",
        "time": f"A step of {a} takes so many times as long as {b}'s, as measured when the claim was made",
    }[hearing.claim.equal.what]
    return [f"{cost}: {shown}."]


def _outlook(hearing: Hearing) -> str:
    """Return what more pairs would bring."""
    if hearing.is_split:
        better, worse = (
            _listed(
                [task for task, found in hearing.evidence.items() if sign * (found.wins - found.losses) > 0]
            )
            for sign in (1, -1)
        )
        a, b = hearing.names
        return f"{a} is ahead on {better} and {b} on {worse}: more pairs bring no verdict on all of them."
    if hearing.needed is None:
        return "As wins and losses stand, no number of pairs would bring a verdict."
    return (
        f"If wins and losses went on like this, about {hearing.needed} pairs would: --pairs {hearing.needed}."
    )


def _listed(names: Sequence[str]) -> str:
    """Return names as a sentence lists them."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
