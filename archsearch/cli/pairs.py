"""Options of the commands that train pairs."""

from __future__ import annotations

import click

from archsearch.cli.options import Command
from archsearch.protocol.claims import PAIRS, SETTINGS


def pair_options(command: Command) -> Command:
    """Add what every command that trains pairs takes: --pairs, --settings and --max-time."""
    pairs = click.option(
        "--pairs",
        metavar="N",
        type=click.IntRange(min=1),
        default=PAIRS,
        show_default=True,
        help="Pairs of a claim, after which it ends without a verdict.",
    )
    settings = click.option(
        "--settings",
        metavar="K",
        type=click.IntRange(min=1),
        default=SETTINGS,
        show_default=True,
        help="Settings of a pair; the best counts.",
    )
    time = click.option("--max-time", metavar="TIME", help="Time after which it stops: 90s, 30m, 2h.")
    return pairs(settings(time(command)))
