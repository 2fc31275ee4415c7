"""The tables of `archsearch study inside`, one for each part."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from archsearch.cli.characters import print_units
from archsearch.cli.printing import console, note
from archsearch.cli.tables import Column, number_text, print_table

if TYPE_CHECKING:
    from archsearch.studies.characters.contexts import ContextRow
    from archsearch.studies.inside import ModelRow
    from archsearch.studies.inside_parts import (
        ModelClosings,
        ModelCourse,
        ModelDynamic,
        ModelErrors,
        ModelGates,
        ModelNeighbours,
        ModelScale,
        ModelUnits,
    )


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
    titles = ("like", "step", "valid", *(f"n = {n}" for n in range(widest)))
    columns = [Column("model", least=8)] + [Column(title, right=title != "like") for title in titles]
    lines = []
    for model in models:
        for kind in ("n-gram", "n-NN"):
            for point in model.points:
                rows = dict(enumerate(point.divergence)) if kind == "n-gram" else point.windows
                nearest = point.nearest if kind == "n-gram" else point.nearest_window
                figures = [
                    f"{rows[n]:.2f}{'*' if n == nearest else ' '}" if n in rows else "" for n in range(widest)
                ]
                if rows:
                    lines.append([model.model, kind, f"{point.step:,}", f"{point.valid:.3f}", *figures])
    print_table(console(), columns, lines)
    note("Symmetric divergence from models with contexts of n symbols, in nats; * marks the nearest.")


def _print_dynamic(models: list[ModelDynamic]) -> None:
    titles = ("rate", "every", "static", "dynamic", "gain", "1st quarter", "2nd", "3rd", "4th")
    lines = [
        [
            model.model,
            f"{model.row.rate:g}",
            str(model.row.interval),
            f"{model.row.static:.3f}",
            f"{model.row.dynamic:.3f}",
            *(f"{gain:+.3f}" for gain in (model.row.static - model.row.dynamic, *model.row.quarters)),
        ]
        for model in models
    ]
    print_table(
        console(), [Column("model", least=8)] + [Column(title, right=True) for title in titles], lines
    )
    note(
        f"Test losses of the first {models[0].row.symbols:,} symbols, in nats a symbol. Dynamic: after every so many "
        "symbols the model learns from them, by gradient descent at the rate that the validation part chose."
    )
    for model in models:
        if edge := model.row.edge:
            note(
                f"{model.model}: the chosen rate is the {edge} of --dynamic-rates; a better one may lie beyond."
            )


def _print_neighbours(models: list[ModelNeighbours]) -> None:
    columns = [Column("model", least=8), Column("by"), Column("kind")]
    columns += [Column(title, right=True) for title in ("places", "chance", "states", "predictions")]
    lines = [
        [
            model.model,
            row.told_by,
            row.kind,
            f"{row.places:,}",
            *(f"{share:.0%}" for share in (row.chance, row.states, row.predictions)),
        ]
        for model in models
        for row in model.rows
    ]
    print_table(console(), columns, lines)
    note(
        "The share of the ten nearest places of the same kind, by the states of the last layer and by what is "
        "predicted. Context: the symbol before; error: what removes it."
    )


def _print_scale(models: list[ModelScale]) -> None:
    columns = [Column("from"), Column("to"), Column("errors")]
    columns += [Column(title, right=True) for title in ("before", "after", "of those that go", "the paper's")]
    lines = [
        [
            model.small,
            f"{model.large} ({model.times:.3g} x)",
            row.kind,
            f"{row.small:,}",
            f"{row.large:,}",
            number_text(row.share, ".0%"),
            number_text(row.paper, ".0%"),
        ]
        for model in models
        for row in model.gains
    ]
    if not lines:
        note(
            "scale compares the smallest and the largest model of a cell; name two sizes, such as --units 64,512"
        )
        return
    print_table(console(), columns, lines)
    note("x: times the parameters. The paper's is for 26 times, from about 50,000.")


PRINTERS: dict[str, Callable[[Any], None]] = {
    "losses": _print_losses,
    "ngrams": _print_contexts,
    "gates": _print_gates,
    "errors": _print_errors,
    "units": _print_units,
    "closings": _print_closings,
    "course": _print_course,
    "dynamic": _print_dynamic,
    "neighbours": _print_neighbours,
    "scale": _print_scale,
}
"""How each part is printed."""
