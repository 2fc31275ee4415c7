"""`archsearch leaderboard`."""

from __future__ import annotations

from pathlib import Path

import click

from archsearch.actions.front import COSTS, Cost, front_document, read_front
from archsearch.cli.board import print_leaderboard
from archsearch.cli.front import print_front
from archsearch.cli.options import json_option, runs_option, top_option
from archsearch.cli.printing import console, print_json
from archsearch.store import RunStore, as_document, existing_run, read_leaderboard


@click.command(epilog="Example: archsearch leaderboard quick-1 --top 5")
@click.argument("run")
@runs_option
@top_option(10, "Ranks; the table also has all references.")
@click.option(
    "--front",
    type=click.Choice(COSTS),
    is_flag=False,
    flag_value=COSTS[0],
    help="The cells that none beats at their cost instead, against parameters unless told otherwise.",
)
@json_option
def leaderboard(run: str, runs: Path, top: int, front: Cost | None, as_json: bool) -> None:
    """Show what a run found, beside the published cells and the noise."""
    folder = existing_run(run, runs)
    with RunStore.open(folder) as store:
        if front is not None:
            found = read_front(store, folder.name, front)
            if as_json:
                print_json(front_document(found))
            else:
                print_front(console(), found)
            return
        board = read_leaderboard(store, folder.name)
    if as_json:
        print_json(as_document(board, top))
    else:
        print_leaderboard(console(), board, top)
