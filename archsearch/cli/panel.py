"""`archsearch study panel`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from archsearch.actions.cells import load_cells
from archsearch.actions.tasks import has_data
from archsearch.cell import Cell
from archsearch.cli.measuring import conditions, loaded_preset, worker_pool
from archsearch.cli.options import cells_option, device_option, json_option, runs_option, set_option
from archsearch.cli.printing import console, note, print_json, progress_line
from archsearch.cli.searching import effort_of, search_options, searched
from archsearch.cli.tables import Column, number_text, print_table
from archsearch.errors import InputError
from archsearch.protocol.preset import Preset
from archsearch.studies import STUDIES
from archsearch.workers.pool import WorkerPool

if TYPE_CHECKING:
    from archsearch.studies.instrument import StudyPlan
    from archsearch.studies.panel import PanelRow
    from archsearch.studies.panel_trials import TrialColumn

CELLS = "tanh_rnn,lstm,lstm_no_forget,lstm_no_input,lstm_no_output,lstm_b,gru,mut1,mut2,mut3"
SCORES = {
    "1": "Test accuracy",
    "2": "Test NLL per step, nats",
    "3": "Perplexity, of the test part where the column does not say valid",
}
"""Table of the paper -> what stands in it."""

DEPARTURES = {
    "1": "The paper had 1,680 settings of 250,000 or 1,000,000 parameters, for words 840 of 5,000,000, and harder tasks",
    "2": "The paper had other settings, and sizes of 100,000 or 1,000,000 parameters",
    "3": "The paper had 5, 10 and 20 million parameters, and trained to the end",
}
"""Table -> what the paper did otherwise."""

NEEDED = {
    "2": "nottingham.npz and piano_midi.npz",
    "3": "ptb.train.txt, ptb.valid.txt and ptb.test.txt",
}
"""Table -> what its data are; the first has its words only where they are there."""

Found = dict[str, "list[PanelRow]"]


@click.command(
    help=STUDIES["panel"],
    epilog="Example: archsearch study panel --tables 1 --cells gru,lstm,mut1 --settings 2",
)
@partial(search_options, is_data_required=False)
@click.option(
    "--tables",
    metavar="1,2,3",
    default="2",
    show_default=True,
    help="Of the paper: accuracies on arithmetic, XML and words; music; perplexities.",
)
@click.option(
    "--columns",
    metavar="A,B,C",
    default="nottingham,nottingham-dropout,piano_midi",
    show_default=True,
    help="Of Table 2.",
)
@cells_option(CELLS)
@click.option(
    "--trials",
    metavar="N",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    help="Settings that are drawn for Table 2, the same for every cell.",
)
@click.option(
    "--preset",
    default="quick",
    show_default=True,
    metavar="NAME|FILE.toml",
    help="How Tables 1 and 3 are trained; paper: as the paper did.",
)
@set_option
@click.option(
    "--settings",
    metavar="N",
    type=click.IntRange(min=1),
    help="Settings of Tables 1 and 3.  [default: the preset's k]",
)
@click.option(
    "--share",
    metavar="S",
    type=click.FloatRange(0, 1, min_open=True),
    default=0.1,
    show_default=True,
    help="Parameters in Table 3, as a share of the paper's 5, 10 and 20 million.",
)
@device_option
@runs_option
@json_option
def panel(
    tables: str,
    columns: str,
    cells: str,
    preset: str,
    said: tuple[str, ...],
    settings: int | None,
    share: float,
    device: str,
    data: Path | None,
    workers: int,
    runs: Path,
    as_json: bool,
    **music: Any,
) -> None:
    """Run and print the tables; see `archsearch.studies.panel` and `archsearch.studies.panel_trials`."""
    from archsearch.studies.panel import check_columns, paper_agreement  # scipy takes its time to import

    chosen, wanted = _tables(tables, data), [column.strip() for column in columns.split(",")]
    check_columns(wanted)
    given, document = load_cells(cells, runs), dict[str, Any](rows=[], tau={})
    name, loaded = loaded_preset(preset, said)
    for table in chosen:
        if table == "2":
            found = _music(given, wanted, data=data, workers=workers, **music)
        else:
            kinds, sized = _trained(table, name, loaded, share, data)
            pool = worker_pool(device, workers, data)
            found, plan = _preset_trials(
                table, pool, kinds, name=name, preset=sized, cells=given, settings=settings
            )
            document[f"table {table}"] = conditions(plan)
            if not as_json:
                _print_budgets(plan, kinds)
        taus = {column: paper_agreement(rows) for column, rows in found.items()}
        document["rows"] += msgspec.to_builtins([row for rows in found.values() for row in rows])
        document["tau"] |= taus
        if not as_json:
            _print(table, found, taus)
    if as_json:
        print_json(document)


def _tables(said: str, data: Path | None) -> list[str]:
    tables = list(dict.fromkeys(table.strip() for table in said.split(",")))
    if unknown := [table for table in tables if table not in SCORES]:
        raise InputError(f"--tables {said}: no table {unknown[0]!r}; there are {', '.join(SCORES)}")
    for table in (table for table in tables if table in NEEDED):
        if data is None:
            raise InputError(
                f"--tables {said}: table {table} needs --data DIR, a folder with {NEEDED[table]}"
            )
    return tables


def _music(
    cells: dict[str, Cell],
    columns: Sequence[str],
    *,
    trials: int,
    reduced: bool,
    epochs: int | None,
    loss: str,
    **search: Any,
) -> Found:
    from archsearch.studies.panel import panel_rows
    from archsearch.studies.table2 import COLUMNS_2

    found = {}
    for column in columns:
        name, dropout = COLUMNS_2[column]
        effort = effort_of(reduced, epochs, loss, dropout)
        found[column] = panel_rows(column, searched(cells, trials, name=name, effort=effort, **search))
    return found


def _trained(
    table: str, name: str, preset: Preset, share: float, data: Path | None
) -> tuple[list[TrialColumn], Preset]:
    """Return what is trained for a table, and the preset that says how."""
    from archsearch.studies.panel_trials import accuracy_columns, perplexity_columns, preset_with

    if table == "3":
        columns = perplexity_columns(share)
    else:
        columns = accuracy_columns(preset, has_data("ptb", data))
        if not has_data("ptb", data):
            note("no ptb data found: Table 1 goes without its third column (--data DIR)")
    return columns, preset_with(name, preset, columns)


def _preset_trials(
    table: str, pool: WorkerPool, columns: list[TrialColumn], **of: Any
) -> tuple[Found, StudyPlan]:
    from archsearch.studies.instrument import prepare
    from archsearch.studies.panel_trials import trained_columns

    with progress_line(f"table {table}:") as progressed, pool:
        tasks = list(dict.fromkeys(column.task for column in columns))
        plan = prepare(pool, **of, tasks=tasks, draws=1)
        if missing := [cell for cell in of["cells"] if cell not in plan.cells]:
            note(f"left out, as too narrow for these sizes or another cell once more: {', '.join(missing)}")
        return trained_columns(plan, columns, pool, progressed), plan


def _print(table: str, found: Found, taus: Mapping[str, float | None]) -> None:
    shown = [Column("cell")]
    for column in found:
        shown += [Column(column, right=True), Column("the paper's", right=True)]
    digits = {"1": ".3f", "2": ".3f", "3": ".1f"}[table]
    lines = [
        [rows[0].cell, *(number_text(of, digits) for row in rows for of in (row.test, row.paper))]
        for rows in zip(*found.values(), strict=True)
    ]
    print_table(console(), shown, lines)
    for column, tau in taus.items():
        note(f"{column}: Kendall's tau with the paper's {number_text(tau, '.2f')}")
    trials = max(row.trials for rows in found.values() for row in rows)
    note(f"{SCORES[table]}, of the best validation of {trials} trials. {DEPARTURES[table]}: docs/studies.md.")


def _print_budgets(plan: StudyPlan, columns: Sequence[TrialColumn]) -> None:
    """Say how large each column is here."""
    for column in columns:
        task = plan.run.task[column.task]
        sizes = " or ".join(f"{budget:,}" for budget in task.rules.budgets)
        note(
            f"{column.name}: {task.full_name}, settings: {plan.settings}, parameters: {sizes}, steps: {task.rules.steps:,}"
        )
