"""`archsearch replay`."""

from __future__ import annotations

from pathlib import Path

import click

from archsearch.actions.replay import TOLERANCE, Replayed, check_data
from archsearch.actions.replay import replay as train_again
from archsearch.cli.board import cell_name
from archsearch.cli.common import (
    as_recorded,
    console,
    data_option,
    device_option,
    devices,
    json_option,
    note,
    print_json,
    runs_option,
    workers_option,
)
from archsearch.cli.tables import Column, print_table
from archsearch.errors import InputError
from archsearch.store import Row, RunStore, existing_run, read_leaderboard
from archsearch.words import plain, short_id
from archsearch.workers.pool import WorkerPool
from archsearch.workers.probe import probe


@click.command(epilog="Example: archsearch replay quick-1 --top 3")
@click.argument("run")
@runs_option
@click.option(
    "--top",
    metavar="N",
    type=click.IntRange(min=1),
    default=5,
    show_default=True,
    help="Rows to train again.",
)
@click.option("--cell", metavar="ID", help="One cell instead: its id or the beginning of it.")
@data_option
@workers_option
@device_option
@json_option
def replay(
    run: str,
    runs: Path,
    top: int,
    cell: str | None,
    data: Path | None,
    workers: int | None,
    device: str,
    as_json: bool,
) -> int:
    """Train leaderboard rows again and compare the scores.

    On the machine and engine of the record a score holds if it is the same in every bit, elsewhere within a tolerance.
    Exits with 1 if one does not hold.
    """
    folder = existing_run(run, runs)
    store = RunStore.open(folder)
    try:
        rows = _rows(read_leaderboard(store, folder.name).rows, top, cell)
        plan, kept = store.plan, store.data
        folder_of_data = str(data.resolve()) if data else kept
        crew = WorkerPool(list(devices(as_recorded(device, plan.engine), workers)), folder_of_data)
        with crew, console(error=True).status("starting workers") as status:

            def progressed(done: int, total: int) -> None:
                status.update(f"replayed {done} of {total} trials")

            facts, hello = probe(crew, [task.full_name for task in plan.tasks])
            check_data(plan, {name: of.checksum for name, of in facts.items()})
            found = list(train_again(store, plan, rows, crew, hello, progressed))
    finally:
        store.close()
    by_id = {row.id: row for row in rows}
    if as_json:
        record, own = (
            {"engine": plan.engine, "machine": plan.machine},
            {"engine": hello.engine, "machine": hello.machine},
        )
        print_json({"recorded": record, "here": own, "rows": [_document(one) for one in found]})
    else:
        _print(found, by_id, f"{plan.engine}, {plan.machine}", f"{hello.engine}, {hello.machine}")
    failed = [one for one in found if not one.holds]
    for one in failed:
        where = f"rank {rank}" if (rank := by_id[one.id].rank) else "reference"
        replayed = "no score" if one.replayed is None else repr(one.replayed)
        words = (
            f"{where}, cell {cell_name(one.id)}, {one.task}: recorded {one.recorded!r}, replayed {replayed}"
        )
        note(plain(f"Does not hold: {words}"))
    return 1 if failed else 0


def _rows(rows: tuple[Row, ...], top: int, cell: str | None) -> list[Row]:
    if cell is None:
        found = [row for row in rows if row.rank is not None and row.rank <= top]
        if not found:
            raise InputError("no cell of this run has a fitness yet; there is nothing to replay")
        return found
    found = [row for row in rows if row.id.startswith(cell)]
    if len(found) != 1:
        raise InputError(
            f"--cell {cell}: {len(found) or 'no'} rows of the leaderboard begin so; there are "
            + ", ".join(short_id(row.id) for row in rows[:8])
        )
    return found


def _document(one: Replayed) -> dict[str, object]:
    return {
        "id": one.id,
        "task": one.task,
        "recorded": one.recorded,
        "replayed": one.replayed,
        "holds": one.holds,
    }


def _print(found: list[Replayed], rows: dict[str, Row], recorded: str, here: str) -> None:
    out = console()
    columns = [
        Column("rank", True),
        Column("cell", drop=1),
        Column("task"),
        Column("recorded", True),
        Column("replayed", True),
        Column("holds"),
    ]
    print_table(out, columns, [_line(one, rows[one.id]) for one in found])
    out.print(plain(f"Recorded with {recorded}."))
    if found and not found[0].exact:
        out.print(plain(f"That is not here ({here}): a tolerance of {TOLERANCE:g} holds."))
    out.print(f"{sum(one.holds for one in found)} of {len(found)} scores hold.")


def _line(one: Replayed, row: Row) -> list[str]:
    kind = ("bit for bit" if one.exact else f"within {TOLERANCE:g}") if one.holds else "NO"
    replayed = "no score" if one.replayed is None else repr(one.replayed)
    return [
        str(row.rank or "ref"),
        row.name or cell_name(row.id),
        plain(one.task),
        repr(one.recorded),
        replayed,
        kind,
    ]
