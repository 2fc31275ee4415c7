"""`archsearch study twins`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from archsearch.cell import library
from archsearch.cli.measuring import conditions, examined, measuring_options, worker_pool
from archsearch.cli.printing import console, print_json, progress_line
from archsearch.cli.tables import Column, number_text, print_table
from archsearch.protocol.records import BASELINE
from archsearch.studies import STUDIES

if TYPE_CHECKING:
    from archsearch.studies.twins import TwinResult


@click.command(
    help=STUDIES["twins"],
    epilog="Example: archsearch study twins --cells mut1,gru,lstm --tasks xml --settings 6",
)
@measuring_options
def twins(
    preset: str,
    said: tuple[str, ...],
    cells: str | None,
    runs: Path,
    tasks: str | None,
    settings: int | None,
    draws: int,
    data: Path | None,
    workers: int | None,
    device: str,
    as_json: bool,
) -> None:
    """Train and print the table; see `archsearch.studies.twins`."""
    from archsearch.studies import instrument as study_of
    from archsearch.studies.twins import measured_twins

    subject = examined(preset, said, cells, runs, tasks)
    subject = subject._replace(cells={BASELINE: library.load(BASELINE), **subject.cells})
    pool = worker_pool(device, workers, data)
    with progress_line("training:") as progressed, pool:
        plan = study_of.prepare(pool, **subject._asdict(), settings=settings, draws=draws)
        results = measured_twins(plan, pool, progressed)
    if as_json:
        print_json({**conditions(plan), "tasks": msgspec.to_builtins(results)})
        return
    out = console()
    titles = ("units", "ratio", "twin's units", "twin's ratio", "as wide")
    columns = [Column("cell"), Column("reads"), *(Column(title, right=True) for title in titles)]
    for task, rows in results.items():
        out.print(task, style="bold")
        print_table(out, columns, [_twin_line(row) for row in rows])
        out.print()


def _twin_line(row: TwinResult) -> list[str]:
    return [
        row.cell,
        "x" if row.reads_x else "linear(x)",
        str(row.units),
        number_text(row.ratio),
        str(row.twin_units),
        number_text(row.twin),
        number_text(row.as_wide),
    ]
