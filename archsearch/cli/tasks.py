"""`archsearch tasks`."""

from __future__ import annotations

from pathlib import Path

import click

from archsearch.cli.options import data_option, json_option
from archsearch.cli.printing import console, print_json
from archsearch.cli.tables import Column, print_table
from archsearch.errors import TaskError
from archsearch.protocol.seeds import data_generator
from archsearch.tasks import TASKS, Task, decode, load
from archsearch.words import plain

SAMPLE = 40
"""Symbols of the sample line."""


@click.command(epilog="Example: archsearch tasks")
@data_option
@json_option
def tasks(data: Path | None, as_json: bool) -> None:
    """List the tasks with their difficulties, floors and ceilings.

    Skill is 0 at the floor, what a predictor without memory scores, and 1 at the ceiling. Your own tasks need no place here:
    `archsearch evolve --task text:FILE`, `--task series:FILE`, `--task labels:FILE` or `--task FILE.py:NAME`.
    """
    rows = []
    for name, family in TASKS.items():
        for difficulty in family.difficulties:
            try:
                rows.append(_row(load(f"{name}:{difficulty}", data)))
            except TaskError as error:
                rows.append({"task": f"{name}:{difficulty}", "missing": str(error)})
    if as_json:
        print_json({"tasks": rows})
        return
    columns = [
        Column("task"),
        Column("symbols", right=True),
        Column("score"),
        Column("floor", right=True),
        Column("ceiling", right=True),
        Column("sample", least=16),
    ]
    print_table(console(), columns, [_line(row, data) for row in rows])


def _line(row: dict[str, object], data: Path | None) -> list[str]:
    if "missing" in row:
        return [str(row["task"]), "", "", "", "", plain(str(row["missing"])) if data else "needs --data DIR"]
    floor, ceiling = (f"{row[key]:.3f}" for key in ("floor", "ceiling"))
    return [
        str(row["task"]),
        f"{row['symbols']:,}",
        str(row["measure"]),
        floor,
        ceiling,
        plain(str(row["sample"])),
    ]


def _row(task: Task) -> dict[str, object]:
    window = next(iter(task.windows("valid", data_generator(task.name, "valid", 0), 1, SAMPLE)))
    sample = decode(task, window.inputs[:, 0]).replace("\n", " ")[:60]
    return {
        "task": task.name,
        "symbols": task.symbols,
        "measure": task.measure,
        "floor": float(task.floor),
        "ceiling": float(task.ceiling),
        "sample": sample,
    }
