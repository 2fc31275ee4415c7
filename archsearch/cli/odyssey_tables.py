"""The tables of `archsearch study odyssey`: the cells, what their gates do, and which setting decides."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archsearch.cli.printing import console, note
from archsearch.cli.tables import Column, number_text, print_table

if TYPE_CHECKING:
    from archsearch.studies.factors import Effect
    from archsearch.studies.importance import ImportanceRow
    from archsearch.studies.odyssey import VariantRow

_IN_PAIRS = "In pairs: all trials with a score under every level, each beside itself."


def print_variants(rows: list[VariantRow], score: str) -> None:
    """Print a line for each cell, and which ranges were too narrow.

    Args:
        rows: The cells.
        score: What their scores are called.
    """
    columns = [
        Column("cell"),
        Column("trials", right=True),
        Column("diverged", right=True, drop=1),
        Column("median", right=True, drop=2),
        Column("best tenth", right=True),
        Column("±", right=True, drop=3),
        Column("best", right=True),
        Column("parameters", right=True, drop=4),
        Column("p", right=True),
        Column("change"),
        Column("the paper's"),
        Column("core s a trial", right=True, drop=5),
    ]
    print_table(console(), columns, [_line(row) for row in rows])
    note(
        f"Test scores: {score}. Best tenth: the mean of the trials of the best validation. p: Welch's test of these "
        "beside the baseline's, times the comparisons. The paper's: with 200 trials.",
    )
    if any(row.unfinished for row in rows):
        going_on = ", ".join(f"{row.cell} {row.unfinished} of {row.top}" for row in rows if row.unfinished)
        note(f"Still better at the last epoch, so that more --epochs may change what is said: {going_on}")
    for row in rows:
        for name, end in row.edges.items():
            note(
                f"{row.cell}: the best trials lie at the {end} end of the range of {name}; a wider range may be better"
            )


def print_gates(effects: list[Effect]) -> None:
    """Print what each gate does, and each few of them."""
    from archsearch.studies.gates import GATES

    named = {" x ".join(GATES[gate] for gate in effect.name): effect for effect in effects}
    _print_effects("--factorial", named)
    if effects:
        note(
            "Best tenth: of a gate, the mean of the four cells that have it, less that of the others; below 0 it helps. "
            f"{_IN_PAIRS} Of several: what they do together beyond each. p is not corrected."
        )


def print_factors(effects: list[Effect]) -> None:
    """Print what each factor does."""
    _print_effects("--factors", {effect.name: effect for effect in effects})
    if effects:
        note(
            "Mean scores with the factor less those without, over all cells; below 0 it helps. "
            f"{_IN_PAIRS} An x: what both do together beyond each. p is not corrected."
        )


def _print_effects(option: str, effects: dict[str, Effect]) -> None:
    """Print effects on the best tenth and in pairs.

    Args:
        option: What asked for them.
        effects: By what they are called.
    """
    if not effects:
        note(f"{option}: a cell has fewer than two trials with a score; name more with --trials")
        return
    titles = ("best tenth", "95 % interval", "p", "pairs", "in pairs", "95 % interval")
    lines = [
        [
            name,
            f"{effect.change:+.3f}",
            f"{effect.low:+.3f} to {effect.high:+.3f}",
            f"{effect.p:.2g}",
            str(effect.pairs),
            number_text(effect.paired, "+.3f"),
            f"{number_text(effect.paired_low, '+.3f')} to {number_text(effect.paired_high, '+.3f')}",
        ]
        for name, effect in effects.items()
    ]
    console().print()
    print_table(console(), [Column("effect"), *(Column(title, right=True) for title in titles)], lines)


def print_importance(rows: list[ImportanceRow]) -> None:
    """Print which share of the variance each hyper-parameter explains, beside the paper's."""
    from archsearch.studies.importance import FEWEST, PAPER

    if not rows:
        note(f"--importance: no cell has {FEWEST} trials with a score; name more with --trials")
        return
    titles = [*rows[0].settings, "interactions"]
    columns = [
        Column("explains"),
        Column("trials", right=True),
        *(Column(title, right=True) for title in titles),
    ]
    lines = [
        [
            row.cell,
            str(row.trials),
            *(
                f"{part.share:.0%} ({part.low:.0%} to {part.high:.0%})"
                for part in (*row.settings.values(), row.interactions)
            ),
        ]
        for row in rows
    ]
    console().print()
    print_table(
        console(), columns, [*lines, ["the paper", "200", *(PAPER.get(title, "-") for title in titles)]]
    )
    note(
        "Shares of the variance of the test score over the whole ranges, by a random forest, and 90 % intervals of "
        "resampled trials. Interactions: all pairs, beyond both by themselves."
    )


def _line(row: VariantRow) -> list[str]:
    return [
        row.cell,
        str(row.trials),
        str(row.diverged),
        number_text(row.median),
        number_text(row.mean),
        number_text(row.spread),
        number_text(row.best),
        number_text(row.parameters, ",.0f"),
        number_text(row.p, ".2g"),
        row.change or "-",
        row.paper or "-",
        f"{row.seconds:.1f}",
    ]
