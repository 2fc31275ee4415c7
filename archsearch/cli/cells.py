"""`archsearch cells`."""

from __future__ import annotations

import re

import click

from archsearch.cell import jacobian_class, library
from archsearch.cli.options import json_option
from archsearch.cli.printing import console, print_json
from archsearch.cli.tables import Column, print_table
from archsearch.words import plain, polynomial, short_id

SENTENCE = re.compile(r".*?\.(?=\s+\D|$)")
"""Up to a full stop; that of "et al. 2015" is none."""


def _first_sentence(note: str) -> str:
    sentence = SENTENCE.match(note)
    return sentence[0] if sentence else note


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
                "parameters": cell.coefficients,
                "jacobian": str(jacobian_class(cell)),
                "note": list(cell.note),
            }
            for name, cell in loaded.items()
        ]
        print_json({"cells": rows})
        return
    columns = [
        Column("name"),
        Column("id"),
        Column("states", right=True, drop=1),
        Column("parameters", right=True),
        Column("what it is", least=24),
    ]
    lines = []
    for name, cell in loaded.items():
        about = plain(_first_sentence(" ".join(cell.note)))
        about = about if first[cell.id] == name else f"the same cell as {first[cell.id]}: {about}"
        lines.append([name, short_id(cell.id), str(len(cell.states)), polynomial(cell.polynomial), about])
    print_table(console(), columns, lines)
