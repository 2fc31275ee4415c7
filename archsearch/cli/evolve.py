"""`archsearch evolve`."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from archsearch.actions.evolve import EvolveOptions, SearchResult
from archsearch.actions.evolve import evolve as search
from archsearch.actions.resolve import Request
from archsearch.cli.board import print_leaderboard
from archsearch.cli.common import (
    console,
    data_option,
    device_option,
    devices,
    json_option,
    note,
    pointer,
    print_json,
    runs_option,
    seed_option,
    workers_option,
)
from archsearch.cli.display import Display
from archsearch.errors import INTERRUPTED, InputError
from archsearch.protocol.preset import parse_duration
from archsearch.store import Leaderboard, RunStore, as_document, read_leaderboard


@click.command(epilog="Example: archsearch evolve --preset quick --seed 1 --max-candidates 60")
@click.option("--run", "run", metavar="RUN", help="Name or path of the run; one that exists goes on.")
@runs_option
@click.option(
    "--preset",
    metavar="NAME|FILE.toml",
    help="How cells are measured: quick, laptop, paper or a file.  [default: quick]",
)
@click.option(
    "--strategy", metavar="NAME", help="What each step tries: jozefowicz or random.  [default: jozefowicz]"
)
@click.option("--space", metavar="NAME|FILE.toml", help="What cells are made of.  [default: jozefowicz2015]")
@click.option("--tasks", metavar="A,B,C", help="Tasks of the preset, in the order of the stages.")
@click.option(
    "--task",
    "own",
    metavar="OWN",
    multiple=True,
    help="Your own task: text:FILE or FILE.py:NAME; may be repeated.",
)
@data_option
@workers_option
@device_option
@seed_option
@click.option(
    "--max-candidates",
    type=int,
    metavar="N",
    help="Candidates of the run in all; switches the preset's time off.",
)
@click.option("--max-time", metavar="TIME", help="Time of search in all: 90s, 30m, 2h.")
@click.option(
    "--top",
    metavar="N",
    type=click.IntRange(min=1),
    default=10,
    show_default=True,
    help="Ranks of the leaderboard.",
)
@json_option
@click.pass_context
def evolve(
    ctx: click.Context,
    run: str | None,
    runs: Path,
    preset: str | None,
    strategy: str | None,
    space: str | None,
    tasks: str | None,
    own: tuple[str, ...],
    data: Path | None,
    workers: int | None,
    device: str,
    seed: int | None,
    max_candidates: int | None,
    max_time: str | None,
    top: int,
    as_json: bool,
) -> int:
    """Search for cells that beat the GRU; start a run or go on with one.

    Without --run the newest unfinished run with the same settings goes on, else a new one begins. A run may be stopped at
    any time (Ctrl-C) and goes on with the same command; only workers, --max-candidates and --max-time may change.
    """
    if max_candidates is not None and max_candidates < 1:
        raise InputError(f"--max-candidates {max_candidates}: a run has at least 1 candidate")
    names = None if tasks is None else tuple(part.strip() for part in tasks.split(",") if part.strip())
    if names == ():
        raise InputError("--tasks names no task; give some, such as --tasks arithmetic,xml")
    request = EvolveOptions(
        Request(preset, strategy, space, names, own, seed),
        runs,
        run,
        data,
        devices(device, workers),
        max_candidates,
        parse_duration(max_time) if max_time else None,
    )
    with Display(request.devices) as display:
        closed = search(request, display)
    _print_result(closed, request, top, as_json)
    return INTERRUPTED if closed.ending == "interrupted" else 0


def _print_result(closed: SearchResult, request: EvolveOptions, top: int, as_json: bool) -> None:
    store = RunStore.open(closed.folder)
    try:
        board = read_leaderboard(store, closed.folder.name)
    finally:
        store.close()
    if closed.ending == "exhausted":
        note("The space holds nothing new any more: every child is known or not valid.")
    if closed.host_failures:
        note(
            f"{closed.host_failures} trials ended by crash, memory or timeout: this run cannot be repeated step by step."
        )
    if as_json:
        print_json(as_document(board, top))
    elif closed.ending != "interrupted":
        print_leaderboard(console(), board, top)
        note(f"Workers waited {closed.waited:.0%} of their time.")
    if closed.ending == "interrupted":
        note(f"Interrupted; all that ended is stored. Go on with:  {_again(closed.folder, request)}")
    elif board.rows and not as_json:
        note("\nNext:  " + "\n       ".join(_next(board, pointer(closed.folder))))


def _again(folder: Path, request: EvolveOptions) -> str:
    """Return the command that goes on with an interrupted run."""
    words = f"archsearch evolve --run {pointer(folder)}"
    words += f" --max-candidates {request.max_candidates}" if request.max_candidates else ""
    return words + (f" --max-time {request.max_seconds:g}s" if request.max_seconds else "")


def _next(board: Leaderboard, run: str) -> list[str]:
    """Return what a person may want to do now: commands, each with what it is for."""
    best = next((row.rank for row in board.rows if row.rank and row.parent), 1)
    cell, task = f"{run}/{best}", shlex.quote(board.plan.courses[0].task)
    steps = {
        f"archsearch show {cell}": "its equations, and what made it",
        f"archsearch train {cell} --task {task} --seed 1": "is it better on other data, too?",
        f"archsearch replay {run}": "train the leaderboard again, compare",
        f"archsearch export {cell} -o cell.py": "take it away as a torch module",
        f"archsearch evolve --run {run} --max-candidates {board.candidates + 100}": "search on from here",
    }
    width = max(len(command) for command in steps)
    return [f"{command:<{width}}   {use}" for command, use in steps.items()]
