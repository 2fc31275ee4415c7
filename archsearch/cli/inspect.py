"""`archsearch inspect`."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from archsearch.actions.cells import load_cell
from archsearch.cli.characters import FOLDER, endings_option, print_units, text_of, text_option
from archsearch.cli.figures import check_figure, figure_option, write_figure
from archsearch.cli.options import folder_option, json_option, runs_option
from archsearch.cli.printing import console, note, print_json
from archsearch.errors import InputError
from archsearch.files import write_whole
from archsearch.words import plain


@click.command(epilog="Example: archsearch inspect lstm --text book.txt -o lstm.html")
@click.argument("cell")
@text_option
@endings_option
@click.option(
    "-o",
    "--output",
    metavar="FILE.html",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="The page.",
)
@click.option(
    "--unit",
    "units",
    metavar="LAYER:STATE:NUMBER",
    multiple=True,
    help="A unit to show, such as 1:c:17; may be repeated.  [default: those that follow a feature best]",
)
@click.option(
    "--layers", metavar="N", type=click.IntRange(1, 10), default=1, show_default=True, help="How many."
)
@click.option(
    "--width",
    metavar="N",
    type=click.IntRange(1, 4_096),
    default=64,
    show_default=True,
    help="Units of a layer.",
)
@click.option(
    "--steps",
    metavar="N",
    type=click.IntRange(min=1),
    default=500,
    show_default=True,
    help="Training steps, of 10,000 bytes each.",
)
@click.option("--seed", metavar="N", type=click.IntRange(min=0), default=0, show_default=True, help="Seed.")
@click.option("--force", is_flag=True, help="Replace the page if it exists.")
@figure_option("Draw the beginning of the page there")
@folder_option(FOLDER, "Where models are kept; their training goes on there.")
@runs_option
@json_option
def inspect(
    cell: str,
    path: Path,
    endings: str | None,
    output: Path,
    units: tuple[str, ...],
    layers: int,
    width: int,
    steps: int,
    seed: int,
    force: bool,
    figure: Path | None,
    folder: Path,
    runs: Path,
    as_json: bool,
) -> None:
    """Train a cell on a text, and show what its units say.

    The page colours the text by the activation of units: those that follow quotes, brackets, the position in the line or the
    indentation best, or those that are named.
    """
    check_figure(figure)
    if output.exists() and not force:
        raise InputError(f"{output} exists; --force overwrites it")
    if not output.parent.is_dir():
        raise InputError(f"{output}: no folder {output.parent}; make it first")
    subject = load_cell(cell, runs)

    from archsearch.studies import inside as study_of  # torch takes its time to import
    from archsearch.studies.characters.inspection import inspection, unit_of

    wanted = [unit_of(said) for said in units]
    text = text_of(path, seed, endings)
    with console(error=True).status("reading") as status:
        budget = study_of.Budget(folder, 1, steps, seed)
        model, record = study_of.trained_model(text, subject, (layers, width), budget, told=status.update)
        status.update("looking at its units")
        seen = inspection(study_of.model_name(subject, record), model, record, text, wanted=wanted)
    try:
        write_whole(output, seen.page.encode("utf-8", "surrogateescape"))
    except OSError as error:
        raise InputError(f"{output} cannot be written: {error.strerror}") from None
    if figure is not None:
        from archsearch.studies.characters.unit_figure import units_picture

        write_figure(units_picture(seen.content, seen.shown), figure)
    if as_json:
        print_json({"units": msgspec.to_builtins(seen.units), "page": str(output)})
    else:
        print_units(seen.units)
    note(plain(f"wrote {output}"))
