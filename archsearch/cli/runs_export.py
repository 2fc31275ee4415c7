"""`archsearch runs export`."""

from __future__ import annotations

from pathlib import Path

import click

from archsearch.actions.candidates import candidates_bytes, check_ending
from archsearch.cli.options import runs_option
from archsearch.cli.printing import note
from archsearch.errors import InputError
from archsearch.files import write_whole
from archsearch.store import RunStore, existing_run


@click.command("export", epilog="Example: archsearch runs export quick-1 -o candidates.jsonl")
@click.argument("run")
@click.option(
    "-o",
    "--output",
    metavar="FILE.jsonl",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file, a line of JSON for each cell; or FILE.parquet, a row for each trial, with pyarrow.",
)
@click.option("--force", is_flag=True, help="Replace a file that is there.")
@runs_option
def runs_export(run: str, output: Path, force: bool, runs: Path) -> None:
    """Write all cells of a run as a file.

    Each has its scores, settings and curves, for other programs; the first line is the run's plan. Test scores are left
    out, so that what learns from the file may propose cells.
    """
    folder = existing_run(run, runs)
    check_ending(output)
    if output.exists() and not force:
        raise InputError(f"{output} is there already; --force replaces it")
    if not output.parent.is_dir():
        raise InputError(f"-o {output}: no folder {output.parent}; make it first")
    with RunStore.open(folder) as store, store.database.moment():
        content = candidates_bytes(store, folder.name, output)
    try:
        write_whole(output, content)
    except OSError as error:
        raise InputError(f"-o {output}: {error.strerror}") from None
    note(f"{output}: {len(content) / 2**20:.1f} MiB")
