"""`archsearch train`."""

from __future__ import annotations

from pathlib import Path

import click

from archsearch.actions.train import Trained
from archsearch.actions.train import train as train_cell
from archsearch.cli.cell_argument import find_cell
from archsearch.cli.common import (
    console,
    data_option,
    device_option,
    devices,
    json_option,
    note,
    print_json,
    runs_option,
    seed_option,
    workers_option,
)
from archsearch.cli.tables import Column, print_table
from archsearch.errors import InputError
from archsearch.protocol.loading import load_preset
from archsearch.protocol.preset import TaskRules
from archsearch.protocol.records import Outcome
from archsearch.tasks import TASKS, TaskName
from archsearch.words import did_you_mean, plain
from archsearch.workers.pool import WorkerPool


@click.command(epilog="Example: archsearch train mut1 --task xml --settings 4")
@click.argument("cell")
@click.option(
    "--task", required=True, metavar="TASK", help="A task of the preset, text:FILE or FILE.py:NAME."
)
@click.option("--difficulty", metavar="NAME", help="Another difficulty than the preset's.")
@click.option(
    "--preset", default="quick", show_default=True, metavar="NAME|FILE.toml", help="How the cell is measured."
)
@click.option(
    "--settings",
    metavar="N",
    type=click.IntRange(min=1),
    default=8,
    show_default=True,
    help="Settings, for both cells.",
)
@runs_option
@data_option
@workers_option
@device_option
@seed_option
@json_option
def train(
    cell: str,
    task: str,
    difficulty: str | None,
    preset: str,
    settings: int,
    runs: Path,
    data: Path | None,
    workers: int | None,
    device: str,
    seed: int | None,
    as_json: bool,
) -> None:
    """Train one cell on one task, beside the GRU.

    Both train under the same settings on the same data. The seed is that of the training data.
    """
    found = find_cell(cell, runs).cell
    name, loaded = load_preset(preset)
    own = TaskName.parse(task).is_own
    if not own and task not in loaded.tasks:
        raise InputError(
            f"no task {task!r}{did_you_mean(task, loaded.tasks, ' ({})')} in preset {name}, "
            f"which has {', '.join(loaded.tasks)}"
        )
    plan: TaskRules = loaded.own if own else loaded.tasks[task]
    if difficulty is not None and (own or difficulty not in TASKS[task].difficulties):
        there = "none: it is your own" if own else ", ".join(TASKS[task].difficulties)
        raise InputError(f"task {task!r} has no difficulty {difficulty!r} (difficulties: {there})")
    full = task if own else f"{task}:{difficulty or plan.difficulty}"
    err = console(error=True)
    crew = WorkerPool(list(devices(device, workers)), str(data.resolve()) if data else None)
    with crew, err.status("starting workers") as status:

        def progressed(done: int, total: int) -> None:
            status.update(f"training: {done} of {total} trials")

        trained = train_cell(found, name, loaded, (task, full, plan), settings, seed or 0, crew, progressed)
    if len(trained.pairs) < settings:
        note(
            f"The grid of preset {name} has {len(trained.pairs)} settings for this task; all of them were used."
        )
    if as_json:
        print_json(_document(trained))
    else:
        _print(trained, found.name)


def _skill(trained: Trained, outcome: Outcome) -> float | None:
    return None if outcome.score is None else trained.plan.skill(trained.task, outcome.score)


def _best(trained: Trained, outcomes: list[Outcome]) -> float | None:
    return max(
        (skill for outcome in outcomes if (skill := _skill(trained, outcome)) is not None), default=None
    )


def _document(trained: Trained) -> dict[str, object]:
    rows = [
        {
            "setting": pair.setting.as_dict(),
            "cell": {
                "status": pair.cell.status,
                "score": pair.cell.score,
                "skill": _skill(trained, pair.cell),
                "units": pair.cell.units,
            },
            "gru": {
                "status": pair.baseline.status,
                "score": pair.baseline.score,
                "skill": _skill(trained, pair.baseline),
                "units": pair.baseline.units,
            },
        }
        for pair in trained.pairs
    ]
    return {"task": trained.plan.task[trained.task].facts.name, "rows": rows}


def _print(trained: Trained, name: str) -> None:
    out, facts = console(), trained.plan.task[trained.task].facts
    columns = [
        Column("setting", least=12),
        Column("units", True),
        Column(plain(name), True),
        Column("skill", True),
        Column("gru", True),
        Column("skill", True),
    ]
    lines = []
    for pair in trained.pairs:
        values = []
        for outcome in (pair.cell, pair.baseline):
            skill = _skill(trained, outcome)
            values += [outcome.status, ""] if skill is None else [f"{outcome.score:.4f}", f"{skill:.3f}"]
        lines.append([str(pair.setting), str(pair.cell.units), *values])
    print_table(out, columns, lines)
    scale = f"floor {facts.floor:.4g}, ceiling {facts.ceiling:.4g}"
    out.print(plain(f"{facts.name}: {_verdict(trained)} ({scale}; one seed, so no proof)"))


def _verdict(trained: Trained) -> str:
    own, other = (
        _best(trained, [p.cell for p in trained.pairs]),
        _best(trained, [p.baseline for p in trained.pairs]),
    )
    if own is None or other is None:
        return "no finite score on one side, so there is no ratio"
    ratio = f"ratio {own / other:.3f}" if other > 0 else "no ratio, as the GRU has learned nothing"
    return f"best skill {own:.3f} against the GRU's {other:.3f}, {ratio}"
