"""`archsearch study instrument`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from archsearch.cli.measuring import conditions, examined, measuring_options, worker_pool
from archsearch.cli.printing import console, print_json, progress_line
from archsearch.cli.tables import Column, number_text, print_table
from archsearch.studies import STUDIES

if TYPE_CHECKING:
    from archsearch.studies.measured import MeasuredTask


@click.command(
    help=STUDIES["instrument"], epilog="Example: archsearch study instrument --preset quick --draws 4"
)
@measuring_options
def instrument(
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
    """Train and print the table; see `archsearch.studies.instrument`."""
    from archsearch.studies import instrument as study_of
    from archsearch.studies.measured import measured_tasks  # scipy takes its time to import

    subject = examined(preset, said, cells, runs, tasks)
    pool = worker_pool(device, workers, data)
    with progress_line("training:") as progressed, pool:
        plan = study_of.prepare(pool, **subject._asdict(), settings=settings, draws=draws)
        ended = study_of.train_cells(plan, pool, progressed)
    results = measured_tasks(plan, ended)
    if as_json:
        print_json(
            {
                **conditions(plan),
                "tasks": msgspec.to_builtins(results),
            }
        )
        return
    for task in results:
        _print_task(task)


def _print_task(task: MeasuredTask) -> None:
    out = console()
    columns = [
        Column("cell"),
        Column("units", right=True, drop=5),
        Column("rate", right=True, drop=6),
        Column("skill", right=True),
        Column("ratio", right=True),
        Column("± draws", right=True, drop=1),
        Column("equal FLOPs", right=True, drop=2),
        Column("equal time", right=True, drop=3),
        Column("MFLOP", right=True, drop=4),
        Column("ms", right=True, drop=4),
    ]
    lines = [
        [
            row.cell,
            str(row.units),
            row.best_rate or "-",
            number_text(row.skill),
            number_text(row.ratio),
            number_text(row.deviation),
            number_text(row.equal_flops),
            number_text(row.equal_time),
            f"{row.flops / 1e6:.0f}",
            f"{row.milliseconds:.2f}",
        ]
        for row in task.cells
    ]
    out.print(task.task, style="bold")
    print_table(out, columns, lines)
    for at in task.resolution:
        every, some = (number_text(value, ".1f") for value in (at.resolution, at.among_learners))
        spread = f"between draws {number_text(at.within)}, the GRU's skill {number_text(at.gru)}"
        out.print(f"after {at.steps:>6,} steps: resolution {every}, among cells that learn {some} ({spread})")
    if task.tau is not None:
        out.print(
            f"Kendall's tau with the paper's Table 1: {task.tau:.2f} ({task.tau_low:.2f} to {task.tau_high:.2f})"
        )
    out.print()
