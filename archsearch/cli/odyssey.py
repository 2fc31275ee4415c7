"""`archsearch study odyssey`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from archsearch.actions.cells import add_named, load_cells
from archsearch.cell import Cell
from archsearch.cli.figures import check_figure, figure_option, write_figure
from archsearch.cli.odyssey_tables import (
    print_factors,
    print_gates,
    print_importance,
    print_variants,
)
from archsearch.cli.options import cells_option, json_option, runs_option
from archsearch.cli.packages import check_sklearn
from archsearch.cli.printing import note, print_json
from archsearch.cli.searching import effort_of, search_options, searched
from archsearch.errors import InputError
from archsearch.studies import STUDIES
from archsearch.words import did_you_mean

if TYPE_CHECKING:
    from archsearch.studies.factors import Effect, Where
    from archsearch.studies.importance import ImportanceRow
    from archsearch.studies.random_search.training import Effort, SearchTrial
    from archsearch.tasks.task import Numbers

VARIANTS = "vanilla,nig,nfg,nog,niaf,noaf,cifg,np,fgr"


@click.command(
    help=STUDIES["odyssey"],
    epilog="Example: archsearch study odyssey --data DIR --reduced --trials 20 --figure boxes.svg",
)
@search_options
@click.option(
    "--on",
    "material",
    metavar="NAME",
    default="jsb_chorales",
    show_default=True,
    help="What is learned: jsb_chorales, nottingham, piano_midi, muse_data, timit or iam_ondb.",
)
@cells_option(VARIANTS, more="; held against vanilla, or else the first")
@click.option(
    "--trials",
    metavar="N",
    type=click.IntRange(min=1),
    default=200,
    show_default=True,
    help="Settings that are drawn, the same for every cell.",
)
@click.option(
    "--factorial",
    is_flag=True,
    help="Train the LSTM with each subset of its gates besides, and say what each gate does and what they do together.",
)
@click.option(
    "--factors",
    metavar="A,B",
    default="",
    help="Train every cell besides with normalised pre-activations (norm), with dropout of what the layer reads, says, "
    "and both (dropout), or with each of these together, and say what each does.",
)
@click.option(
    "--importance",
    is_flag=True,
    help="Say besides how much each hyper-parameter explains of the test score (fANOVA); needs scikit-learn.",
)
@figure_option("Draw the test score of all trials and of the best tenth there")
@figure_option("Draw what each hyper-parameter does to the test score there", "--marginals")
@runs_option
@json_option
def odyssey(
    material: str,
    cells: str,
    trials: int,
    reduced: bool,
    epochs: int | None,
    loss: str,
    factorial: bool,
    factors: str,
    importance: bool,
    figure: Path | None,
    marginals: Path | None,
    runs: Path,
    as_json: bool,
    **search: Any,
) -> None:
    """Run and print the tables; see `archsearch.studies.odyssey`."""
    for option, file in (("--figure", figure), ("--marginals", marginals)):
        check_figure(file, option)
    if importance or marginals is not None:
        check_sklearn("--importance" if importance else "--marginals")
    from archsearch.studies import gates as study_of_gates  # torch takes its time to import
    from archsearch.studies import odyssey as study_of
    from archsearch.studies.random_search.goals import GOALS
    from archsearch.studies.random_search.material import KINDS

    if material not in KINDS:
        raise InputError(
            f"--on {material}: no such set{did_you_mean(material, KINDS, ' ({})')}; there are {', '.join(KINDS)}"
        )
    named = _factors(factors)
    score, wanted = GOALS[KINDS[material]].score, load_cells(cells, runs)
    factored = dict(wanted)
    made = study_of_gates.gated_cells() if factorial else {}
    names = {gates: add_named(wanted, cell, f"{cell.name} (gates)") for gates, cell in made.items()}
    effort = effort_of(reduced, epochs, loss)
    found = searched(wanted, trials, name=material, effort=effort, **search)
    rows = study_of.variant_rows(wanted, found, material)
    if figure is not None:
        from archsearch.studies.odyssey_figure import variants_picture

        write_figure(variants_picture(found, score), figure)
    effects = (
        study_of_gates.gate_effects({gates: found[name] for gates, name in names.items()}) if names else []
    )
    moved = _factor_effects(factored, named, trials, name=material, effort=effort, **search) if named else []
    explained: list[ImportanceRow] = []
    if importance or marginals is not None:
        from archsearch.studies.importance import importance_rows, scored_settings

        scored = scored_settings(found)
        explained = importance_rows(scored) if importance else []
        if marginals is not None:
            _draw_marginals(scored, score, marginals)
    if as_json:
        document = {
            "material": material,
            "effort": effort,
            "rows": rows,
            "gates": effects,
            "factors": moved,
            "importance": explained,
        }
        print_json(msgspec.to_builtins(document))
        return
    print_variants(rows, score)
    if factorial:
        print_gates(effects)
    if named:
        print_factors(moved)
    if importance:
        print_importance(explained)


def _factors(said: str) -> list[str]:
    from archsearch.studies.factors import FACTORS

    named = [factor.strip() for factor in said.split(",")] if said else []
    if unknown := [factor for factor in named if factor not in FACTORS]:
        raise InputError(f"--factors {said}: no factor {unknown[0]!r}; there are {', '.join(FACTORS)}")
    return named


def _factor_effects(
    cells: Mapping[str, Cell], factors: list[str], trials: int, *, effort: Effort, **search: Any
) -> list[Effect]:
    """Train every cell under each level of some factors, and return what the levels change."""
    from archsearch.studies.factors import PLACES, factor_effects, normed_cell

    normed = {name: normed_cell(cell) for name, cell in cells.items()} if "norm" in factors else {}
    if flat := [name for name, cell in normed.items() if cell is None]:
        raise InputError(f"--factors norm: {flat[0]} has no activation of a sum with a matrix to normalise")
    forms = {(False, name): cell for name, cell in cells.items()}
    forms |= {(True, name): cell for name, cell in normed.items() if cell is not None}
    titles = {form: f"{form[1]}{', norm' * form[0]}" for form in forms}
    found: dict[Where, list[SearchTrial]] = {}
    for place in PLACES if "dropout" in factors else PLACES[:1]:
        how = msgspec.structs.replace(effort, dropout=True, place=place) if place else effort
        ended = searched({titles[form]: cell for form, cell in forms.items()}, trials, effort=how, **search)
        found |= {(norm, place, name): ended[titles[norm, name]] for norm, name in forms}
    return factor_effects(found)


def _draw_marginals(scored: Mapping[str, tuple[Numbers, Numbers]], score: str, file: Path) -> None:
    if not scored:
        from archsearch.studies.importance import FEWEST

        note(f"--marginals: no cell has {FEWEST} trials with a score; name more with --trials")
        return
    from archsearch.studies.importance_figure import marginals_picture

    write_figure(marginals_picture(scored, score), file, "--marginals")
