"""`archsearch study panel`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from archsearch.actions.cells import load_cells
from archsearch.cli.options import json_option, runs_option
from archsearch.cli.printing import console, note, print_json
from archsearch.cli.searching import effort_of, search_options, searched
from archsearch.cli.tables import Column, number_text, print_table
from archsearch.studies import STUDIES

if TYPE_CHECKING:
    from archsearch.studies.panel import PanelRow

CELLS = "tanh_rnn,lstm,lstm_no_forget,lstm_no_input,lstm_no_output,lstm_b,gru,mut1,mut2,mut3"


@click.command(
    help=STUDIES["panel"],
    epilog="Example: archsearch study panel --data DIR --columns piano_midi --reduced --trials 10",
)
@search_options
@click.option(
    "--columns",
    metavar="A,B,C",
    default="nottingham,nottingham-dropout,piano_midi",
    show_default=True,
    help="Of the paper's Table 2.",
)
@click.option(
    "--cells",
    metavar="A,B,C",
    default=CELLS,
    show_default=True,
    help="Of the library, a .cell file, or RUN/1.",
)
@click.option(
    "--trials",
    metavar="N",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    help="Settings that are drawn, the same for every cell.",
)
@runs_option
@json_option
def panel(
    columns: str,
    cells: str,
    trials: int,
    reduced: bool,
    epochs: int | None,
    loss: str,
    runs: Path,
    as_json: bool,
    **search: Any,
) -> None:
    """Run and print the table; see `archsearch.studies.panel`."""
    from archsearch.studies.panel import (  # scipy takes its time to import
        check_columns,
        panel_rows,
        paper_agreement,
    )
    from archsearch.studies.table2 import COLUMNS_2

    wanted = [column.strip() for column in columns.split(",")]
    check_columns(wanted)
    given = load_cells(cells, runs)
    found: dict[str, list[PanelRow]] = {}
    for column in wanted:
        music, dropout = COLUMNS_2[column]
        effort = effort_of(reduced, epochs, loss, dropout)
        found[column] = panel_rows(column, searched(given, trials, name=music, effort=effort, **search))
    taus = {column: paper_agreement(rows) for column, rows in found.items()}
    if as_json:
        print_json(
            {"rows": msgspec.to_builtins([row for rows in found.values() for row in rows]), "tau": taus}
        )
        return
    shown = [Column("cell")]
    for column in wanted:
        shown += [Column(column, right=True), Column("the paper's", right=True)]
    lines = [[cell] for cell in given]
    for rows in found.values():
        for line, row in zip(lines, rows, strict=True):
            line += [number_text(row.test), number_text(row.paper)]
    print_table(console(), shown, lines)
    for column, tau in taus.items():
        note(f"{column}: Kendall's tau with the paper's {number_text(tau, '.2f')}")
    note(
        f"Test NLL per step, nats, of the best validation of {trials} trials. The paper had other settings, and sizes of "
        "100,000 or 1,000,000 parameters: docs/studies.md."
    )
