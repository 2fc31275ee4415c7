"""`archsearch evolve`."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import msgspec

from archsearch.actions.cells import best_cells, find_cell
from archsearch.actions.estimate import estimate_words
from archsearch.actions.evolve import BEST, SearchResult, preview, search
from archsearch.actions.request import STRATEGY, EvolveOptions, Request
from archsearch.actions.verdict_words import outlook
from archsearch.cli.board import print_leaderboard
from archsearch.cli.display import Display
from archsearch.cli.events import EventLog
from archsearch.cli.logged import Logged
from archsearch.cli.logs import open_logs
from archsearch.cli.options import (
    json_option,
    runs_option,
    seed_option,
    set_option,
    space_option,
    top_option,
    training_options,
)
from archsearch.cli.printing import console, note, pointer, print_json
from archsearch.cli.profile import print_profile
from archsearch.errors import INTERRUPTED, InputError
from archsearch.protocol.duration import parse_duration
from archsearch.protocol.loading import parse_change, preset_schema
from archsearch.protocol.plan import PlannedTask
from archsearch.search import STRATEGIES
from archsearch.store import Leaderboard, RunStore, as_document, read_leaderboard
from archsearch.tasks import TaskName, TaskSource
from archsearch.words import plain
from archsearch.workers.cluster.request import cluster_request
from archsearch.workers.devices import worker_devices


@click.command(epilog="Example: archsearch evolve --preset quick --seed 1 --max-candidates 60")
@click.option("--run", "run", metavar="RUN", help="Name or path of the run; one that exists goes on.")
@runs_option
@click.option(
    "--preset",
    metavar="NAME|FILE.toml",
    help="How cells are measured: quick, laptop, track, paper or a file.  [default: quick; of --task, by --budget]",
)
@click.option(
    "--strategy",
    metavar="NAME",
    help=f"What each step tries: {', '.join(STRATEGIES)}.  [default: {STRATEGY}]",
)
@click.option(
    "--ask",
    metavar="COMMAND",
    help="The program that --strategy external asks for cells, such as 'python mine.py'.",
)
@click.option("--ask-time", metavar="TIME", help="Time that it has for an answer.  [default: 10m]")
@space_option
@click.option(
    "--tasks",
    metavar="A,B,C",
    help="Tasks of the preset, in the order of the stages; xml@30k is xml with so many parameters.",
)
@click.option(
    "--task",
    "own",
    metavar="OWN",
    multiple=True,
    help="Your own task: text:FILE, series:FILE, labels:FILE or FILE.py:NAME; may be repeated. With --run: one "
    "that may run, or where it lies now.",
)
@training_options
@click.option(
    "--cluster",
    metavar="auto|HOST:PORT",
    help="Train on a Ray cluster: that of RAY_ADDRESS or else one of its own on this machine, or the one with this head.",
)
@seed_option
@click.option(
    "--start",
    metavar="CELL",
    multiple=True,
    help="Start from this cell, not from the preset's; may be repeated.",
)
@click.option("--from", "best_of", metavar="RUN", help=f"Start from the {BEST} best cells of another run.")
@click.option(
    "--reference",
    "references",
    metavar="CELL",
    multiple=True,
    help="Train this cell beside the published ones; may be repeated.",
)
@click.option(
    "--budget", type=click.IntRange(min=1), metavar="N", help="Parameters of your own tasks' models."
)
@click.option("--steps", type=click.IntRange(min=1), metavar="N", help="Training steps on your own tasks.")
@click.option(
    "--no-filter", is_flag=True, help="Train candidates at once, without the memorization task first."
)
@set_option
@click.option(
    "--schema",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=lambda ctx, option, asked: _print_schema(ctx) if asked else None,
    help="Print the JSON schema of presets, with all their keys, and exit.",
)
@click.option(
    "--max-candidates",
    type=int,
    metavar="N",
    help="Candidates of the run in all; switches the preset's time off.",
)
@click.option("--max-time", metavar="TIME", help="Time of search in all: 90s, 30m, 2h.")
@click.option("--dry-run", is_flag=True, help="Say how long it would take, and make no run.")
@click.option(
    "--log",
    "logs",
    metavar="LOG",
    multiple=True,
    help="Write a row for each step besides: FILE.jsonl, FILE.csv, tensorboard:FOLDER, wandb:PROJECT or "
    "mlflow:EXPERIMENT; may be repeated.",
)
@click.option(
    "--events",
    metavar="FILE.jsonl",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Append a line of JSON for all that happens: phases, steps, lost workers, verdicts, the end.",
)
@click.option("--profile", is_flag=True, help="Say at the end where the time of the workers went.")
@top_option(10, "Ranks of the leaderboard.")
@json_option
@click.pass_context
def evolve(
    ctx: click.Context,
    run: str | None,
    runs: Path,
    preset: str | None,
    strategy: str | None,
    ask: str | None,
    ask_time: str | None,
    space: str | None,
    tasks: str | None,
    own: tuple[str, ...],
    data: Path | None,
    workers: int | None,
    device: str,
    cluster: str | None,
    seed: int | None,
    start: tuple[str, ...],
    best_of: str | None,
    references: tuple[str, ...],
    budget: int | None,
    steps: int | None,
    no_filter: bool,
    said: tuple[str, ...],
    max_candidates: int | None,
    max_time: str | None,
    dry_run: bool,
    logs: tuple[str, ...],
    events: Path | None,
    profile: bool,
    top: int,
    as_json: bool,
) -> int:
    """Search for cells that beat the GRU; start a run or go on with one.

    Without --run the newest unfinished run with the same settings goes on, else a new one begins. A run may be stopped at
    any time (Ctrl-C) and goes on with the same command; only workers, --max-candidates and --max-time may change.
    """
    options = EvolveOptions(
        request=Request(
            preset=preset,
            strategy=strategy,
            space=space,
            tasks=None if tasks is None else tuple(part.strip() for part in tasks.split(",") if part.strip()),
            own=own,
            seed=seed,
            changes=_changes(said, {"own.budget": budget, "own.steps": steps}, no_filter, bool(own or run)),
            start=(
                *(find_cell(name, runs).cell for name in start),
                *(best_cells(best_of, runs, BEST) if best_of is not None else ()),
            ),
            references=tuple(find_cell(name, runs).cell for name in references),
        ),
        runs=runs,
        run=run,
        data=data,
        devices=worker_devices(device, workers) if cluster is None else (),
        max_candidates=max_candidates,
        max_seconds=parse_duration(max_time) if max_time else None,
        ask=ask,
        ask_seconds=parse_duration(ask_time) if ask_time else None,
        cluster=None if cluster is None else cluster_request(cluster, device, workers),
    )
    if dry_run:
        _print_preview(options, as_json)
        return 0
    opened = open_logs(logs)
    with Display(options.devices) as display, EventLog(display, events) as hears:
        logged = Logged(hears, opened)
        result = search(options, logged, logged.check)
        hears.ended(result)
    _print_result(result if profile else replace(result, profile=None), options, top, as_json)
    return INTERRUPTED if result.ending == "interrupted" else 0


def _print_preview(options: EvolveOptions, as_json: bool) -> None:
    plan, found = preview(options)
    if as_json:
        print_json(msgspec.to_builtins(found))
        return
    tasks = "  ".join(task.described for task in plan.tasks)
    for line in (
        f"preset {plan.preset_name}",
        f"tasks  {tasks}",
        estimate_words(found),
        "Nothing was started.",
    ):
        click.echo(plain(line))


def _print_schema(ctx: click.Context) -> None:
    print_json(preset_schema())
    ctx.exit()


def _changes(
    said: Sequence[str], of_own: Mapping[str, int | None], no_filter: bool, has_own: bool
) -> dict[str, Any]:
    """Return what the preset says otherwise, by key; each has one place where it is said.

    Args:
        said: Texts KEY=VALUE.
        of_own: What `--budget` and `--steps` say of own tasks.
        no_filter: Whether there is no filter.
        has_own: Whether there may be an own task.
    """
    pairs = [parse_change(text) for text in said]
    pairs += [(key, value) for key, value in of_own.items() if value is not None]
    pairs += [("filter.tries", 0)] if no_filter else []
    keys = [key for key, _ in pairs]
    if twice := [key for key in keys if keys.count(key) > 1]:
        raise InputError(f"{twice[0]} is said twice")
    if any(value is not None for value in of_own.values()) and not has_own:
        raise InputError(
            "--budget and --steps are for your own tasks (--task); of others: --set tasks.xml.steps=5000"
        )
    return dict(pairs)


def _print_result(result: SearchResult, options: EvolveOptions, top: int, as_json: bool) -> None:
    with RunStore.open(result.folder) as store:
        board, sources = read_leaderboard(store, result.folder.name), store.facts.sources
    if result.ending == "exhausted":
        note("The space holds nothing new any more: every child is known or not valid.")
    if result.host_failures:
        note(
            f"{result.host_failures} trials ended by crash, memory or timeout: "
            "this run cannot be repeated step by step."
        )
    if as_json:
        more = {} if result.profile is None else {"profile": result.profile.as_document()}
        print_json(as_document(board, top) | more)
    elif result.ending != "interrupted":
        print_leaderboard(console(), board, top)
        if board.verdict is not None and (
            words := outlook(board.verdict, f"archsearch confirm {pointer(result.folder)}")
        ):
            note(*words)
        note(f"Workers waited {result.waited:.0%} of their time.")
    if result.profile is not None and not as_json:
        print_profile(console(), result.profile)
    if result.ending == "interrupted":
        note(f"Interrupted; all that ended is stored. Go on with:  {_again(result.folder, options)}")
    elif board.rows and not as_json:
        first, *others = _next(board, pointer(result.folder), _task(board, sources))
        note("", f"Next:  {first}", *(f"       {step}" for step in others))


def _again(folder: Path, options: EvolveOptions) -> str:
    """Return the command that goes on with an interrupted run."""
    words = f"archsearch evolve --run {pointer(folder)}"
    words += f" --max-candidates {options.max_candidates}" if options.max_candidates else ""
    return words + (f" --max-time {options.max_seconds:g}s" if options.max_seconds else "")


def _task(board: Leaderboard, sources: Mapping[str, TaskSource]) -> str:
    """Return how a shell command names, from here, the task that a cell is tried on again."""
    task = _tested(board)
    name, source = TaskName.parse(task.name), sources.get(task.full_name)
    elsewhere = source is not None and str(Path(name.file).absolute()) != source.path
    return shlex.quote(name.at(source.path) if source is not None and elsewhere else task.name)


def _tested(board: Leaderboard) -> PlannedTask:
    """Return the first task whose data change with the seed, else the first."""
    tasks = board.plan.tasks
    return next((task for task in tasks if not TaskName.parse(task.full_name).is_file), tasks[0])


def _next(board: Leaderboard, run: str, task: str) -> list[str]:
    """Return what a person may want to do now: commands, each with what it is for.

    Args:
        board: The leaderboard.
        run: How commands name the run.
        task: How they name the task that a cell is tried on again.
    """
    best = next((row.rank for row in board.rows if row.is_found), 1)
    cell = f"{run}/{best}"
    better = (
        "with other initial weights" if TaskName.parse(_tested(board).full_name).is_file else "on other data"
    )
    steps = {
        f"archsearch show {cell}": "its equations, and what made it",
        f"archsearch confirm {run} --max-time 30m": "more pairs, more cells, other tasks",
        f"archsearch train {cell} --task {task} --seed 1": f"is it better {better}, too?",
        f"archsearch replay {run}": "train the leaderboard again, compare",
        f"archsearch export {cell} -o cell.py": "take it away as a torch module",
        f"archsearch evolve --run {run} --max-candidates {board.candidates + 100}": "search on from here",
    }
    width = max(len(command) for command in steps)
    return [f"{command:<{width}}   {use}" for command, use in steps.items()]
