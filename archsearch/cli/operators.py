"""`archsearch study operators`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from archsearch.cli.options import json_option, runs_option
from archsearch.cli.printing import console, note, print_json
from archsearch.cli.tables import Column, number_text, print_table
from archsearch.errors import InputError
from archsearch.store import RunStore, existing_run
from archsearch.studies import STUDIES

if TYPE_CHECKING:
    from archsearch.studies.operators import OperatorRow


@click.command(help=STUDIES["operators"], epilog="Example: archsearch study operators quick-1")
@click.argument("run", nargs=-1, required=True)
@runs_option
@json_option
def operators(run: tuple[str, ...], runs: Path, as_json: bool) -> None:
    """Print the table; see `archsearch.studies.operators`."""
    from archsearch.studies import operators as study_of  # scipy takes its time to import

    children = list[study_of.Offspring]()
    for name in run:
        with RunStore.open(existing_run(name, runs)) as store:
            children += study_of.offspring(store)
    if not children:
        raise InputError(
            f"{', '.join(run)}: no told step has made a child; 'archsearch evolve' goes on with a run"
        )
    rows = study_of.operator_rows(children)
    if as_json:
        print_json({"runs": list(run), "rows": msgspec.to_builtins(rows)})
        return
    titles = (
        "children",
        "passed the filter",
        "scored",
        "better than parent",
        "change of fitness",
        "from",
        "to",
    )
    columns = [Column("operator"), *(Column(title, right=True) for title in titles)]
    print_table(console(), columns, [_operator_line(row) for row in rows])
    note(
        "A child made by several operators stands in the row of each; change: its fitness less its parent's, in the end."
    )


def _operator_line(row: OperatorRow) -> list[str]:
    change = (row.change.value, row.change.low, row.change.high) if row.change else (None, None, None)
    return [
        row.operator,
        *(str(count) for count in (row.children, row.passed, row.scored, row.better)),
        *(number_text(value, "+.3f") for value in change),
    ]
