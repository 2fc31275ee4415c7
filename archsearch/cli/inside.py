"""`archsearch study inside`."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from archsearch.actions.cells import load_cell
from archsearch.cli.characters import FOLDER, endings_option, numbers, positive, text_of, text_option
from archsearch.cli.figures import check_figure, figure_option, write_figure
from archsearch.cli.inside_tables import PRINTERS
from archsearch.cli.options import cells_option, folder_option, json_option, runs_option
from archsearch.cli.packages import check_sklearn
from archsearch.cli.printing import console, print_json
from archsearch.errors import InputError
from archsearch.studies import STUDIES
from archsearch.words import did_you_mean

if TYPE_CHECKING:
    from archsearch.studies.characters.text import CharText
    from archsearch.studies.inside_look import Look

PARTS = tuple(PRINTERS)
USUAL = "losses,ngrams"

DRAWN = {"--figure": "gates", "--course-figure": "course", "--places-figure": "neighbours"}
"""Which part each figure draws."""

Figures = dict[str, Path | None]
"""The figures that are wanted, by their options."""


@click.command(
    help=STUDIES["inside"],
    epilog="Example: archsearch study inside --text book.txt --cells lstm,gru --epochs 5",
)
@text_option
@endings_option
@click.option(
    "--parts",
    "said",
    metavar="A,B,C",
    default=USUAL,
    show_default=True,
    help=f"Of {', '.join(PARTS)}; all for all.",
)
@cells_option("lstm,gru")
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
@click.option(
    "--dynamic-rates",
    metavar="X,Y",
    default="0.01,0.03,0.1,0.3,1",
    show_default=True,
    help="Of dynamic evaluation; the validation part chooses.",
)
@click.option(
    "--dynamic-interval",
    metavar="N",
    type=click.IntRange(1, 10_000),
    default=50,
    show_default=True,
    help="Symbols between its updates.",
)
@click.option(
    "--dynamic-symbols",
    metavar="N",
    type=click.IntRange(min=4),
    help="Of the test part that it reads.  [default: all]",
)
@click.option("--seed", metavar="N", type=click.IntRange(min=0), default=0, show_default=True, help="Seed.")
@folder_option(FOLDER, "Where models are kept; their training goes on there.")
@figure_option("Draw the gates of the models there")
@figure_option("Draw the course of the models there", "--course-figure")
@figure_option("Draw places of the text there, by t-SNE of what models hold and predict", "--places-figure")
@runs_option
@json_option
def inside(
    path: Path,
    endings: str | None,
    said: str,
    cells: str,
    layers: str,
    units: str,
    epochs: int,
    steps: int | None,
    window_steps: int,
    dynamic_rates: str,
    dynamic_interval: int,
    dynamic_symbols: int | None,
    seed: int,
    folder: Path,
    figure: Path | None,
    course_figure: Path | None,
    places_figure: Path | None,
    runs: Path,
    as_json: bool,
) -> None:
    """Train, look, and print; see `archsearch.studies.inside_look`."""
    from archsearch.studies.characters.dynamic import Reading  # torch takes its time to import
    from archsearch.studies.characters.gates import gate_names
    from archsearch.studies.inside import Budget
    from archsearch.studies.inside_look import Look, looked

    figures = {"--figure": figure, "--course-figure": course_figure, "--places-figure": places_figure}
    parts = _with_drawn(_parts(said), figures)
    sizes = list(itertools.product(numbers(layers, "--layers"), numbers(units, "--units")))
    if said != "all" and "scale" in parts and len(set(sizes)) < 2:
        raise InputError("--parts scale compares two sizes of a cell; name them, such as --units 64,512")
    subjects = [load_cell(cell.strip(), runs) for cell in cells.split(",")]
    if figure is not None and not any(map(gate_names, subjects)):
        raise InputError(f"--figure draws gates, and no node of {cells} is a sigmoid; leave it out")
    reading = Reading(positive(dynamic_rates, "--dynamic-rates"), dynamic_interval, dynamic_symbols)
    text = text_of(path, seed, endings)
    budget = Budget(folder, epochs, steps, seed)
    with console(error=True).status("reading") as status:
        look = Look(text, subjects, sizes, budget, window_steps, reading=reading, told=status.update)
        found = looked(look, parts)
    _draw(look, found, figures)
    if as_json:
        print_json({"text": _facts(text), **msgspec.to_builtins(found)})
        return
    for part, rows in found.items():
        PRINTERS[part](rows)


def _parts(said: str) -> list[str]:
    parts = list(PARTS) if said == "all" else [part.strip() for part in said.split(",")]
    for part in parts:
        if part not in PARTS:
            hint = did_you_mean(part, PARTS, " ({})")
            raise InputError(f"--parts: no part {part!r}{hint}; there are {', '.join(PARTS)}")
    return parts


def _with_drawn(parts: list[str], figures: Figures) -> list[str]:
    """Return parts and those that figures draw, once it is known that each can be drawn."""
    for option, figure in figures.items():
        check_figure(figure, option)
        parts = [*parts, DRAWN[option]] if figure is not None else parts
    if figures["--places-figure"] is not None:
        check_sklearn("--places-figure")
    return parts


def _draw(look: Look, found: dict[str, list[Any]], figures: Figures) -> None:
    """Draw the figures that are wanted."""
    if (figure := figures["--figure"]) is not None:
        from archsearch.studies.characters.gates_figure import gates_picture

        write_figure(gates_picture([(row.model, row.gates) for row in found["gates"] if row.gates]), figure)
    if (figure := figures["--course-figure"]) is not None:
        from archsearch.studies.characters.course_figure import course_picture

        picture = course_picture([(row.model, row.points) for row in found["course"]])
        write_figure(picture, figure, "--course-figure")
    if (figure := figures["--places-figure"]) is not None:
        from archsearch.studies.characters.tsne_figure import maps_picture

        picture = maps_picture(list(look.samples.items()), look.budget.seed)
        write_figure(picture, figure, "--places-figure")


def _facts(text: CharText) -> dict[str, Any]:
    return {
        "sha256": text.checksum,
        "bytes": len(text.symbols),
        "symbols": len(text.alphabet),
        "files": text.files,
        "left_out": text.left_out,
    }
