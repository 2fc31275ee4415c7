"""`archsearch study inside`."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from archsearch.actions.cells import load_cell
from archsearch.cli.characters import FOLDER, numbers, print_units, text_option
from archsearch.cli.figures import check_figure, figure_option, write_figure
from archsearch.cli.options import json_option, runs_option
from archsearch.cli.printing import console, note, print_json
from archsearch.cli.tables import Column, number_text, print_table
from archsearch.errors import InputError
from archsearch.studies import STUDIES
from archsearch.words import did_you_mean

if TYPE_CHECKING:
    from archsearch.studies.characters.contexts import ContextRow
    from archsearch.studies.inside import (
        ModelClosings,
        ModelCourse,
        ModelErrors,
        ModelGates,
        ModelRow,
        ModelUnits,
    )

PARTS = ("losses", "ngrams", "gates", "errors", "units", "closings", "course")
USUAL = "losses,ngrams"


@click.command(
    help=STUDIES["inside"],
    epilog="Example: archsearch study inside --text book.txt --cells lstm,gru --epochs 5",
)
@text_option
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
@click.option("--seed", metavar="N", type=click.IntRange(min=0), default=0, show_default=True, help="Seed.")
@click.option(
    "--folder",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    default=FOLDER,
    show_default=True,
    help="Where models are kept; their training goes on there.",
)
@figure_option("Draw the gates of the models there")
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
    figure: Path | None,
    runs: Path,
    as_json: bool,
) -> None:
    """Train, look, and print; see `archsearch.studies.inside`."""
    from archsearch.studies import inside as study_of  # torch takes its time to import
    from archsearch.studies.characters.contexts import context_rows
    from archsearch.studies.characters.gates import gate_names
    from archsearch.studies.characters.text import load_characters

    parts = _parts(said)
    if figure is not None:
        check_figure(figure)
        parts = [*parts, *(["gates"] if "gates" not in parts else [])]
    sizes = list(itertools.product(numbers(layers, "--layers"), numbers(units, "--units")))
    subjects = [load_cell(cell.strip(), runs) for cell in cells.split(",")]
    if figure is not None and not any(map(gate_names, subjects)):
        raise InputError(f"--figure draws gates, and no node of {cells} is a sigmoid; leave it out")
    text = load_characters(path, seed)
    budget = study_of.Budget(folder, epochs, steps, seed)
    found: dict[str, Any] = {}
    with console(error=True).status("reading") as status:
        told = status.update
        if "ngrams" in parts:
            found["ngrams"] = context_rows(text, told, window_steps)
        models = [
            (cell, *study_of.trained_model(text, cell, size, budget, told=told))
            for cell, size in (itertools.product(subjects, sizes) if set(parts) - {"ngrams"} else ())
        ]
        names = study_of.model_names(models)
        named = {name: model for name, (_, model, _) in zip(names, models, strict=True)}
        if "losses" in parts:
            found["losses"] = [study_of.model_row(text, *model) for model in models]
        for part in ("gates", "errors", "units", "closings"):
            if part in parts:
                found[part] = getattr(study_of, f"model_{part}")(text, named, told)
        if "course" in parts:
            records = {name: record for name, (_, _, record) in zip(names, models, strict=True)}
            found["course"] = study_of.model_course(text, records, told)
    if figure is not None:
        from archsearch.studies.characters.gates_figure import gates_picture

        write_figure(gates_picture([(row.model, row.gates) for row in found["gates"] if row.gates]), figure)
    if as_json:
        facts = {"sha256": text.checksum, "bytes": len(text.symbols), "symbols": len(text.alphabet)}
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
    titles = ("n", "n-gram of 80 %", "of 90 %", "first half", "the paper's", "n-NN", "the paper's")
    lines = [
        [
            str(row.n),
            *(
                number_text(value)
                for value in (row.ngram, row.more, row.half, row.paper, row.window, row.paper_window)
            ),
        ]
        for row in rows
    ]
    print_table(console(), [Column(title, right=True) for title in titles], lines)
    note(
        "n: symbols that are seen. Nats a symbol of the last 10 % of the text; n-grams learn from the first 80 or "
        "90 %; first half: the latter on the first half of what is tested."
    )


def _print_gates(models: list[ModelGates]) -> None:
    titles = ("mostly shut", "mostly open", "shut", "open")
    columns = [Column("model", least=8), Column("gate"), Column("layer", right=True)]
    lines = []
    for model in models:
        for row in model.gates:
            often = [sum(share > 0.5 for share in side) / len(side) for side in (row.left, row.right)]
            mean = [sum(side) / len(side) for side in (row.left, row.right)]
            figures = [f"{share:.0%}" for share in (*often, *mean)]
            lines.append([model.model, row.gate, str(row.layer), *figures])
    print_table(console(), columns + [Column(title, right=True) for title in titles], lines)
    note(
        "Shut: below 0.1; open: above 0.9. Mostly: the share of units that are so for more than half of the time. The "
        "others: the share of time, in the mean over units."
    )


def _print_errors(models: list[ModelErrors]) -> None:
    from archsearch.studies.characters.errors import by_kind

    columns = [Column("model", least=8), Column("removed by")]
    columns += [Column(title, right=True) for title in ("errors", "share", "the paper's")]
    lines = []
    for model in models:
        onion = model.onion
        share = onion.errors / onion.symbols
        lines.append([model.model, "all errors", f"{onion.errors:,}", f"{share:.1%} of all", ""])
        lines += [
            [model.model, row.kind, f"{row.errors:,}", f"{row.share:.1%}", number_text(row.paper, ".0%")]
            for row in by_kind(onion.rows)
        ]
    print_table(console(), columns, lines)
    note("An error: the true symbol has less than a half. Each is counted once, where it is first removed.")


def _print_units(models: list[ModelUnits]) -> None:
    for model in models:
        print_units(model.units, model.model)


def _print_closings(models: list[ModelClosings]) -> None:
    columns = [Column("model", least=8), Column("pair"), Column("distance")]
    columns += [Column(title, right=True) for title in ("closings", "the model", "20-gram")]
    lines = [
        [
            model.model,
            row.pair,
            f"{row.nearest} and more" if row.farthest is None else f"{row.nearest} to {row.farthest}",
            f"{row.count:,}",
            f"{row.model:.3f}",
            f"{row.ngram:.3f}",
        ]
        for model in models
        for row in model.rows
    ]
    print_table(console(), columns, lines)
    note(
        "The mean probability of what closes, by the distance to what it closes, in the last 10 % of the text."
    )


def _print_course(models: list[ModelCourse]) -> None:
    widest = max(len(point.divergence) for model in models for point in model.points)
    columns = [Column("model", least=8), Column("step", right=True), Column("valid", right=True)]
    columns += [Column(f"n = {n}", right=True) for n in range(widest)]
    lines = [
        [
            model.model,
            f"{point.step:,}",
            f"{point.valid:.3f}",
            *(f"{value:.2f}{'*' if n == point.nearest else ' '}" for n, value in enumerate(point.divergence)),
        ]
        for model in models
        for point in model.points
    ]
    print_table(console(), columns, lines)
    note("Symmetric divergence from n-grams with contexts of n symbols, in nats; * marks the nearest.")


PRINTERS: dict[str, Callable[[Any], None]] = {
    "losses": _print_losses,
    "ngrams": _print_contexts,
    "gates": _print_gates,
    "errors": _print_errors,
    "units": _print_units,
    "closings": _print_closings,
    "course": _print_course,
}
"""How each part is printed."""
