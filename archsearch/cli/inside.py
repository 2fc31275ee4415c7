"""`archsearch study inside`."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from archsearch.actions.cells import load_cell
from archsearch.cli.options import json_option, runs_option
from archsearch.cli.printing import console, note, print_json
from archsearch.cli.tables import Column, number_text, print_table
from archsearch.errors import InputError
from archsearch.studies import STUDIES
from archsearch.words import did_you_mean

if TYPE_CHECKING:
    from archsearch.studies.inside import ContextRow, ModelRow

FOLDER = Path("runs", "inside")
PARTS = ("losses", "ngrams")


def text_option(needed: bool = True) -> Any:
    """Return the option --text.

    Args:
        needed: Whether it must be given.
    """
    return click.option(
        "--text",
        "path",
        required=needed,
        metavar="FILE|DIR",
        type=click.Path(path_type=Path, exists=True),
        help="What is read, as bytes; a folder's files are shuffled and joined.",
    )


def numbers(said: str, option: str) -> list[int]:
    """Return numbers that are separated by commas.

    Args:
        said: What was given.
        option: For what.

    Raises:
        InputError: One is no number from 1 up.
    """
    parts = [part.strip() for part in said.split(",")]
    for part in parts:
        if not part.isdecimal() or int(part) < 1:
            raise InputError(f"{option} {said!r}: {part!r} is no number from 1 up; write such as 1,2")
    return [int(part) for part in parts]


@click.command(
    help=STUDIES["inside"],
    epilog="Example: archsearch study inside --text book.txt --cells lstm,gru --epochs 5",
)
@text_option()
@click.option(
    "--parts",
    "said",
    metavar="A,B,C",
    default=",".join(PARTS),
    show_default=True,
    help="What is looked at.",
)
@click.option(
    "--cells",
    metavar="A,B,C",
    default="lstm,gru",
    show_default=True,
    help="Of the library, a .cell file, or RUN/1.",
)
@click.option("--layers", metavar="N,M", default="1", show_default=True, help="How many, for each model.")
@click.option("--units", metavar="N,M", default="128", show_default=True, help="Width of a layer, likewise.")
@click.option(
    "--epochs", metavar="N", type=click.IntRange(min=1), default=50, show_default=True, help="Of training."
)
@click.option("--steps", metavar="N", type=click.IntRange(min=1), help="Training steps, instead of epochs.")
@click.option(
    "--window-steps",
    metavar="N",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Training steps of the networks that see the last 1 to 6 symbols; 0 for none.",
)
@click.option("--seed", metavar="N", type=click.IntRange(min=0), default=0, show_default=True, help="Seed.")
@click.option(
    "--folder",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    default=FOLDER,
    show_default=True,
    help="Where models are kept; their training goes on there.",
)
@runs_option
@json_option
def inside(
    path: Path,
    said: str,
    cells: str,
    layers: str,
    units: str,
    epochs: int,
    steps: int | None,
    window_steps: int,
    seed: int,
    folder: Path,
    runs: Path,
    as_json: bool,
) -> None:
    """Train, look, and print; see `archsearch.studies.inside`."""
    from archsearch.studies import inside as study_of  # torch takes its time to import
    from archsearch.studies.characters.text import load_characters

    parts = _parts(said)
    sizes = list(itertools.product(numbers(layers, "--layers"), numbers(units, "--units")))
    subjects = [load_cell(cell.strip(), runs) for cell in cells.split(",")]
    text = load_characters(path, seed)
    budget = study_of.Budget(folder, epochs, steps, seed)
    document: dict[str, Any] = {
        "text": text.checksum,
        "bytes": len(text.symbols),
        "symbols": len(text.alphabet),
    }
    models = []
    with console(error=True).status("reading") as status:
        if "ngrams" in parts:
            document["ngrams"] = study_of.context_rows(text, status.update, window_steps)
        for cell, size in itertools.product(subjects, sizes) if set(parts) - {"ngrams"} else ():
            models.append((cell, *study_of.trained_model(text, cell, size, budget, status.update)))
        if "losses" in parts:
            document["losses"] = [study_of.model_row(text, *model) for model in models]
    if as_json:
        print_json(msgspec.to_builtins(document))
        return
    if rows := document.get("losses"):
        _print_losses(rows)
    if rows := document.get("ngrams"):
        _print_contexts(rows)


def _parts(said: str) -> list[str]:
    parts = [part.strip() for part in said.split(",")]
    for part in parts:
        if part not in PARTS:
            hint = did_you_mean(part, PARTS, " ({})")
            raise InputError(f"--parts: no part {part!r}{hint}; there are {', '.join(PARTS)}")
    return parts


def _print_losses(rows: list[ModelRow]) -> None:
    columns = [
        Column("cell", least=8),
        Column("size"),
        *(Column(title, right=True) for title in ("parameters", "epochs", "valid", "test", "the paper's")),
        Column("symbols a second", right=True, drop=1),
    ]
    lines = [
        [
            row.cell,
            f"{row.layers}x{row.units}",
            f"{row.parameters:,}",
            f"{row.epochs:.3g}",
            f"{row.valid:.3f}",
            f"{row.loss:.3f}",
            number_text(row.paper),
            f"{row.speed:,.0f}",
        ]
        for row in rows
    ]
    print_table(console(), columns, lines)
    note("Losses: nats a symbol; the test is the last 10 % of the text. The paper trained for 50 epochs.")


def _print_contexts(rows: list[ContextRow]) -> None:
    titles = ("n", "n-gram of 80 %", "of 90 %", "the paper's", "n-NN", "the paper's")
    lines = [
        [
            str(row.n),
            *(number_text(value) for value in (row.ngram, row.more, row.paper, row.window, row.paper_window)),
        ]
        for row in rows
    ]
    print_table(console(), [Column(title, right=True) for title in titles], lines)
    note(
        "n: symbols that are seen. Nats a symbol of the last 10 % of the text; n-grams learn from the first 80 or 90 %."
    )
