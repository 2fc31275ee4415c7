"""`archsearch study referee`."""

from __future__ import annotations

from pathlib import Path
from statistics import mean, stdev
from typing import TYPE_CHECKING

import click
import msgspec

from archsearch.cell import library
from archsearch.cli.measuring import preset_tasks, worker_pool
from archsearch.cli.options import json_option, training_options
from archsearch.cli.printing import console, print_json, progress_line
from archsearch.cli.tables import Column, number_text, print_table
from archsearch.protocol.loading import load_preset
from archsearch.protocol.records import BASELINE
from archsearch.protocol.seeds import generator
from archsearch.studies import STUDIES
from archsearch.workers.pool import WorkerPool

if TYPE_CHECKING:
    from archsearch.studies.clones import TaskClones
    from archsearch.studies.referee import Report


@click.command(
    help=STUDIES["referee"], epilog="Example: archsearch study referee --sessions 200 --clones 1000"
)
@click.option(
    "--sessions",
    metavar="N",
    type=click.IntRange(min=10),
    default=1_000,
    show_default=True,
    help="Adversaries, sessions and repetitions of each figure.",
)
@click.option(
    "--clones",
    metavar="N",
    type=click.IntRange(min=1),
    default=10_000,
    show_default=True,
    help="Clones that an adversary may choose among.",
)
@click.option("--seed", metavar="N", type=click.IntRange(min=0), default=0, show_default=True)
@click.option(
    "--trained",
    metavar="N",
    type=click.IntRange(min=10),
    help="Train so many clones of the GRU, and draw chance from these.  [default: it follows laws]",
)
@click.option(
    "--preset", default="quick", show_default=True, metavar="NAME|FILE.toml", help="How they are trained."
)
@click.option("--tasks", metavar="a,b,c", help="Their tasks.  [default: those that the preset searches with]")
@click.option(
    "--settings", metavar="N", type=click.IntRange(min=1), help="Their settings.  [default: the preset's k]"
)
@training_options
@json_option
def referee(
    sessions: int,
    clones: int,
    seed: int,
    trained: int | None,
    preset: str,
    tasks: str | None,
    settings: int | None,
    data: Path | None,
    workers: int | None,
    device: str,
    as_json: bool,
) -> None:
    """Print the tables; see `archsearch.studies.referee`."""
    from archsearch.studies import referee as study_of  # scipy takes its time to import

    pool = worker_pool(device, workers, data)
    found = _clones(pool, preset, tasks, settings, trained) if trained else []
    reports = list[tuple[str, study_of.Report]]()
    worlds = [(each.task, each.world) for each in found] or [("", study_of.NORMAL)]
    with progress_line("simulating:") as progressed:
        for task, world in worlds:
            rng = generator("study", "referee", seed, *([task] if task else []))
            reports.append((task, study_of.simulate(rng, sessions, clones, progressed, world)))
    if as_json:
        given = {"sessions": sessions, "clones": clones, "seed": seed}
        documents = [msgspec.to_builtins(report) for _, report in reports]
        if not found:
            print_json({**given, **documents[0]})
            return
        tasks_found = [
            {**msgspec.to_builtins(each), **document} for each, document in zip(found, documents, strict=True)
        ]
        print_json({**given, "preset": preset, "trained": trained, "tasks": tasks_found})
        return
    for place, (task, report) in enumerate(reports):
        if task:
            _print_clones(found[place])
        _print_rules(report)
        _print_power(report)
        _print_ledgers(report)
        _print_levels(report)


def _clones(
    pool: WorkerPool, preset: str, tasks: str | None, settings: int | None, trained: int
) -> list[TaskClones]:
    from archsearch.studies.clones import train_clones
    from archsearch.studies.instrument import prepare

    name, loaded = load_preset(preset)
    wanted = preset_tasks(name, loaded, tasks)
    with progress_line("training:") as progressed, pool:
        gru = {BASELINE: library.load(BASELINE)}
        plan = prepare(pool, name, loaded, cells=gru, tasks=wanted, settings=settings, draws=trained)
        return train_clones(plan, pool, progressed)


def _print_clones(clones: TaskClones) -> None:
    out = console()
    out.print(clones.task, style="bold")
    skills = [skill for skill in clones.runs if skill]
    out.print(
        f"{len(clones.runs)} clones of the GRU have a skill of {mean(skills):.3f} ± {stdev(skills):.3f}; in fresh pairs "
        f"with the GRU they won {clones.won} of {len(clones.pairs)}."
    )
    out.print()


def _print_rules(report: Report) -> None:
    out = console()
    out.print("Sessions of 100 edits that change nothing", style="bold")
    columns = [
        Column("rule"),
        *(Column(title, right=True) for title in ("false keeps", "sessions", "gain in sd")),
    ]
    print_table(
        out,
        columns,
        [
            [row.rule, f"{row.false_keeps:.2f}", f"{row.sessions:.1%}", number_text(row.gain, ".1f")]
            for row in report.rules
        ],
    )
    out.print()


def _print_power(report: Report) -> None:
    out = console()
    out.print("Pairs until a true difference is seen", style="bold")
    titles = ("effect in sd", "claim", "found", "median pairs")
    columns = [Column("bets"), *(Column(title, right=True) for title in titles)]
    lines = [
        [
            row.bets,
            f"{row.effect:g}",
            str(row.claim),
            f"{row.found:.0%}",
            number_text(row.median, "d"),
        ]
        for row in report.power
    ]
    print_table(out, columns, lines)
    out.print()


def _print_ledgers(report: Report) -> None:
    out = console()
    out.print("Ledgers of 100 claims, some of which are true by one deviation", style="bold")
    titles = ("true", "any false", "share of false", "true ones found")
    lines = [
        [
            row.control,
            f"{row.true:.0%}",
            f"{row.any_false:.1%}",
            f"{row.false_share:.1%}",
            number_text(row.found, ".0%"),
        ]
        for row in report.ledgers
    ]
    print_table(out, [Column("control"), *(Column(title, right=True) for title in titles)], lines)
    out.print()


def _print_levels(report: Report) -> None:
    out = console()
    out.print("Levels; each is to be at most 5 %", style="bold")
    lines = [
        ["adversaries who choose among clones and get a false better", f"{report.adversaries:.1%}"],
        ["one task truly better, the other not: called better", f"{report.one_real_task:.1%}"],
    ]
    for row in report.coverage:
        lines.append([f"interval of the mean ever misses, pairs {row.law}", f"{row.mean:.1%}"])
        lines.append([f"interval of the median ever misses, pairs {row.law}", f"{row.median:.1%}"])
    lines += [
        [f"best of 300 clones above the 95 % line of luck, tasks: {tasks}", f"{1 - held:.1%}"]
        for tasks, held in report.luck.items()
    ]
    print_table(out, [Column("what"), Column("share", right=True)], lines)
