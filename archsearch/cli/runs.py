"""`archsearch runs`."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from archsearch.actions.board_words import ratio_text
from archsearch.actions.host_checks import size
from archsearch.actions.status import RunStatus, run_statuses
from archsearch.cli.options import json_option, runs_option
from archsearch.cli.printing import console, note, print_json
from archsearch.cli.runs_export import runs_export
from archsearch.cli.runs_merge import runs_merge
from archsearch.cli.tables import Column, print_table

COLUMNS = [
    Column("run", least=12),
    Column("state"),
    Column("preset", drop=3, least=8),
    Column("seed", right=True, drop=4),
    Column("steps", right=True),
    Column("best", right=True),
    Column("began", drop=2),
    Column("size", right=True, drop=5),
    Column("searched", drop=1, least=20),
]


@click.group(invoke_without_command=True, epilog="Example: archsearch runs --json")
@runs_option
@json_option
@click.pass_context
def runs(ctx: click.Context, runs: Path, as_json: bool) -> None:
    """List the runs, the newest first: what each is doing, and its best."""
    if ctx.invoked_subcommand is not None:
        return
    found = run_statuses(runs)
    if as_json:
        print_json(msgspec.to_builtins(found))
    elif not found:
        note(f"No runs in {runs}; 'archsearch evolve' makes one.")
    else:
        print_table(console(), COLUMNS, [_row(status) for status in found])


runs.add_command(runs_export)
runs.add_command(runs_merge)


def _row(status: RunStatus) -> list[str]:
    return [
        status.run,
        status.state,
        status.preset,
        "" if status.fault else status.seeds,
        "" if status.fault else str(status.told),
        "" if status.best is None else ratio_text(status.best, 3),
        status.began,
        size(status.bytes),
        f"by {status.searcher}" if status.searcher else f"on {status.host}" if status.host else "",
    ]
