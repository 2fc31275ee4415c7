"""`archsearch cells`."""

from __future__ import annotations

import click

from archsearch.cell import library
from archsearch.cli.board import polynomial
from archsearch.cli.common import console, json_option, plain, print_json, table


@click.command(epilog="Example: archsearch cells")
@json_option
def cells(as_json: bool) -> None:
    """List the published cells of the library."""
    loaded = {name: library.load(name) for name in library.names()}
    first = library.by_id()
    if as_json:
        rows = [
            {
                "name": name,
                "id": cell.id,
                "states": len(cell.states),
                "parameters": dict(zip(("n2", "n"), cell.polynomial, strict=True)),
                "note": list(cell.note),
            }
            for name, cell in loaded.items()
        ]
        print_json({"cells": rows})
        return
    made = table(("name", "left"), ("id", "left"), ("states", "right"), ("parameters", "right"), ("what it is", "left"))
    for name, cell in loaded.items():
        about = cell.note[0] if cell.note else ""
        about = about if first[cell.id] == name else f"the same cell as {first[cell.id]}: {about}"
        made.add_row(name, cell.id[:9], str(len(cell.states)), polynomial(cell.polynomial), plain(about))
    console().print(made)
