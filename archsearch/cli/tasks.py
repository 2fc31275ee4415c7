"""`archsearch tasks`."""

from __future__ import annotations

from pathlib import Path

import click

from archsearch.cli.common import console, data_option, json_option, plain, print_json, table
from archsearch.errors import TaskError
from archsearch.protocol.seeds import data_generator
from archsearch.tasks import TASKS, Task, decode, load

SAMPLE = 40
"""Symbols of the sample line."""


@click.command(epilog="Example: archsearch tasks")
@data_option
@json_option
def tasks(data: Path | None, as_json: bool) -> None:
    """List the tasks with their difficulties, floors and ceilings.

    Your own tasks go with `--task text:FILE` or `--task FILE.py:NAME`.
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
    made = table(
        ("task", "left"),
        ("symbols", "right"),
        ("score", "left"),
        ("floor", "right"),
        ("ceiling", "right"),
        ("sample", "left"),
    )
    for row in rows:
        if "missing" in row:
            made.add_row(str(row["task"]), "", "", "", "", "needs its files: --data DIR")
            continue
        floor, ceiling = (f"{row[key]:.4g}" for key in ("floor", "ceiling"))
        made.add_row(str(row["task"]), f"{row['symbols']:,}", str(row["measure"]), floor, ceiling, plain(str(row["sample"])))
    console().print(made)


def _row(task: Task) -> dict[str, object]:
    window = next(iter(task.windows("valid", data_generator(task.name, "valid", 0), 1, SAMPLE)))
    sample = decode(task, window.inputs[:, 0]).replace("\n", " ")[:60]
    return {
        "task": task.name, "symbols": task.symbols, "measure": task.measure, "floor": float(task.floor),
        "ceiling": float(task.ceiling), "sample": sample,
    }  # fmt: skip
