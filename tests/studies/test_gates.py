"""The gates as factors: the eight cells, and effects that are known."""

from __future__ import annotations

import pytest

from archsearch.cell import library
from archsearch.studies.gates import KNOWN, gate_effects, gated_cell, gated_cells
from archsearch.studies.random_search.ranges import drawn_setting
from archsearch.studies.random_search.training import SearchTrial


def trials_of(scores: list[float]) -> list[SearchTrial]:
    """Return trials of which the best tenth has these test scores."""
    return [
        SearchTrial("", 0, number, drawn_setting(0, 0), 1, 1, 1, float(number), score, False, 1.0, "checksum")
        for number, score in enumerate(scores)
    ]


def test_four_of_the_eight_cells_are_those_of_the_paper() -> None:
    cells = gated_cells()
    assert len(cells) == 8 == len({cell.id for cell in cells.values()})
    assert {gates: cells[gates].id for gates in KNOWN} == {
        gates: library.load(name).id for gates, name in KNOWN.items()
    }


@pytest.mark.parametrize("gates, gated", [("", 0), ("i", 1), ("io", 2), ("ifo", 3)])
def test_each_gate_has_a_matrix_of_x_one_of_h_a_bias_and_a_peephole(gates: str, gated: int) -> None:
    n, m = 7, 5
    expected = (1 + gated) * (n * m + n * n + n) + gated * n
    assert gated_cell(gates).parameter_count(n, input_size=m) == expected


def test_effects_are_those_that_the_scores_were_made_of() -> None:
    scores = {
        gates: [
            10 - 2 * ("f" in gates) - 1 * ("o" in gates) - 3 * ("f" in gates and "o" in gates) + off
            for off in (-0.1, 0.1)
        ]
        for gates in gated_cells()
    }
    effects = {
        effect.name: effect for effect in gate_effects({g: trials_of(own) for g, own in scores.items()})
    }
    assert list(effects) == ["i", "f", "o", "if", "io", "fo", "ifo"]
    assert [effects[gates].change for gates in ("i", "f", "o", "if", "io", "fo", "ifo")] == pytest.approx(
        [0, -3.5, -2.5, 0, 0, -1.5, 0]
    )
    assert effects["i"].p > 0.9 and effects["fo"].p < 1e-3 and effects["fo"].low < -1.5 < effects["fo"].high


def test_with_equal_spreads_the_interval_is_that_of_the_ordinary_analysis_of_variance() -> None:
    scores = {gates: trials_of([5.0, 7.0]) for gates in gated_cells()}
    effect = gate_effects(scores)[0]
    error = (
        2.0 / 16 * 4
    ) ** 0.5  # of a difference of two means of eight scores with variance 2 and 8 degrees of freedom
    assert (effect.change, effect.p) == pytest.approx((0, 1))
    assert effect.high == pytest.approx(2.306 * error, rel=1e-3) and effect.low == pytest.approx(-effect.high)


def test_nothing_is_said_where_a_cell_has_too_few_scores() -> None:
    trials = {gates: trials_of([1.0, 2.0]) for gates in gated_cells()} | {"": trials_of([1.0])}
    assert gate_effects(trials) == []
