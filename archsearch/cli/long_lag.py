"""`archsearch study long-lag`."""

from __future__ import annotations

import itertools
import math
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from archsearch.actions.cells import load_cells
from archsearch.cell import Cell
from archsearch.cli.options import json_option, runs_option, seeds_options
from archsearch.cli.printing import console, note, print_json
from archsearch.cli.tables import Column, number_text, print_table
from archsearch.errors import InputError
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
    help="Cells that learn the same besides: of the library, a .cell file, RUN/1, or RUN/1-9.",
)
@click.option(
    "--sequential",
    is_flag=True,
    help="The network of 1997 starts with one block, and gets the next when its error stops falling.",
)
@click.option(
    "--input-bias",
    "biases",
    metavar="B,B,…",
    help="Where its input gates' biases start, in place of the paper's: one for all blocks, or each.",
)
@click.option("--drift", is_flag=True, help="Print how far its states drift: mean |s| of each block.")
@click.option("--list", "listed", is_flag=True, help="Print the experiments, and run none.")
@seeds_options(10, "Runs of each experiment", FOLDER)
@click.option(
    "--max-sequences",
    metavar="N",
    type=click.IntRange(min=1),
    help="Training sequences after which a run has failed.  [default: ten times the paper's]",
)
@runs_option
@json_option
def long_lag(
    names: str,
    cells: str | None,
    sequential: bool,
    biases: str | None,
    drift: bool,
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
    from archsearch.studies.lags.training import Variant
    from archsearch.studies.long_lag import check_experiments, lag_row, run_experiment

    wanted = list(EXPERIMENTS) if names == "all" or listed else [name.strip() for name in names.split(",")]
    check_experiments(wanted)
    if listed:
        _print([lag_row(name, []) for name in wanted], as_json)
        return
    variant = Variant(sequential, None if biases is None else _biases(biases))
    for name in wanted:
        variant.of(EXPERIMENTS[name])
    pupils: dict[str, Cell | None] = {"": None, **(load_cells(cells, runs) if cells else {})}
    rows = []
    with console(error=True).status("starting") as status:

        def reported(name: str, run: int, seen: int) -> None:
            status.update(f"{name}, run {run - seed + 1} of {trials}: {seen:,} sequences")

        for name, (called, cell) in itertools.product(wanted, pupils.items()):
            seeds = range(seed, seed + trials)
            results = run_experiment(
                name, seeds, folder, most=max_sequences, cell=cell, variant=variant, reported=reported
            )
            rows.append(lag_row(name, results, called))
    if drift and not as_json:
        _print_drift(rows)
    else:
        _print(rows, as_json)


def _biases(said: str) -> tuple[float, ...]:
    try:
        starts = tuple(float(bias) for bias in said.split(","))
    except ValueError:
        starts = (math.nan,)
    if not all(map(math.isfinite, starts)):
        raise InputError(f"--input-bias {said}: numbers, joined by commas, such as -3 or -2,-4")
    return starts


def _print_drift(rows: list[LagRow]) -> None:
    columns = [
        Column("name"),
        Column("experiment", least=20),
        *(Column(title, right=True) for title in ("block", "bias start", "|s| initial", "|s| trained")),
    ]
    lines = [
        [
            row.experiment,
            row.title,
            str(block + 1),
            *(
                number_text(of[block] if block < len(of) else None, ".2f")
                for of in (row.starts, row.drift_before)
            ),
            f"{after:.2f}",
        ]
        for row in rows
        for block, after in enumerate(row.drift_after)
    ]
    print_table(console(), columns, lines)
    note(
        "|s|: the mean over the steps of 200 fresh sequences, the cells of a block and the runs. h(s) is saturated from "
        "about 5 on. Bias start: of the input gate; a dash where it has none, or was added later."
    )


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
        Column("blocks", right=True, drop=4),
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
        row.cell or ("1997, grows" if row.variant.is_sequential else "1997"),
        f"{row.weights:,}",
        f"{row.solved} of {row.runs}",
        number_text(row.median, ",.0f"),
        f"{row.paper:,}",
        number_text(row.mean, ",.0f"),
        number_text(row.blocks, ".3g"),
        number_text(row.wrong, ".2%"),
        number_text(row.paper_wrong, ".2%"),
        f"{row.seconds:.1f}",
    ]
