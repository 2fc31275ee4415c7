"""`archsearch export`."""

from __future__ import annotations

from pathlib import Path

import click

from archsearch.actions.export import export_cell, exported_text, weights_beside
from archsearch.cli.options import runs_option
from archsearch.cli.printing import note
from archsearch.errors import InputError
from archsearch.exporters import EXPORTERS
from archsearch.words import plain

STDOUT = Path("-")


def _formats() -> str:
    """Return what each format is, a line each."""
    width = max(map(len, EXPORTERS))
    return "\n".join(f"  {name:<{width}}  {row.about}" for name, row in EXPORTERS.items())


@click.command(epilog=f"\b\nFormats:\n{_formats()}\n\nExample: archsearch export mut1 -o mut1.py")
@click.argument("cell")
@click.option(
    "--format",
    "format_",
    type=click.Choice(list(EXPORTERS)),
    help="What to write; otherwise the file's ending says it.",
)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    required=True,
    type=click.Path(path_type=Path),
    help="File to write; - is standard output.",
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
    if output == STDOUT:
        if format_ is None:
            raise InputError(f"-o -: which format? Give --format {'|'.join(EXPORTERS)}")
        if weights is not None:
            raise InputError("--weights writes a second file beside the module: give -o FILE.py")
        click.echo(exported_text(cell, format_, name=name, runs=runs), nl=False)
        return
    path = export_cell(cell, output, format_, force=force, runs=runs, name=name, weights=weights)
    note(plain(f"wrote {path}"))
    if weights is not None:
        note(plain(f"wrote {weights_beside(path)}"))
