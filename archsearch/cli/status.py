"""`archsearch status`."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from archsearch.actions.status import run_status, status_lines
from archsearch.cli.options import json_option, runs_option
from archsearch.cli.printing import print_json
from archsearch.errors import StoreError
from archsearch.store import existing_run
from archsearch.words import plain


@click.command(epilog="Example: archsearch status quick-1")
@click.argument("run")
@runs_option
@json_option
def status(run: str, runs: Path, as_json: bool) -> int:
    """Say what a run is doing: phase, rate, time left, failures by cause.

    It reads only, so a search in the run goes on undisturbed. Exits with 4 if the records cannot be read.
    """
    found = run_status(existing_run(run, runs))
    if as_json:
        print_json(msgspec.to_builtins(found))
    else:
        for heading, text in status_lines(found).items():
            click.echo(plain(f"{heading:<9}  {text}"))
    return StoreError.exit_code if found.fault else 0
