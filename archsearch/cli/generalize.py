"""`archsearch study generalize`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from archsearch.actions.cells import load_cells
from archsearch.cli.options import (
    cells_option,
    check_positive,
    json_option,
    network_options,
    runs_option,
    seeds_options,
)
from archsearch.cli.printing import console, note, print_json
from archsearch.cli.tables import Column, number_text, print_table
from archsearch.protocol.records import BASELINE
from archsearch.protocol.settings import Setting
from archsearch.studies import STUDIES

if TYPE_CHECKING:
    from archsearch.studies.generalize import GeneralizeRow

FOLDER = Path("runs", "generalize")


@click.command(
    help=STUDIES["generalize"],
    epilog="Example: archsearch study generalize --cells lstm,quick-1/1 --task memorization",
)
@cells_option("tanh_rnn,lstm", more="; the GRU is beside them")
@click.option(
    "--task",
    metavar="NAME",
    default="memorization",
    show_default=True,
    help="A task with a length: memorization, arithmetic, xml, adding, order, s3, mqar …",
)
@click.option(
    "--steps",
    metavar="N",
    type=click.IntRange(min=1),
    default=2_000,
    show_default=True,
    help="Training steps, 20 streams each.",
)
@seeds_options(3, "Networks of each cell", FOLDER)
@network_options
@runs_option
@json_option
def generalize(
    cells: str,
    task: str,
    steps: int,
    trials: int,
    seed: int,
    budget: int,
    rate: float,
    folder: Path,
    runs: Path,
    as_json: bool,
) -> None:
    """Run and print the table; see `archsearch.studies.generalize`."""
    from archsearch.studies import generalize as study_of  # torch takes its time to import
    from archsearch.studies.conditions import check_task_with_length

    check_task_with_length(task)
    check_positive(rate=rate)
    subjects = load_cells(f"{BASELINE},{cells}", runs)
    plan = study_of.GeneralizePlan(task, steps, Setting("adamw", rate, 1.0, 1.0, layers=1, budget=budget))
    ended = {}
    with console(error=True).status("starting") as status:
        for name, cell in subjects.items():

            def reported(run: int, updates: int, name: str = name) -> None:
                status.update(f"{name}, run {run - seed + 1} of {trials}: {updates:,} steps")

            seeds = range(seed, seed + trials)
            ended[name] = study_of.run_generalizations(cell, plan, seeds, folder, reported)
    rows = study_of.generalize_rows(ended, BASELINE)
    if as_json:
        print_json({"task": task, "steps": steps, "rows": msgspec.to_builtins(rows)})
    else:
        _print(rows)


def _print(rows: list[GeneralizeRow]) -> None:
    names = list(rows[0].skills)
    columns = [
        Column("cell", least=8),
        Column("figure"),
        *(Column(name, right=True) for name in names),
        Column("products", right=True, drop=2),
        Column("µs a step", right=True, drop=1),
    ]
    lines = []
    for row in rows:
        skills = [number_text(row.skills.get(name), ".2f") for name in names]
        ratios = [number_text(row.ratios.get(name), ".2f") for name in names]
        lines.append([row.cell, "skill", *skills, f"{row.products:,}", f"{row.microseconds:.1f}"])
        lines.append(["", "/ gru", *ratios, "", ""])
    print_table(console(), columns, lines)
    note(
        "Skill: 0 without memory, 1 at the ceiling, on fresh data: as trained; twice and ten times as long; with a share of "
        "the input symbols replaced (of real numbers: with noise of that deviation); and shifted: low digits, early letters "
        "and small numbers are commoner. Products: multiplications of a step. µs: measured, one stream."
    )
