"""`archsearch propose`."""

from __future__ import annotations

import sys
from pathlib import Path

import click
import msgspec

from archsearch.actions.propose import MOST_BYTES, Answer, leave_proposals, read_stream
from archsearch.cli.options import json_option, runs_option
from archsearch.cli.printing import console, note, print_json
from archsearch.cli.tables import Column, number_text, print_table
from archsearch.errors import InputError
from archsearch.store import Lock, existing_run
from archsearch.words import short_id

STDIN = "-"


@click.command(epilog="Example: archsearch propose quick-1 mine.cell")
@click.argument("run")
@click.argument("files", metavar="[FILES]...", nargs=-1)
@runs_option
@json_option
def propose(run: str, files: tuple[str, ...], runs: Path, as_json: bool) -> int:
    """Propose cells to a run, while it is searched in or stopped.

    FILES hold cells, several one after the other; standard input is read where none is given. Each is answered: new (it
    waits until a step of the search takes it), waiting, known (with what is known of it), or refused (and why). A proposed
    cell is filtered, trained and scored like every other. Exits with 2 if one is refused.
    """
    folder = existing_run(run, runs)
    texts: dict[str, str] = {}
    for file in files or (STDIN,):
        texts |= read_stream(*_content(file))
    answers = leave_proposals(folder, texts)
    if as_json:
        print_json(msgspec.to_builtins(answers))
    else:
        columns = [
            Column("cell"),
            Column("answer"),
            Column("fitness", right=True),
            Column("more"),
            Column("from", drop=1),
        ]
        print_table(console(), columns, [_row(answer) for answer in answers])
        if any(answer.answer == "new" for answer in answers):
            note(*_way_on(run, Lock(folder).holder is not None))
    return 2 if any(answer.answer == "refused" for answer in answers) else 0


def _way_on(run: str, searched: bool) -> list[str]:
    if not searched:
        return [
            f"Nobody searches in the run now; 'archsearch evolve --run {run}' goes on with it and takes them.",
            "One that has reached its --max-candidates or --max-time needs a larger one.",
        ]
    return [f"One step in two takes one; 'archsearch show {run}/ID' says what became of it."]


def _content(file: str) -> tuple[str, bytes]:
    """Return what a file is called, and what is in it."""
    if file == STDIN:
        return "<stdin>", sys.stdin.buffer.read(MOST_BYTES + 1)
    try:
        with open(file, "rb") as stream:
            return file, stream.read(MOST_BYTES + 1)
    except OSError as error:
        raise InputError(f"{file}: {error.strerror}") from None


def _row(answer: Answer) -> list[str]:
    return [
        short_id(answer.id) if answer.id else "-",
        answer.answer,
        number_text(answer.fitness),
        answer.reason,
        answer.source,
    ]
