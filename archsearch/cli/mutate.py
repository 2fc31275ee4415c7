"""`archsearch mutate`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click
import numpy as np

from archsearch.actions.cells import find_cell
from archsearch.actions.census import Census, take_census
from archsearch.actions.census_trials import Passes, train_children
from archsearch.cell import Cell, load_space
from archsearch.cli.options import json_option, runs_option, seed_option, set_option, training_options
from archsearch.cli.printing import console, note, print_json, progress_line
from archsearch.cli.tables import Column, print_table
from archsearch.errors import InputError
from archsearch.mutations import MAGNITUDES, MUTATIONS, children
from archsearch.protocol.loading import parse_change
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
@click.option(
    "--train",
    "preset",
    metavar="NAME|FILE.toml",
    help="Train them, too: how many pass filter and gates of this preset? Takes seconds a child.",
)
@set_option
@training_options
@json_option
def mutate(
    cell: str,
    runs: Path,
    space: str,
    magnitude: str,
    seed: int | None,
    count: int,
    counted: bool,
    preset: str | None,
    said: tuple[str, ...],
    data: Path | None,
    workers: int | None,
    device: str,
    as_json: bool,
) -> None:
    """Make children of a cell, and say what made them."""
    if preset is not None and not counted:
        raise InputError("--train says what it finds in a census; give --census as well")
    if preset is None and (said or data or workers is not None or device != "auto"):
        raise InputError(
            "--set, --data, --workers and --device are for what trains children: --census --train PRESET"
        )
    parent, loaded, rng = find_cell(cell, runs).cell, load_space(space), np.random.default_rng(seed or 0)
    if counted:
        census, passes = take_census(parent, loaded, rng, count, magnitude), None
        if preset is not None:
            with progress_line("training:", "children") as progressed:
                passes = train_children(
                    census.sound,
                    preset=preset,
                    changes=dict(parse_change(text) for text in said),
                    data=data,
                    workers=workers,
                    device=device,
                    priced=lambda trained, cost: note(f"Training {trained:,} children: {cost}."),
                    progressed=progressed,
                )
        _print_census(parent, census, passes, as_json)
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


def _print_census(parent: Cell, census: Census, passes: Passes | None, as_json: bool) -> None:
    if as_json:
        trained = {} if passes is None else {"trained": asdict(passes)}
        print_json({"parent": parent.id, **census.as_document(), **trained})
        return
    rows = [
        ("children", census.children),
        ("draws", census.draws),
        ("with more states than their parent", census.gained),
        ("with fewer", census.lost),
        ("states at most", census.most_states),
        *((f"not to be trained: {fault}", count) for fault, count in sorted(census.faults.items())),
        ("with the outputs of an earlier one", census.alike),
        *(_rows(passes) if passes else ()),
        *((f"made by {name}", census.operators[name]) for name in MUTATIONS if name in census.operators),
        *((f"with {name}", count) for name, count in sorted(census.ops.items())),
    ]
    columns = [Column("children"), Column("count", right=True)]
    print_table(console(), columns, [[words, f"{count:,}"] for words, count in rows])


def _rows(passes: Passes) -> list[tuple[str, int]]:
    """Return what is said of trained children."""
    return [
        (f"too narrow for preset {passes.preset}", passes.too_narrow),
        ("trained", passes.trained),
        *([] if passes.filter is None else [("pass the filter", passes.filter)]),
        *((f"pass the gate of {task}", count) for task, count in passes.gates.items()),
        *([("not evaluated", passes.not_evaluated)] if passes.not_evaluated else []),
    ]
