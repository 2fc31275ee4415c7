"""Options of the commands that train pairs."""

from __future__ import annotations

from collections.abc import Callable

import click

from archsearch.cli.options import Command
from archsearch.protocol.claims import PAIRS


def pair_options(settings: str) -> Callable[[Command], Command]:
    """Return what adds the options of every command that trains pairs: --pairs, --settings and --max-time.

    Args:
        settings: How many settings a pair has where nothing is said, in words.
    """
    pairs = click.option(
        "--pairs",
        metavar="N",
        type=click.IntRange(min=1),
        default=PAIRS,
        show_default=True,
        help="Pairs of a claim, after which it ends without a verdict.",
    )
    number = click.option(
        "--settings",
        metavar="K",
        type=click.IntRange(min=1),
        help=f"Settings of a pair; the best counts.  [default: {settings}]",
    )
    time = click.option("--max-time", metavar="TIME", help="Time after which it stops: 90s, 30m, 2h.")

    def added(command: Command) -> Command:
        return pairs(number(time(command)))

    return added
