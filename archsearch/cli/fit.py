"""`archsearch fit`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from archsearch.cli.fit_progress import fit_progress
from archsearch.cli.options import data_option, device_option, json_option, runs_option, seed_option
from archsearch.cli.printing import console, note, print_json
from archsearch.cli.tables import Column, print_table
from archsearch.tasks.measures import MEASURES
from archsearch.words import plain

if TYPE_CHECKING:
    from archsearch.actions.fit_result import Fit


@click.command(epilog="Example: archsearch fit quick-1/1 --task english --units 64 -o model")
@click.argument("cell")
@click.option(
    "--task",
    required=True,
    metavar="TASK",
    help="A task of the preset, also as xml@30k, text:FILE, series:FILE, labels:FILE or FILE.py:NAME.",
)
@click.option(
    "-o",
    "--output",
    metavar="FOLDER",
    required=True,
    type=click.Path(path_type=Path),
    help="The model's folder; while it trains, checkpoints lie in FOLDER.fitting beside it.",
)
@click.option("--difficulty", metavar="NAME", help="Another difficulty than the preset's.")
@click.option(
    "--preset",
    metavar="NAME|FILE.toml",
    help="Where batch, epochs, steps and grid are from.  [default: that of the cell's run, else quick]",
)
@click.option("--units", metavar="N", type=int, help="Width of a layer.")
@click.option(
    "--parameters",
    metavar="N",
    type=int,
    help="The most that the model has, instead.  [default: the preset's budget]",
)
@click.option("--layers", metavar="N", type=int, help="How many.")
@click.option("--optimiser", type=click.Choice(["adamw", "sgd"]), help="Fixes it, like the next four.")
@click.option("--rate", metavar="R", type=float, help="Learning rate.")
@click.option("--clip", metavar="C", type=float, help="Largest norm of the gradient.")
@click.option("--scale", metavar="S", type=float, help="Initial scale.")
@click.option(
    "--dropout", metavar="P", type=float, help="Share that is dropped between layers and before the head."
)
@click.option(
    "--settings",
    metavar="N",
    type=click.IntRange(min=1),
    default=4,
    show_default=True,
    help="Settings of the grid that are compared first.",
)
@click.option(
    "--steps",
    metavar="N",
    type=click.IntRange(min=1),
    help="Training steps.  [default: ten times those of a trial]",
)
@click.option(
    "--patience",
    metavar="N",
    type=click.IntRange(min=0),
    default=10,
    show_default=True,
    help="Validations without a better one, after which it ends; 0 for never.",
)
@click.option(
    "--seeds",
    metavar="N",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Draws of initial weights; the best by validation is the model.",
)
@click.option(
    "--beside", metavar="CELL", help="Train this cell likewise, with as many parameters, for comparison."
)
@click.option(
    "--license", default="unknown", show_default=True, metavar="ID", help="What the model's card names."
)
@click.option("--force", is_flag=True, help="Replace the model if it exists.")
@runs_option
@data_option
@device_option
@seed_option
@json_option
def fit(
    cell: str, task: str, output: Path, seed: int | None, as_json: bool, beside: str | None, **options: Any
) -> None:
    """Train a cell on a task, and write a model to take away.

    The folder has the cell's text, the weights, a torch module, a config and a card; "archsearch export FOLDER" makes C or
    another format of it. A setting that won on the task in the cell's run is taken as it is; elsewhere the first settings of
    the preset's grid are compared on validation for a tenth of the steps, and the best goes on. Interrupted or killed, the
    same command goes on, and ends with the same bits.
    """
    from archsearch.actions.fit import fit as fit_cell  # torch takes its time to import

    with fit_progress() as progressed:
        try:
            fitted = fit_cell(
                cell,
                task,
                output,
                seed=seed or 0,
                beside=beside,
                progressed=progressed,
                **options,
            )
        except KeyboardInterrupt:
            note("The same command goes on where it was.")
            raise
    if as_json:
        print_json(fitted.as_document())
        return
    _print(fitted)
    note(plain(f"wrote {output}"))


def _print(fitted: Fit) -> None:
    out, config = console(), fitted.config
    columns = [
        Column("draw", right=True),
        Column("validation", right=True),
        Column("test", right=True),
        Column("best at", right=True, drop=1),
        Column("steps", right=True, drop=2),
        Column(""),
    ]
    print_table(out, columns, [_line(row) for row in fitted.records()])
    unit = MEASURES[config.measure].each
    scale = f"floor {config.floor:.4g}, ceiling {config.ceiling:.4g}"
    out.print(plain(f"{_words(fitted)} ({unit}; {scale})"))
    if fitted.beside is not None:
        out.print(plain(f"{_words(fitted.beside)}; one comparison on one set of data, so no proof"))


def _line(row: dict[str, Any]) -> list[str]:
    scores = ["" if row[name] is None else f"{row[name]:.4f}" for name in ("validation", "test")]
    last = "the model" if row["chosen"] else "" if row["status"] == "done" else row["status"]
    return [str(row["draw"]), *scores, f"{row['best_step']:,}", f"{row['steps']:,}", last]


def _words(fitted: Fit) -> str:
    config, test = fitted.config, fitted.test
    tested = "not finite" if test is None else f"{test:.4f}"
    has = fitted.draw.outcome.parameters
    setting = msgspec.structs.replace(config.setting, budget=has)  # what it might have says less
    scores = f"validation {fitted.validation:.4f}, test {tested}"
    return f"{config.name} on {config.task}: {scores}; {config.units} units; {setting}"
