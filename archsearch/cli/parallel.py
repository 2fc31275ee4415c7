"""`archsearch study parallel`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from archsearch.actions.cells import load_cells
from archsearch.cli.figures import check_figure, figure_option, write_figure
from archsearch.cli.options import (
    cells_option,
    check_positive,
    json_option,
    network_options,
    runs_option,
    seeds_options,
    whole_numbers,
)
from archsearch.cli.printing import console, note, print_json
from archsearch.cli.tables import Column, number_text, print_table
from archsearch.errors import InputError
from archsearch.protocol.settings import Setting
from archsearch.studies import STUDIES

if TYPE_CHECKING:
    from archsearch.studies.parallel import Medians, ParallelRow

FOLDER = Path("runs", "parallel")
SHORTEST, LONGEST = 2, 16_384
SHOWN = 8
"""Names of the front that are printed; --json has all."""


@click.command(
    help=STUDIES["parallel"],
    epilog="Example: archsearch study parallel --cells gru,mingru,quick-1/1 --lengths 64,256 --steps 300",
)
@cells_option("tanh_rnn,gru,mingru")
@click.option(
    "--task",
    metavar="NAME",
    default="s3",
    show_default=True,
    help="What is trained, and read where steps are counted; a task with a length.",
)
@click.option(
    "--lengths",
    metavar="A,B,C",
    default="64,256,1024",
    show_default=True,
    help="T, of the sequences that Newton's method solves.",
)
@click.option(
    "--most",
    metavar="K",
    type=click.IntRange(min=1),
    default=64,
    show_default=True,
    help="Newton steps at most.",
)
@click.option(
    "--steps",
    metavar="N",
    type=click.IntRange(min=0),
    default=700,
    show_default=True,
    help="Training steps, 20 streams each; 0 measures initial weights alone.",
)
@seeds_options(3, "Networks of each cell", FOLDER, option="--draws")
@network_options
@figure_option("Draw Newton steps against the length there")
@figure_option("Draw what cells can do against the Newton steps that they need there", "--map")
@runs_option
@json_option
def parallel(
    cells: str,
    task: str,
    lengths: str,
    most: int,
    steps: int,
    draws: int,
    seed: int,
    budget: int,
    rate: float,
    folder: Path,
    figure: Path | None,
    map: Path | None,
    runs: Path,
    as_json: bool,
) -> None:
    """Run and print the table; see `archsearch.studies.parallel`."""
    from archsearch.studies import parallel as study_of  # torch takes its time to import
    from archsearch.studies.conditions import check_task_with_length

    check_task_with_length(task)
    wanted = whole_numbers("--lengths", lengths, (SHORTEST, LONGEST), "64,256")
    check_positive(rate=rate)
    check_figure(figure)
    check_figure(map, "--map")
    if map is not None and not steps:
        raise InputError("--map draws what trained cells can do, and --steps 0 trains none")
    subjects = load_cells(cells, runs)
    for cell in subjects.values():
        study_of.check_whole_gradient(cell)
    setting = Setting("adamw", rate, 1.0, 1.0, layers=1, budget=budget)
    plan = study_of.ParallelPlan(task, steps, setting, tuple(wanted), most)
    rows = []
    with console(error=True).status("starting") as status:
        for name, cell in subjects.items():

            def reported(run: int, updates: int, name: str = name) -> None:
                status.update(f"{name}, run {run - seed + 1} of {draws}: {updates:,} steps")

            ended = study_of.run_parallels(cell, plan, range(seed, seed + draws), folder, reported)
            rows.append(study_of.parallel_row(name, cell, ended))
    if figure is not None:
        from archsearch.studies.parallel_figure import parallel_picture

        write_figure(parallel_picture(rows, most), figure)
    if map is not None:
        from archsearch.studies.parallel_map import parallel_map

        write_figure(parallel_map(rows, most), map, "--map")
    front = [row.cell for row in study_of.parallel_front(rows)]
    if as_json:
        about = {"task": task, "steps": steps, "most": most}
        print_json({**about, "rows": msgspec.to_builtins(rows, str_keys=True), "front": front})
    else:
        _print(rows, most)
        if len(front) > 1:
            more = f" and {len(front) - SHOWN} more" if len(front) > SHOWN else ""
            note(
                "None does better on the longer sequences and needs fewer steps at "
                f"T={wanted[-1]:,}: {', '.join(front[:SHOWN])}{more}."
            )


def _print(rows: list[ParallelRow], most: int) -> None:
    columns = [
        Column("cell", least=8),
        Column("weights"),
        *(Column(f"T={length:,}", right=True) for length in rows[0].before.steps),
        Column("exponent", right=True),
        Column("skill", right=True),
        Column("x10", right=True),
        Column("Jacobian", drop=1),
        Column("width", right=True, drop=2),
        Column("s a run", right=True, drop=3),
    ]
    lines = []
    for row in rows:
        about = [row.jacobian, str(row.units), f"{row.seconds:.1f}"]
        lines.append([row.cell, "initial", *_measured(row.before, most), "", "", *about])
        if row.skills:
            skills = [number_text(skill, ".2f") for skill in row.skills.values()]
            found = _measured(row.after, most) if row.after else ["-"] * (len(row.before.steps) + 1)
            lines.append(["", "trained", *found, *skills, "", "", ""])
    print_table(console(), columns, lines)
    for row in rows:
        if row.diverged:
            note(
                f"{row.cell}: {row.diverged} of {row.runs} networks diverged, and count in the skills alone, as 0."
            )
    note(
        "T: Newton steps until the states of so many steps agree with those computed one after another, to 1e-4, from a "
        "guess of zeros. Exponent: the largest of Lyapunov, nats a step; below 0 states forget. Medians of the networks. "
        "Skill: as trained; x10: on sequences ten times as long."
    )


def _measured(found: Medians, most: int) -> list[str]:
    steps = [f">{most}" if value is None else f"{value:g}" for value in found.steps.values()]
    return [*steps, "-" if found.exponent is None else f"{found.exponent:+.3f}"]
