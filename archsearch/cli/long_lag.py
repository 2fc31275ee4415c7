"""`archsearch study long-lag`."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from archsearch.actions.cells import load_cell
from archsearch.cli.options import json_option, runs_option
from archsearch.cli.printing import console, note, print_json
from archsearch.cli.tables import Column, number_text, print_table
from archsearch.studies import STUDIES

if TYPE_CHECKING:
    from archsearch.studies.long_lag import LagRow

FOLDER = Path("runs", "long-lag")
USUAL = "reber,2c,3a,4,6a"


@click.command(
    "long-lag",
    help=STUDIES["long-lag"],
    epilog="Example: archsearch study long-lag --experiment 6a --trials 10",
)
@click.option(
    "--experiment",
    "names",
    metavar="A,B,C",
    default=USUAL,
    show_default=True,
    help="Of those that --list prints; all for all.",
)
@click.option(
    "--cells",
    metavar="A,B,C",
    help="Cells that learn the same besides: of the library, a .cell file, or RUN/1.",
)
@click.option("--list", "listed", is_flag=True, help="Print the experiments, and run none.")
@click.option(
    "--trials",
    metavar="N",
    type=click.IntRange(min=1),
    default=10,
    show_default=True,
    help="Runs of each experiment.",
)
@click.option(
    "--seed", metavar="N", type=click.IntRange(min=0), default=0, show_default=True, help="Of the first run."
)
@click.option(
    "--max-sequences",
    metavar="N",
    type=click.IntRange(min=1),
    help="Training sequences after which a run has failed.  [default: ten times the paper's]",
)
@click.option(
    "--folder",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    default=FOLDER,
    show_default=True,
    help="Where ended runs are kept; they are not run again.",
)
@runs_option
@json_option
def long_lag(
    names: str,
    cells: str | None,
    listed: bool,
    trials: int,
    seed: int,
    max_sequences: int | None,
    folder: Path,
    runs: Path,
    as_json: bool,
) -> None:
    """Run and print the table; see `archsearch.studies.long_lag`."""
    from archsearch.studies.lags.experiments import EXPERIMENTS  # numpy takes its time to import
    from archsearch.studies.long_lag import check_experiments, lag_row, run_experiment

    wanted = list(EXPERIMENTS) if names == "all" or listed else [name.strip() for name in names.split(",")]
    check_experiments(wanted)
    if listed:
        _print([lag_row(name, []) for name in wanted], as_json)
        return
    pupils = [None, *(load_cell(cell.strip(), runs) for cell in cells.split(","))] if cells else [None]
    rows = []
    with console(error=True).status("starting") as status:

        def reported(name: str, run: int, seen: int) -> None:
            status.update(f"{name}, run {run - seed + 1} of {trials}: {seen:,} sequences")

        for name, cell in itertools.product(wanted, pupils):
            results = run_experiment(
                name, range(seed, seed + trials), folder, most=max_sequences, cell=cell, reported=reported
            )
            rows.append(lag_row(name, results, "" if cell is None else cell.name))
    _print(rows, as_json)


def _print(rows: list[LagRow], as_json: bool) -> None:
    if as_json:
        print_json({"rows": msgspec.to_builtins(rows)})
        return
    columns = [
        Column("name"),
        Column("experiment", least=20),
        Column("network", least=8),
        *(Column(title, right=True) for title in ("weights", "solved", "sequences", "the paper's")),
        Column("mean", right=True, drop=2),
        Column("wrong", right=True, drop=1),
        Column("the paper's wrong", right=True, drop=1),
        Column("s a run", right=True, drop=3),
    ]
    print_table(console(), columns, [_line(row) for row in rows])
    note(
        "Sequences: the median of the runs that met the criterion. Wrong: the share of 2,560 fresh test sequences.",
        "What the paper leaves open, and what is done here: docs/studies.md.",
    )


def _line(row: LagRow) -> list[str]:
    return [
        row.experiment,
        row.title,
        row.cell or "1997",
        f"{row.weights:,}",
        f"{row.solved} of {row.runs}",
        number_text(row.median, ",.0f"),
        f"{row.paper:,}",
        number_text(row.mean, ",.0f"),
        number_text(row.wrong, ".2%"),
        number_text(row.paper_wrong, ".2%"),
        f"{row.seconds:.1f}",
    ]
