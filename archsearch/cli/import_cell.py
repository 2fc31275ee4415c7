"""`archsearch import`, whose word Python keeps for itself."""

from __future__ import annotations

import os
from pathlib import Path

import click

from archsearch.actions.cells import STDIN, STREAM, is_stream
from archsearch.cell import Cell, library
from archsearch.cell.cell import cell_text
from archsearch.cli.options import json_option
from archsearch.cli.printing import console, note, print_json
from archsearch.cli.tables import Column, print_table
from archsearch.errors import InputError
from archsearch.exporters import export
from archsearch.genotypes import SOURCES
from archsearch.genotypes import import_cell as imported
from archsearch.words import plain, short_id


def _forms() -> str:
    """Return what each source is, a line each."""
    width = max(map(len, SOURCES))
    return "\n".join(f"  {name:<{width}}  {source.about}" for name, source in SOURCES.items())


@click.command(
    "import", epilog=f"\b\nSources:\n{_forms()}\n\nExample: archsearch import DARTS_V2 -o darts_v2.cell"
)
@click.argument("what", required=False)
@click.option(
    "-o",
    "--output",
    metavar="FILE.cell",
    type=click.Path(path_type=Path),
    help="File to write, not to print.",
)
@click.option("--force", is_flag=True, help="Replace the file if it exists.")
@click.option("--list", "listed", is_flag=True, help="List the published names that WHAT can be.")
@json_option
def import_cell(what: str | None, output: Path | None, force: bool, listed: bool, as_json: bool) -> None:
    """Make a cell of a published genotype, string, recipe or class.

    WHAT is a published name, the text of a cell in a form of its source, a file with such a text, or - for standard input.
    What is printed is a .cell file. The text is read as plain values: nothing of it is executed.
    """
    if listed == (what is not None):
        raise InputError(
            "give either what to import, such as DARTS_V2, or --list, which lists the published names"
        )
    if what is None:
        _list(as_json)
        return
    cell = imported(_text(what))
    if output is not None:
        note(plain(f"wrote {export(cell, 'cell', output, force=force)}"))
    published = library.by_id().get(cell.id)
    if as_json:
        print_json({"id": cell.id, "name": cell.name, "published": published, "text": cell.text()})
    elif output is None:
        out = console()
        for line in cell.text().splitlines():
            out.print(line, soft_wrap=True)
        facts = [f"id          {cell.id}", *([f"published   {published}"] if published else [])]
        out.print("", *(f"# {fact}" for fact in facts), sep="\n", soft_wrap=True)


def _text(what: str) -> str:
    """Return a name or text as it is, or what is in the file or stream of that name."""
    if what == STDIN or is_stream(what):
        return cell_text(Path(STREAM if what == STDIN else what))
    names = {name for source in SOURCES.values() for name in source.names}
    return cell_text(Path(what)) if what not in names and os.path.isfile(what) else what


def _list(as_json: bool) -> None:
    """Print every published name."""
    rows = [_row(source, name) for source, row in SOURCES.items() for name in row.names]
    if as_json:
        print_json({"names": rows, "sources": {name: source.about for name, source in SOURCES.items()}})
        return
    columns = [Column("name"), Column("source", drop=1), Column("id"), Column("what it is", least=16)]
    lines = [[row["name"], row["source"], short_id(row["id"]), row["about"]] for row in rows]
    print_table(console(), columns, lines)


def _row(source: str, name: str) -> dict[str, str]:
    cell: Cell = imported(name)
    return {"name": name, "source": source, "id": cell.id, "about": plain(" ".join(cell.note))}
