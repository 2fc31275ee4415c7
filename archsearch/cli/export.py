"""`archsearch export`."""

from __future__ import annotations

from pathlib import Path

import click

from archsearch.cli.board import noise_words
from archsearch.cli.cell_argument import Named, find_cell
from archsearch.cli.common import note, runs_option
from archsearch.errors import InputError
from archsearch.exporters import EXPORTERS, Scores, TaskScore
from archsearch.exporters import export as write
from archsearch.words import plain


@click.command(epilog="Example: archsearch export quick-1/1 -o cell.py")
@click.argument("cell")
@click.option(
    "--format",
    "format_",
    type=click.Choice(list(EXPORTERS)),
    help="What to write; otherwise the file's ending says it.",
)
@click.option(
    "-o", "--output", metavar="FILE", required=True, type=click.Path(path_type=Path), help="File to write."
)
@click.option("--force", is_flag=True, help="Replace the file if it exists.")
@runs_option
def export(cell: str, format_: str | None, output: Path, force: bool, runs: Path) -> None:
    """Write a cell as a torch module, text, JSON, picture or equations.

    An exported module stands alone: it needs torch and nothing of archsearch, and is run and compared before it is written.
    """
    by_suffix = {row.suffix: name for name, row in EXPORTERS.items()}
    chosen = format_ or by_suffix.get(output.suffix)
    if chosen is None:
        endings = ", ".join(by_suffix)
        raise InputError(
            f"{output}: which format? Give --format {'|'.join(EXPORTERS)}, or a file that ends in {endings}"
        )
    named = find_cell(cell, runs)
    path = write(named.cell, chosen, output, force=force, scores=_scores(named))
    note(plain(f"wrote {path}"))


def _scores(named: Named) -> Scores | None:
    """Return what the leaderboard says of the cell, if it stands on one."""
    if named.row is None or named.board is None:
        return None
    row, noise = named.row, named.board.noise
    tasks = tuple(
        TaskScore(task, result.score, result.skill, result.ratio, str(result.setting))
        for task, result in row.judgement.tasks.items()
    )
    words = "" if noise is None else noise_words(noise)
    return Scores(named.board.run, row.rank, row.fitness, named.board.plan.seed, tasks, words)
