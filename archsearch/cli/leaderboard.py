"""`archsearch leaderboard`."""

from __future__ import annotations

from pathlib import Path

import click

from archsearch.cli.board import print_leaderboard
from archsearch.cli.common import console, json_option, print_json, runs_option
from archsearch.store import RunStore, as_document, existing_run, read_leaderboard


@click.command(epilog="Example: archsearch leaderboard quick-1 --top 5")
@click.argument("run")
@runs_option
@click.option(
    "--top",
    metavar="N",
    type=click.IntRange(min=1),
    default=10,
    show_default=True,
    help="Ranks; the table also has all references.",
)
@json_option
def leaderboard(run: str, runs: Path, top: int, as_json: bool) -> None:
    """Show what a run found, beside the published cells and the noise."""
    folder = existing_run(run, runs)
    store = RunStore.open(folder)
    try:
        board = read_leaderboard(store, folder.name)
    finally:
        store.close()
    if as_json:
        print_json(as_document(board, top))
    else:
        print_leaderboard(console(), board, top)
