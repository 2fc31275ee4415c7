"""`archsearch study inside`."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import click
import msgspec

from archsearch.actions.cells import load_cell
from archsearch.cli.characters import FOLDER, endings_option, numbers, positive, text_of, text_option
from archsearch.cli.figures import check_figure, figure_option, write_figure
from archsearch.cli.inside_tables import PRINTERS
from archsearch.cli.options import folder_option, json_option, runs_option
from archsearch.cli.packages import check_sklearn
from archsearch.cli.printing import console, print_json
from archsearch.errors import InputError
from archsearch.studies import STUDIES
from archsearch.words import did_you_mean

PARTS = tuple(PRINTERS)
USUAL = "losses,ngrams"


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
    """Train, look, and print; see `archsearch.studies.inside`."""
    from archsearch.studies import inside as study_of  # torch takes its time to import
    from archsearch.studies import inside_parts as parts_of
    from archsearch.studies.characters.contexts import context_rows
    from archsearch.studies.characters.dynamic import Reading
    from archsearch.studies.characters.errors import ngram_hits
    from archsearch.studies.characters.gates import gate_names
    from archsearch.studies.characters.windows import trained_windows

    parts = _parts(said)
    if figure is not None:
        check_figure(figure)
        parts = [*parts, *(["gates"] if "gates" not in parts else [])]
    if course_figure is not None:
        check_figure(course_figure, "--course-figure")
        parts = [*parts, *(["course"] if "course" not in parts else [])]
    if places_figure is not None:
        check_figure(places_figure, "--places-figure")
        check_sklearn("--places-figure")
        parts = [*parts, *(["neighbours"] if "neighbours" not in parts else [])]
    sizes = list(itertools.product(numbers(layers, "--layers"), numbers(units, "--units")))
    if said != "all" and "scale" in parts and len(set(sizes)) < 2:
        raise InputError("--parts scale compares two sizes of a cell; name them, such as --units 64,512")
    subjects = [load_cell(cell.strip(), runs) for cell in cells.split(",")]
    if figure is not None and not any(map(gate_names, subjects)):
        raise InputError(f"--figure draws gates, and no node of {cells} is a sigmoid; leave it out")
    reading = Reading(positive(dynamic_rates, "--dynamic-rates"), dynamic_interval, dynamic_symbols)
    text = text_of(path, seed, endings)
    budget = study_of.Budget(folder, epochs, steps, seed)
    found: dict[str, Any] = {}
    with console(error=True).status("reading") as status:
        told = status.update
        networks = trained_windows(text, window_steps if {"ngrams", "course"} & set(parts) else 0, told)
        if "ngrams" in parts:
            found["ngrams"] = context_rows(text, told, networks)
        models = [
            (cell, *study_of.trained_model(text, cell, size, budget, told=told))
            for cell, size in (itertools.product(subjects, sizes) if set(parts) - {"ngrams"} else ())
        ]
        names = study_of.model_names(models)
        named = {name: model for name, (_, model, _) in zip(names, models, strict=True)}
        if "losses" in parts:
            found["losses"] = [study_of.model_row(text, *model) for model in models]
        for part in ("gates", "units", "closings"):
            if part in parts:
                found[part] = getattr(parts_of, f"model_{part}")(text, named, told)
        if {"errors", "scale", "neighbours"} & set(parts):
            told("n-grams of up to nine symbols")
            hits = ngram_hits(text)
        if "errors" in parts:
            found["errors"] = parts_of.model_errors(text, named, hits, told)
        if "scale" in parts:
            found["scale"] = parts_of.model_scale(text, named, hits, told)
        if "course" in parts:
            records = {name: record for name, (_, _, record) in zip(names, models, strict=True)}
            found["course"] = parts_of.model_course(text, records, networks, told)
        if "dynamic" in parts:
            found["dynamic"] = parts_of.model_dynamic(text, named, reading, told)
        if "neighbours" in parts:
            samples = parts_of.model_samples(text, named, hits, seed, told)
            found["neighbours"] = parts_of.model_neighbours(samples)
    if figure is not None:
        from archsearch.studies.characters.gates_figure import gates_picture

        write_figure(gates_picture([(row.model, row.gates) for row in found["gates"] if row.gates]), figure)
    if course_figure is not None:
        from archsearch.studies.characters.course_figure import course_picture

        picture = course_picture([(row.model, row.points) for row in found["course"]])
        write_figure(picture, course_figure, "--course-figure")
    if places_figure is not None:
        from archsearch.studies.characters.tsne_figure import maps_picture

        write_figure(maps_picture(list(samples.items()), seed), places_figure, "--places-figure")
    if as_json:
        facts: dict[str, Any] = {
            "sha256": text.checksum,
            "bytes": len(text.symbols),
            "symbols": len(text.alphabet),
        }
        facts |= {"files": text.files, "left_out": text.left_out}
        print_json({"text": facts, **msgspec.to_builtins(found)})
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
