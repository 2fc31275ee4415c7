"""`archsearch runs merge`."""

from __future__ import annotations

from pathlib import Path

import click

from archsearch.cli.options import runs_option
from archsearch.cli.printing import note, pointer
from archsearch.store import RunStore, existing_run, run_folder
from archsearch.store.merging import merge_runs


@click.command("merge", epilog="Example: archsearch runs merge quick-1 quick-2 -o quick-both")
@click.argument("sources", metavar="RUN RUN...", nargs=-1, required=True)
@click.option("-o", "--output", metavar="NEW", required=True, help="Name or path of the merged run.")
@runs_option
def runs_merge(sources: tuple[str, ...], output: str, runs: Path) -> None:
    """Join runs that differ in their seeds alone into one.

    It has one leaderboard, and one ledger of the referee's claims: those of all runs count against one chance of being
    wrong. The runs are only read; none may be searched in meanwhile. Their order does not matter.
    """
    folder = run_folder(output, runs)
    parts = merge_runs([existing_run(source, runs) for source in sources], folder)
    with RunStore.open(folder) as store:
        told, candidates = store.standings.told_and_candidates()
    note(
        f"{folder}: {len(parts)} runs, {told:,} steps, {candidates:,} candidates.  "
        f"archsearch leaderboard {pointer(folder)}"
    )
