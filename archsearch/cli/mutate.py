"""`archsearch mutate`."""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np

from archsearch.actions.cells import find_cell
from archsearch.cell import load_space
from archsearch.cli.options import json_option, runs_option, seed_option
from archsearch.cli.printing import console, print_json
from archsearch.mutations import MAGNITUDES, children
from archsearch.words import polynomial


@click.command(epilog="Example: archsearch mutate gru --seed 3 --count 2")
@click.argument("cell")
@runs_option
@click.option(
    "--space",
    default="jozefowicz2015",
    show_default=True,
    metavar="NAME|FILE.toml",
    help="What cells are made of.",
)
@click.option(
    "--magnitude",
    type=click.Choice(list(MAGNITUDES)),
    default="per_node",
    show_default=True,
    help="How much changes.",
)
@seed_option
@click.option(
    "--count",
    metavar="N",
    type=click.IntRange(min=1, max=10_000),
    default=5,
    show_default=True,
    help="Children.",
)
@json_option
def mutate(
    cell: str, runs: Path, space: str, magnitude: str, seed: int | None, count: int, as_json: bool
) -> None:
    """Make children of a cell, and say what made them."""
    parent, loaded = find_cell(cell, runs).cell, load_space(space)
    drawn = children(parent, loaded, np.random.default_rng(seed or 0), count, magnitude)
    if as_json:
        rows = [
            {"id": child.cell.id, "text": child.cell.text(), "mutations": list(map(str, child.applied))}
            for child in drawn
        ]
        print_json({"parent": parent.id, "children": rows})
        return
    out = console()
    for child in drawn:
        for mutation in child.applied:
            out.print(f"# {mutation}", soft_wrap=True)
        lines = child.cell.renamed(child.cell.name, ()).text().splitlines()
        lines[0] += f"      # {polynomial(child.cell.polynomial)} parameters"
        out.print(*lines, "", sep="\n", soft_wrap=True)
