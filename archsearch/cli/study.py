"""`archsearch study`."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from archsearch.cli.common import console, json_option, note, print_json, runs_option
from archsearch.cli.tables import Column, print_table
from archsearch.errors import InputError
from archsearch.protocol.preset import RacePlan
from archsearch.store import RunStore, existing_run
from archsearch.studies import STUDIES


@click.group(epilog="Example: archsearch study racing quick-1")
def study() -> None:
    """Ask recorded runs how good the instrument is."""


@study.command(help=STUDIES["racing"], epilog="Example: archsearch study racing quick-1 --keep 0.5 --behind 0.5")
@click.argument("run", nargs=-1, required=True)
@click.option("--keep", type=click.FloatRange(0, 1, min_open=True), metavar="SHARE", help="Settings that a rung lets go on.")
@click.option(
    "--behind", type=click.FloatRange(0, 1, max_open=True), metavar="SHARE", help="Of the GRU's skill there; below it stops."
)
@runs_option
@json_option
def racing(run: tuple[str, ...], keep: float | None, behind: float | None, runs: Path, as_json: bool) -> None:
    """Print the table; see `archsearch.studies.racing`."""
    from archsearch.studies import racing as study_of  # scipy takes its time to import

    found, rule = [], RacePlan()
    for name in run:
        store = RunStore.open(existing_run(name, runs))
        try:
            rule = store.plan.preset.race
            found += list(study_of.heats(store))
        finally:
            store.close()
    rule = RacePlan(rule.keep if keep is None else keep, rule.behind if behind is None else behind)
    rows = study_of.study(found, rule)
    if not rows:
        shown = ", ".join(run)
        raise InputError(f"{shown}: no candidate has all its trials in full; record some with rungs = [] in the preset")
    if as_json:
        print_json({"race": msgspec.to_builtins(rule), "rows": msgspec.to_builtins(rows)})
        return
    columns = [Column("task"), *(Column(title, True) for title in ("rungs", "candidates", "trials", "rho", "winners lost",
               "ratio lost", "steps saved"))]  # fmt: skip
    lines = [
        [r.task, " ".join(f"{step:,}" for step in r.rungs), str(r.heats), str(r.trials), f"{r.rho:.2f}", f"{r.lost:.0%}",
         f"{r.cost:.3f}", f"{r.saved:.0%}"]
        for r in rows
    ]  # fmt: skip
    print_table(console(), columns, lines)
    note(
        f"A rung lets the best {rule.keep:.0%} of a candidate's settings go on, and none below {rule.behind:.0%} of the "
        "GRU's skill at the same step on the same setting."
    )
