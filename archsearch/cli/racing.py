"""`archsearch study racing`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from archsearch.cli.options import json_option, runs_option
from archsearch.cli.printing import console, note, print_json
from archsearch.cli.tables import Column, print_table
from archsearch.errors import InputError
from archsearch.protocol.preset import RaceRules
from archsearch.store import RunStore, existing_run
from archsearch.studies import STUDIES

if TYPE_CHECKING:
    from archsearch.studies.racing import Rung

SHARE = click.FloatRange(0, 1, max_open=True)


@click.command(
    help=STUDIES["racing"], epilog="Example: archsearch study racing quick-1 --trailing 0.7 --behind 0.5"
)
@click.argument("run", nargs=-1, required=True)
@click.option(
    "--trailing", type=SHARE, metavar="SHARE", help="Stop what is below it of the cell's own best there."
)
@click.option("--behind", type=SHARE, metavar="SHARE", help="Stop what is below it of the GRU's skill there.")
@runs_option
@json_option
def racing(
    run: tuple[str, ...], trailing: float | None, behind: float | None, runs: Path, as_json: bool
) -> None:
    """Print the table; see `archsearch.studies.racing`."""
    from archsearch.studies import racing as study_of  # scipy takes its time to import

    heats, stopped, rule = list[study_of.Heat](), 0, RaceRules()
    for name in run:
        with RunStore.open(existing_run(name, runs)) as store:
            rule, recorded = store.facts.plan.preset.race, list(study_of.heats(store))
        heats += [heat for heat in recorded if heat is not None]
        stopped += recorded.count(None)
    rule = RaceRules(
        trailing=rule.trailing if trailing is None else trailing,
        behind=rule.behind if behind is None else behind,
    )
    rows = study_of.study(heats, rule)
    if not rows:
        words = "no candidate has all its trials in full; record some with rungs = [] in the preset"
        raise InputError(f"{', '.join(run)}: {words}")
    if as_json:
        print_json({"race": msgspec.to_builtins(rule), "rows": msgspec.to_builtins(rows)})
        return
    titles = ("rungs", "candidates", "trials", "rho", "winners", "lost", "ratio lost", "steps saved")
    columns = [Column("task"), *(Column(title, right=True) for title in titles)]
    print_table(console(), columns, [_rung_line(row) for row in rows])
    if stopped:
        note(
            f"{stopped} candidates are left out, as racing stopped a trial of theirs: the rest looks better than it is."
        )
    note(
        f"Stopped at a rung: below {rule.trailing:.0%} of the cell's best there, or below {rule.behind:.0%} of the GRU's "
        f"skill there on the same setting. Winners: at least {study_of.WINNER:.0%} of the GRU's best skill."
    )


def _rung_line(row: Rung) -> list[str]:
    return [
        row.task,
        " ".join(f"{step:,}" for step in row.rungs),
        str(row.heats),
        str(row.trials),
        f"{row.rho:.2f}",
        str(row.winners),
        f"{row.lost:.0%}",
        f"{row.cost:.3f}",
        f"{row.saved:.0%}",
    ]
