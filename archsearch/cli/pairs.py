"""What the commands that train pairs have alike: their options, and how they show how far they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

from archsearch.actions.verdict_words import scores
from archsearch.cli.options import Command
from archsearch.cli.printing import console, note
from archsearch.protocol.claims import PAIRS
from archsearch.protocol.hearing import Hearing


@contextmanager
def pairs_shown(most: int, lines: bool = True) -> Iterator[Callable[[Hearing, int, int], None]]:
    """Show on standard error how far a hearing is: on a terminal by a line that changes, else by a line for every pair.

    Args:
        most: Pairs that a claim may take.
        lines: Whether there are lines where there is no terminal.
    """
    shown: set[tuple[tuple[str, str], int]] = set()
    with (errors := console(error=True)).status("starting workers") as status:
        is_piped = lines and not errors.is_terminal

        def heard(hearing: Hearing, done: int, of: int) -> None:
            which = f"{' against '.join(hearing.names)}, pair"
            status.update(
                f"{which} {hearing.count + 1} of at most {most}: {done} of {of} trials ({scores(hearing)})"
            )
            if is_piped and hearing.count and (hearing.names, hearing.count) not in shown:
                shown.add((hearing.names, hearing.count))
                note(f"{which} {hearing.count} of at most {most}: {scores(hearing)}")

        yield heard


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
