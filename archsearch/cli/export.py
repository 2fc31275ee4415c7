"""`archsearch export`."""

from __future__ import annotations

from pathlib import Path

import click

from archsearch.actions.export import export_cell, weights_beside
from archsearch.cli.options import runs_option
from archsearch.cli.printing import note
from archsearch.exporters import EXPORTERS
from archsearch.words import plain


@click.command(epilog="Example: archsearch export quick-1/1 -o cell.py")
@click.argument("cell")
@click.option(
    "--format",
    "format_",
    type=click.Choice(list(EXPORTERS)),
    help="What to write; otherwise the file's ending says it.",
)
@click.option(
    "-o", "--output", metavar="FILE", required=True, type=click.Path(path_type=Path), help="File to write."
)
@click.option("--name", help="What to call the cell, and so the class; otherwise its own name.")
@click.option(
    "--weights",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Trained weights of a Recurrent, as safetensors, to write again for the module's class, beside it.",
)
@click.option("--force", is_flag=True, help="Replace the file if it exists.")
@runs_option
def export(
    cell: str,
    format_: str | None,
    output: Path,
    name: str | None,
    weights: Path | None,
    force: bool,
    runs: Path,
) -> None:
    """Write a cell as a torch module, text, JSON, picture or equations.

    An exported module stands alone: it needs torch and nothing of archsearch, and is run and compared before it is written.
    """
    path = export_cell(cell, output, format_, force=force, runs=runs, name=name, weights=weights)
    note(plain(f"wrote {path}"))
    if weights is not None:
        note(plain(f"wrote {weights_beside(path)}"))
