"""`archsearch confirm`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from archsearch.cli.options import json_option, runs_option, top_option, training_options
from archsearch.cli.pairs import pair_options
from archsearch.cli.printing import console, print_json
from archsearch.cli.tables import Column, print_table
from archsearch.protocol.duration import parse_duration
from archsearch.words import plain

if TYPE_CHECKING:
    from archsearch.actions.confirm import Confirmation
    from archsearch.actions.judge import Hearing


@click.command(epilog="Example: archsearch confirm quick-1 --max-time 30m")
@click.argument("run")
@pair_options
@top_option(10, "Ranks that begin.")
@runs_option
@training_options
@json_option
def confirm(
    run: str,
    pairs: int,
    max_time: str | None,
    settings: int,
    top: int,
    runs: Path,
    data: Path | None,
    workers: int | None,
    device: str,
    as_json: bool,
) -> None:
    """Judge the best cells of a run on fresh data, against the GRU and the champion.

    Of the cells that begin the better half goes on, round by round, and the last three until there is a verdict. The same
    command goes on from the pairs that are kept in the run's folder, also after Ctrl-C.
    """
    from archsearch.actions.confirm import confirm_run  # scipy takes its time to import

    with console(error=True).status("starting workers") as status:

        def heard(hearing: Hearing, done: int, of: int) -> None:
            status.update(
                f"{' against '.join(hearing.names)}, pair {hearing.count + 1}: {done} of {of} trials"
            )

        confirmation = confirm_run(
            run,
            top=top,
            pairs=pairs,
            settings=settings,
            max_seconds=parse_duration(max_time) if max_time else None,
            runs=runs,
            data=data,
            workers=workers,
            device=device,
            heard=heard,
        )
    if as_json:
        print_json(confirmation.as_document())
    else:
        _print(confirmation)


def _print(confirmation: Confirmation) -> None:
    out, hearings = console(), confirmation.hearings
    tasks = list(hearings[0].pairs)
    columns = [
        Column("claim", right=True),
        Column("cell"),
        Column("against"),
        Column("verdict"),
        Column("pairs", right=True),
        *(Column(plain(task), right=True, drop=1) for task in tasks),
    ]
    print_table(out, columns, [_line(hearing) for hearing in hearings])
    out.print(
        "For each task: pairs won and lost, and the mean difference of skill. The chance that any claim of this run is ever "
        'called "better" falsely is at most 5 %, however often it is confirmed.',
        soft_wrap=True,
    )


def _line(hearing: Hearing) -> list[str]:
    return [
        str(hearing.number),
        *map(plain, hearing.names),
        hearing.ruling.value,
        str(hearing.count),
        *(f"{found.wins}:{found.losses} {found.difference:+.3f}" for found in hearing.evidence.values()),
    ]
