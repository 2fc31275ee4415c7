"""`archsearch study gradient`."""

from __future__ import annotations

import itertools
import math
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
from archsearch.protocol.settings import Setting
from archsearch.studies import STUDIES

if TYPE_CHECKING:
    from archsearch.studies.gradient import GradientRow

FOLDER = Path("runs", "gradient")
SHORTEST, LONGEST = 10, 10_000


@click.command(
    help=STUDIES["gradient"],
    epilog="Example: archsearch study gradient --cells tanh_rnn,lstm --lags 10,30,100 --figure gradient.svg",
)
@cells_option("tanh_rnn,lstm,gru")
@click.option(
    "--task",
    metavar="NAME",
    default="noise",
    show_default=True,
    help="noise, order or adding: what is trained, and read where gradients are measured.",
)
@click.option(
    "--lags",
    metavar="A,B,C",
    default="10,30,100,300,1000",
    show_default=True,
    help="Of the task, a network for each.",
)
@click.option(
    "--sequences",
    metavar="N",
    type=click.IntRange(min=0),
    default=10_000,
    show_default=True,
    help="Training sequences, 20 an update; 0 measures initial weights alone.",
)
@seeds_options(3, "Networks of each cell and lag", FOLDER)
@network_options
@click.option("--scale", type=float, metavar="S", default=1.0, show_default=True, help="Initial scale.")
@click.option(
    "--clip", type=float, metavar="C", default=1.0, show_default=True, help="Largest gradient norm."
)
@click.option("--normal", is_flag=True, help="Measure gradients on standard normal x, not the task's.")
@figure_option("Draw gradients and success against the lag there")
@runs_option
@json_option
def gradient(
    cells: str,
    task: str,
    lags: str,
    sequences: int,
    trials: int,
    seed: int,
    budget: int,
    scale: float,
    rate: float,
    clip: float,
    normal: bool,
    folder: Path,
    figure: Path | None,
    runs: Path,
    as_json: bool,
) -> None:
    """Run and print the table; see `archsearch.studies.gradient`."""
    from archsearch.studies import gradient as study_of  # torch takes its time to import
    from archsearch.studies.lags.gradient_run import GradientPlan

    study_of.check_lag_task(task)
    wanted = whole_numbers("--lags", lags, (SHORTEST, LONGEST), "10,100")
    check_positive(scale=scale, rate=rate, clip=clip)
    check_figure(figure)
    subjects = load_cells(cells, runs)
    setting = Setting("adamw", rate, clip, scale, layers=1, budget=budget)
    rows = []
    with console(error=True).status("starting") as status:
        for (name, cell), lag in itertools.product(subjects.items(), wanted):

            def reported(run: int, seen: int, name: str = name, lag: int = lag) -> None:
                status.update(f"{name}, lag {lag}, run {run - seed + 1} of {trials}: {seen:,} sequences")

            plan = GradientPlan(task, lag, sequences, setting, normal)
            ended = study_of.run_gradients(cell, plan, range(seed, seed + trials), folder, reported)
            rows.append(study_of.gradient_row(name, ended))
    if figure is not None:
        from archsearch.studies.gradient_figure import gradient_picture

        write_figure(gradient_picture(rows), figure)
    if as_json:
        print_json({"task": task, "sequences": sequences, "rows": msgspec.to_builtins(rows, str_keys=True)})
    else:
        _print(rows)


def _print(rows: list[GradientRow]) -> None:
    titles = ("lag", "width", "gradient", "trained", "solved", "skill", "diverged", "s a run")
    columns = [
        Column("cell", least=8),
        *(
            Column(title, right=True, drop={"s a run": 3, "width": 2, "diverged": 1}.get(title, 0))
            for title in titles
        ),
    ]
    print_table(console(), columns, [_line(row) for row in rows])
    note(
        "Gradient: the norm of dh_T/ds_t (largest singular value) at T - t = lag, initial weights; trained: after training "
        "on the task of that lag; medians of the runs. Solved: a skill of 0.9 on 500 fresh sequences. Beside them: a "
        "logistic unit with a weight |w| < 4 to itself has at most (|w|/4)^lag, the carousel of 1997 has 1."
    )


def _line(row: GradientRow) -> list[str]:
    return [
        row.cell,
        f"{row.lag:,}",
        str(row.units),
        *(_power(value) for value in (row.before, row.after)),
        "-" if row.solved is None else f"{round(row.solved * row.runs)} of {row.runs}",
        number_text(row.skill, ".2f"),
        str(row.diverged),
        f"{row.seconds:.1f}",
    ]


def _power(logarithm: float | None) -> str:
    """Return 10 to a power that may be beyond any number: `3.2e-412`."""
    if logarithm is None:
        return "-"
    exponent = math.floor(logarithm)
    mantissa = f"{10 ** (logarithm - exponent):.1f}"
    return f"1.0e{exponent + 1:+03d}" if mantissa == "10.0" else f"{mantissa}e{exponent:+03d}"
