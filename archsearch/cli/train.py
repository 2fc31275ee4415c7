"""`archsearch train`."""

from __future__ import annotations

import math
from pathlib import Path

import click

from archsearch.actions.cells import load_cell
from archsearch.actions.train import Comparison, Pair
from archsearch.actions.train import train as train_cell
from archsearch.cli.options import json_option, runs_option, seed_option, training_options
from archsearch.cli.printing import console, note, print_json, progress_line
from archsearch.cli.tables import Column, print_table
from archsearch.words import plain


@click.command(epilog="Example: archsearch train mut1 --task xml --settings 4")
@click.argument("cell")
@click.option(
    "--task",
    required=True,
    metavar="TASK",
    help="A task of the preset, also as xml@30k, text:FILE, series:FILE, labels:FILE or FILE.py:NAME.",
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
@training_options
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

    Both train under the same settings on the same data. The seed is that of the training data and of the initial weights; a
    text file and Penn Treebank have the same data under every seed.
    """
    subject = load_cell(cell, runs)
    with progress_line("training:") as progressed:
        comparison = train_cell(
            subject,
            task,
            difficulty=difficulty,
            preset=preset,
            settings=settings,
            seed=seed or 0,
            data=data,
            workers=workers,
            device=device,
            progressed=progressed,
        )
    if (count := len(comparison.pairs)) < settings:
        name = comparison.plan.preset_name
        note(f"The grid of preset {name} has {count} settings for this task; all of them were used.")
    if as_json:
        print_json(comparison.as_document())
    else:
        _print(comparison, subject.name)


def _print(comparison: Comparison, name: str) -> None:
    out, facts = console(), comparison.facts
    columns = [
        Column("setting", least=12),
        Column("units", right=True),
        Column(plain(name), right=True),
        Column("skill", right=True),
        Column("units", right=True, drop=1),
        Column("gru", right=True),
        Column("skill", right=True),
    ]
    print_table(out, columns, [_line(comparison, pair) for pair in comparison.pairs])
    _print_read_outs(comparison, name)
    even = facts.measure == "nll" and facts.floor >= math.log(facts.symbols)
    scale = f"floor {facts.floor:.4g}{', guessing evenly' if even else ''}, ceiling {facts.ceiling:.4g}"
    out.print(plain(f"{comparison.described}: {verdict_words(comparison)} ({scale}; one seed, so no proof)"))


def _print_read_outs(comparison: Comparison, name: str) -> None:
    """Print how the accuracy of the best trials falls as sequences grow, where the task says how long they are."""
    if read := comparison.read_outs:
        columns = [Column(title, right=True) for title in ("steps", plain(name), "gru")]
        rows = [
            [f"{ours.length:,}", f"{ours.accuracy:.3f}", f"{theirs.accuracy:.3f}"] for ours, theirs in read
        ]
        print_table(console(), columns, rows)


def _line(comparison: Comparison, pair: Pair) -> list[str]:
    values = []
    for outcome in (pair.cell, pair.baseline):
        skill = comparison.skill(outcome)
        scored = [outcome.status, ""] if skill is None else [f"{outcome.score:.4f}", f"{skill:.3f}"]
        values += [str(outcome.units), *scored]
    return [str(pair.setting), *values]


def verdict_words(comparison: Comparison) -> str:
    """Return what the skills of both say: their ratio, or why there is none."""
    best, baseline = comparison.best, comparison.baseline_best
    if best is None or baseline is None:
        return f"no ratio, as there is {comparison.no_ratio}"
    error = comparison.skill_error
    either = f" (either ± {error:.2g})" if error else ""
    ratio = comparison.ratio
    words = f"no ratio, as {comparison.no_ratio}" if ratio is None else f"ratio {ratio:.3f}"
    return f"best skill {best:.3f} against the GRU's {baseline:.3f}{either}, {words}"
