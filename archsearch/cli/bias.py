"""`archsearch study bias`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from archsearch.cli.figures import check_figure, figure_option, write_figure
from archsearch.cli.options import json_option, runs_option
from archsearch.cli.printing import console, note, print_json
from archsearch.cli.tables import Column, number_text, print_table
from archsearch.errors import InputError
from archsearch.store import RunStore
from archsearch.store.folder import existing_run
from archsearch.studies import STUDIES
from archsearch.words import plain, short_id

if TYPE_CHECKING:
    from archsearch.studies.bias import JudgedCell, Overrated


@click.command(help=STUDIES["bias"], epilog="Example: archsearch study bias quick-1 --figure bias.svg")
@click.argument("run", nargs=-1, required=True)
@figure_option("Draw the scores against the time of the search there")
@runs_option
@json_option
def bias(run: tuple[str, ...], figure: Path | None, runs: Path, as_json: bool) -> None:
    """Print the table; see `archsearch.studies.bias`."""
    from archsearch.studies import bias as study_of  # scipy takes its time to import

    check_figure(figure)
    cells = list[study_of.JudgedCell]()
    for name in run:
        folder = existing_run(name, runs)
        with RunStore.open(folder) as store:
            cells += study_of.judged_cells(store, folder.name)
    if not cells:
        raise InputError(
            f"{', '.join(run)}: the referee was asked about no cell that the search has made; 'archsearch confirm' asks it"
        )
    found = study_of.overrated(cells)
    if figure is not None:
        from archsearch.studies.bias_figure import bias_picture

        write_figure(bias_picture(found), figure)
    if as_json:
        print_json({"runs": list(run), **msgspec.to_builtins(found)})
    else:
        _print(found)


def _print(found: Overrated) -> None:
    titles = ("seconds", "fitness", "estimate", "test", "fresh", "pairs")
    columns = [
        Column("run"),
        Column("cell"),
        *(Column(title, right=True) for title in titles),
        Column("beside gru"),
    ]
    print_table(console(), columns, [_line(cell) for cell in found.cells])
    for score, figure in found.above.items():
        if figure is not None:
            ends = (
                ""
                if figure.low is None or figure.high is None
                else f" ({figure.low:+.3f} to {figure.high:+.3f})"
            )
            console().print(f"{score} less fresh: {figure.value:+.3f}{ends}", soft_wrap=True)
    note(
        "Each score is the worst task's ratio to the GRU. Fitness and estimate: of the search. Test: of the same trials, on "
        "test data. Fresh: of the referee's pairs. Seconds: of a core, until the search had found the cell."
    )


def _line(cell: JudgedCell) -> list[str]:
    return [
        plain(cell.run),
        short_id(cell.cell),
        f"{cell.seconds:.0f}",
        *(number_text(score) for score in (cell.fitness, cell.estimate, cell.test, cell.fresh)),
        str(cell.pairs),
        cell.verdict,
    ]
