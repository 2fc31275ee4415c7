"""`archsearch replay`."""

from __future__ import annotations

from pathlib import Path

import click

from archsearch.cli.cell_argument import SHORT
from archsearch.cli.common import console, data_option, devices, json_option, plain, print_json, runs_option, table
from archsearch.cli.display import note
from archsearch.engine.crew import Crew
from archsearch.engine.probe import probe
from archsearch.engine.replay import TOLERANCE, Replayed, check_data
from archsearch.engine.replay import replay as train_again
from archsearch.errors import InputError
from archsearch.store import Row, RunStore, existing_run, read_leaderboard


@click.command(epilog="Example: archsearch replay quick-1 --top 3")
@click.argument("run")
@runs_option
@click.option("--top", type=click.IntRange(min=1), default=5, show_default=True, help="Rows to train again.")
@click.option("--cell", metavar="ID", help="One cell instead: its id or the beginning of it.")
@data_option
@click.option("--workers", type=int, metavar="N", help="Worker processes.  [default: one per CPU core]")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, or cuda:0,cuda:1 …")
@json_option
def replay(
    run: str, runs: Path, top: int, cell: str | None, data: Path | None, workers: int | None, device: str, as_json: bool
) -> int:  # fmt: skip
    """Train leaderboard rows again and compare the scores.

    On the machine and engine of the record a score holds if it is the same in every bit, elsewhere within a tolerance.
    Exits with 1 if one does not hold.
    """
    folder = existing_run(run, runs)
    store = RunStore.open(folder)
    try:
        rows = _rows(read_leaderboard(store, folder.name).rows, top, cell)
        plan, kept = store.plan, store.fact("data")
        folder_of_data = str(data.resolve()) if data else kept
        with Crew(list(devices(device, workers)), folder_of_data) as crew:
            facts, hello = probe(crew, [course.facts.name for course in plan.courses])
            check_data(plan, {name: of.checksum for name, of in facts.items()})
            found = list(train_again(store, plan, rows, crew, hello, lambda done, total: None))
    finally:
        store.close()
    if as_json:
        print_json({"rows": [_document(one) for one in found]})
    else:
        _print(found, {row.id: row for row in rows})
    failed = [one for one in found if not one.holds]
    for one in failed:
        note(f"{one.id[:SHORT]} {one.task}: recorded {one.recorded!r}, replayed {one.replayed!r}: does not hold")
    return 1 if failed else 0


def _rows(rows: tuple[Row, ...], top: int, cell: str | None) -> list[Row]:
    if cell is None:
        found = [row for row in rows if row.rank is not None and row.rank <= top]
        if not found:
            raise InputError("no cell of this run has a fitness yet; there is nothing to replay")
        return found
    found = [row for row in rows if row.id.startswith(cell)]
    if len(found) != 1:
        raise InputError(f"--cell {cell}: {len(found) or 'no'} rows of the leaderboard begin so")
    return found


def _document(one: Replayed) -> dict[str, object]:
    return {"id": one.id, "task": one.task, "recorded": one.recorded, "replayed": one.replayed, "holds": one.holds}


def _print(found: list[Replayed], rows: dict[str, Row]) -> None:
    out = console()
    made = table(
        ("rank", "right"),
        ("cell", "left"),
        ("task", "left"),
        ("recorded", "right"),
        ("replayed", "right"),
        ("holds", "left"),
    )
    for one in found:
        rank = rows[one.id].rank
        kind = ("bit for bit" if one.exact else f"within {TOLERANCE:g}") if one.holds else "NO"
        shown = "no score" if one.replayed is None else repr(one.replayed)
        made.add_row(str(rank or "ref"), one.id[:SHORT], plain(one.task), repr(one.recorded), shown, kind)
    out.print(made)
    if found and not found[0].exact:
        out.print("Another machine or engine than the record's: scores are compared within a tolerance.")
    out.print(f"{sum(one.holds for one in found)} of {len(found)} scores hold.")
