"""`archsearch study`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import TYPE_CHECKING, NamedTuple

import click
import msgspec

from archsearch.cell import library
from archsearch.cli.bias import bias
from archsearch.cli.long_lag import long_lag
from archsearch.cli.options import Command, json_option, runs_option, set_option, training_options
from archsearch.cli.printing import console, note, print_json, progress_line
from archsearch.cli.strategies import strategies
from archsearch.cli.tables import Column, print_table
from archsearch.errors import InputError
from archsearch.protocol.ladder import rules_of
from archsearch.protocol.loading import changed_preset, load_preset, parse_change
from archsearch.protocol.preset import Preset, RaceRules
from archsearch.protocol.records import BASELINE
from archsearch.protocol.seeds import generator
from archsearch.store import RunStore, existing_run
from archsearch.studies import STUDIES
from archsearch.workers.devices import worker_devices
from archsearch.workers.pool import WorkerPool

if TYPE_CHECKING:
    from archsearch.studies.clones import TaskClones
    from archsearch.studies.instrument import StudyPlan
    from archsearch.studies.measured import MeasuredTask
    from archsearch.studies.operators import OperatorRow
    from archsearch.studies.racing import Rung
    from archsearch.studies.referee import Report
    from archsearch.studies.twins import TwinResult


SHARE = click.FloatRange(0, 1, max_open=True)


class _Studies(click.Group):
    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in STUDIES and not args[0].startswith("-"):
            ctx.fail(f"no study {args[0]!r} (studies: {', '.join(STUDIES)})")
        return super().resolve_command(ctx, args)


@click.group(cls=_Studies, invoke_without_command=True, epilog="Example: archsearch study racing quick-1")
@click.pass_context
def study(ctx: click.Context) -> None:
    """Ask how good the instrument is, or run the experiments of other papers again."""
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


study.add_command(strategies)
study.add_command(bias)
study.add_command(long_lag)


@study.command(
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
            rule, recorded = store.plan.preset.race, list(study_of.heats(store))
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


def _measuring(command: Command) -> Command:
    """Add what every study takes that trains published cells."""
    options = [
        click.option(
            "--preset", default="quick", show_default=True, metavar="NAME|FILE.toml", help="What is studied."
        ),
        set_option,
        click.option("--cells", metavar="a,b,c", help="Library cells.  [default: all]"),
        click.option(
            "--tasks",
            metavar="a,b,c",
            help="Tasks of the preset, also as xml@30k.  [default: those that it searches with]",
        ),
        click.option(
            "--settings",
            metavar="N",
            type=click.IntRange(min=1),
            help="Settings of a task.  [default: the preset's k]",
        ),
        click.option(
            "--draws",
            metavar="N",
            type=click.IntRange(min=1),
            default=2,
            show_default=True,
            help="Draws of the initial weights.",
        ),
        training_options,
        json_option,
    ]
    for option in reversed(options):
        command = option(command)
    return command


class _Subject(NamedTuple):
    """What a study trains, as `instrument.prepare` takes it."""

    name: str
    preset: Preset
    names: list[str]
    tasks: list[str]


def _subject(preset: str, said: Sequence[str], cells: str | None, tasks: str | None) -> _Subject:
    """Return what a study trains, once all that was said is known to be there."""
    name, loaded = load_preset(preset)
    loaded = changed_preset(name, loaded, dict(parse_change(text) for text in said))
    wanted = _preset_tasks(name, loaded, tasks)
    names = cells.split(",") if cells else list(library.names())
    if unknown := [cell for cell in names if cell not in library.names()]:
        raise InputError(f"--cells {cells}: no library cell {unknown[0]!r} (archsearch cells lists them)")
    return _Subject(name, loaded, names, wanted)


@study.command(
    help=STUDIES["instrument"], epilog="Example: archsearch study instrument --preset quick --draws 4"
)
@_measuring
def instrument(
    preset: str,
    said: tuple[str, ...],
    cells: str | None,
    tasks: str | None,
    settings: int | None,
    draws: int,
    data: Path | None,
    workers: int | None,
    device: str,
    as_json: bool,
) -> None:
    """Train and print the table; see `archsearch.studies.instrument`."""
    from archsearch.studies import instrument as study_of
    from archsearch.studies.measured import measured_tasks  # scipy takes its time to import

    subject = _subject(preset, said, cells, tasks)
    pool = WorkerPool(list(worker_devices(device, workers)), str(data.resolve()) if data else None)
    with progress_line("training:") as progressed, pool:
        plan = study_of.prepare(pool, **subject._asdict(), settings=settings, draws=draws)
        ended = study_of.train_cells(plan, pool, progressed)
    results = measured_tasks(plan, ended)
    if as_json:
        print_json(
            {
                **_conditions(plan),
                "tasks": msgspec.to_builtins(results),
            }
        )
        return
    for task in results:
        _print_task(task)


def _preset_tasks(name: str, preset: Preset, tasks: str | None) -> list[str]:
    wanted = tasks.split(",") if tasks else list(preset.search.tasks)
    if unknown := [task for task in wanted if rules_of(preset, task) is None]:
        raise InputError(f"--tasks {tasks}: preset {name} has {', '.join(preset.tasks)}, not {unknown[0]!r}")
    return wanted


def _conditions(plan: StudyPlan) -> dict[str, object]:
    """Return under which conditions a study was made."""
    return {
        "preset": plan.run.preset_name,
        "settings": plan.settings,
        "draws": plan.draws,
        "machine": plan.run.machine,
        "engine": plan.run.engine,
    }


@study.command(
    help=STUDIES["twins"],
    epilog="Example: archsearch study twins --cells mut1,gru,lstm --tasks xml --settings 6",
)
@_measuring
def twins(
    preset: str,
    said: tuple[str, ...],
    cells: str | None,
    tasks: str | None,
    settings: int | None,
    draws: int,
    data: Path | None,
    workers: int | None,
    device: str,
    as_json: bool,
) -> None:
    """Train and print the table; see `archsearch.studies.twins`."""
    from archsearch.studies import instrument as study_of
    from archsearch.studies.twins import measured_twins

    subject = _subject(preset, said, cells, tasks)
    subject = subject._replace(names=list(dict.fromkeys([BASELINE, *subject.names])))
    pool = WorkerPool(list(worker_devices(device, workers)), str(data.resolve()) if data else None)
    with progress_line("training:") as progressed, pool:
        plan = study_of.prepare(pool, **subject._asdict(), settings=settings, draws=draws)
        results = measured_twins(plan, pool, progressed)
    if as_json:
        print_json({**_conditions(plan), "tasks": msgspec.to_builtins(results)})
        return
    out = console()
    titles = ("units", "ratio", "twin's units", "twin's ratio", "as wide")
    columns = [Column("cell"), Column("reads"), *(Column(title, right=True) for title in titles)]
    for task, rows in results.items():
        out.print(task, style="bold")
        print_table(out, columns, [_twin_line(row) for row in rows])
        out.print()


def _twin_line(row: TwinResult) -> list[str]:
    return [
        row.cell,
        "x" if row.reads_x else "linear(x)",
        str(row.units),
        _number(row.ratio),
        str(row.twin_units),
        _number(row.twin),
        _number(row.as_wide),
    ]


def _print_task(task: MeasuredTask) -> None:
    out = console()
    columns = [
        Column("cell"),
        Column("units", right=True, drop=5),
        Column("rate", right=True, drop=6),
        Column("skill", right=True),
        Column("ratio", right=True),
        Column("± draws", right=True, drop=1),
        Column("equal FLOPs", right=True, drop=2),
        Column("equal time", right=True, drop=3),
        Column("MFLOP", right=True, drop=4),
        Column("ms", right=True, drop=4),
    ]
    lines = [
        [
            row.cell,
            str(row.units),
            row.best_rate or "-",
            _number(row.skill),
            _number(row.ratio),
            _number(row.deviation),
            _number(row.equal_flops),
            _number(row.equal_time),
            f"{row.flops / 1e6:.0f}",
            f"{row.milliseconds:.2f}",
        ]
        for row in task.cells
    ]
    out.print(task.task, style="bold")
    print_table(out, columns, lines)
    for at in task.resolution:
        every, some = (_number(value, digits=1) for value in (at.resolution, at.among_learners))
        spread = f"between draws {_number(at.within)}, the GRU's skill {_number(at.gru)}"
        out.print(f"after {at.steps:>6,} steps: resolution {every}, among cells that learn {some} ({spread})")
    if task.tau is not None:
        out.print(
            f"Kendall's tau with the paper's Table 1: {task.tau:.2f} ({task.tau_low:.2f} to {task.tau_high:.2f})"
        )
    out.print()


@study.command(
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

    pool = WorkerPool(list(worker_devices(device, workers)), str(data.resolve()) if data else None)
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
    for number, (task, report) in enumerate(reports):
        if task:
            _print_clones(found[number])
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
    wanted = _preset_tasks(name, loaded, tasks)
    with progress_line("training:") as progressed, pool:
        plan = prepare(pool, name, loaded, names=[BASELINE], tasks=wanted, settings=settings, draws=trained)
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
            [row.rule, f"{row.false_keeps:.2f}", f"{row.sessions:.1%}", _number(row.gain, digits=1)]
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
            "-" if row.median is None else str(row.median),
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
            "-" if row.found is None else f"{row.found:.0%}",
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


@study.command(help=STUDIES["operators"], epilog="Example: archsearch study operators quick-1")
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
        *("-" if value is None else f"{value:+.3f}" for value in change),
    ]


def _number(value: float | None, digits: int = 3) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
