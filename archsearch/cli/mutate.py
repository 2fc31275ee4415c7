"""`archsearch mutate`."""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np

from archsearch.actions.cells import find_cell
from archsearch.actions.census import Census, take_census
from archsearch.cell import Cell, load_space
from archsearch.cli.options import json_option, runs_option, seed_option
from archsearch.cli.printing import console, print_json
from archsearch.cli.tables import Column, print_table
from archsearch.mutations import MAGNITUDES, MUTATIONS, children
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
@click.option(
    "--census", "counted", is_flag=True, help="Count what children in chains of 1 to 4 gain, lose and use."
)
@json_option
def mutate(
    cell: str,
    runs: Path,
    space: str,
    magnitude: str,
    seed: int | None,
    count: int,
    counted: bool,
    as_json: bool,
) -> None:
    """Make children of a cell, and say what made them."""
    parent, loaded, rng = find_cell(cell, runs).cell, load_space(space), np.random.default_rng(seed or 0)
    if counted:
        _print_census(parent, take_census(parent, loaded, rng, count, magnitude), as_json)
        return
    drawn = children(parent, loaded, rng, count, magnitude)
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


def _print_census(parent: Cell, census: Census, as_json: bool) -> None:
    if as_json:
        print_json({"parent": parent.id, **vars(census)})
        return
    rows = [
        ("children", census.children),
        ("draws", census.draws),
        ("with more states than their parent", census.gained),
        ("with fewer", census.lost),
        ("states at most", census.most_states),
        *((f"not to be trained: {fault}", count) for fault, count in sorted(census.faults.items())),
        ("with the outputs of an earlier one", census.alike),
        *((f"made by {name}", census.operators[name]) for name in MUTATIONS if name in census.operators),
        *((f"with {name}", count) for name, count in sorted(census.ops.items())),
    ]
    columns = [Column("children"), Column("count", right=True)]
    print_table(console(), columns, [[words, f"{count:,}"] for words, count in rows])
