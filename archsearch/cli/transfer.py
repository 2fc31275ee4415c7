"""`archsearch study transfer`."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from archsearch.cli.measuring import conditions, examined, measuring_options, worker_pool
from archsearch.cli.printing import console, note, print_json, progress_line
from archsearch.cli.tables import Column, number_text, print_table
from archsearch.errors import InputError
from archsearch.studies import STUDIES

if TYPE_CHECKING:
    from archsearch.studies.resampling import Figure
    from archsearch.studies.transfer import TransferRow


@click.command(
    help=STUDIES["transfer"],
    epilog="Example: archsearch study transfer --cells gru,lstm,mut1 --settings 6",
)
@partial(measuring_options, settings="the preset's G, or k under the published rule")
def transfer(
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
    """Train and print the table; see `archsearch.studies.transfer`."""
    from archsearch.studies import instrument as study_of
    from archsearch.studies.transfer import common_settings, measured_transfer

    subject = examined(preset, said, cells, runs, tasks)
    if len(set(subject.tasks)) < 2:
        raise InputError(
            f"--tasks {','.join(subject.tasks)}: settings go from one task to another; name two or more"
        )
    pool = worker_pool(device, workers, data)
    with progress_line("training:") as progressed, pool:
        plan = study_of.prepare(pool, **subject._asdict(), settings=settings, draws=draws)
        rows = measured_transfer(plan, pool, settings, progressed)
    count = len(next(iter(common_settings(plan.run, settings).values())))
    if as_json:
        print_json({**conditions(plan), "settings": count, "rows": msgspec.to_builtins(rows)})
        return
    print_transfer(rows, count)


def print_transfer(rows: list[TransferRow], settings: int) -> None:
    """Print a line for each pair of tasks and cell.

    Args:
        rows: What is said of them.
        settings: How many there were.
    """
    columns = [
        Column("chosen on"),
        Column("for"),
        Column("cell"),
        Column("skill", right=True, drop=2),
        Column("own choice", right=True, drop=3),
        Column("mean setting", right=True, drop=1),
        Column("share of own", right=True),
        Column("rank correlation", right=True),
    ]
    lines = [
        [
            row.source,
            row.target,
            row.cell,
            number_text(row.skill),
            number_text(row.own),
            number_text(row.even),
            _figure_text(row.share),
            _figure_text(row.rho),
        ]
        for row in rows
    ]
    print_table(console(), columns, lines)
    note(
        f"{settings} settings, the same on all tasks but for the budget; 95 % intervals of resampled settings.",
        "Skills are of the task in the second column. A task with itself: settings are chosen by its other draws, and ranks "
        "correlated between draws.",
    )
    if unscored := sum(row.unscored for row in rows if row.source == row.target and row.cell != "all"):
        note(f"{unscored} trials have no score, such as for divergence, and count as skill 0")


def _figure_text(figure: Figure | None) -> str:
    if figure is None:
        return "-"
    return f"{figure.value:.2f} ({number_text(figure.low, '.2f')} to {number_text(figure.high, '.2f')})"
