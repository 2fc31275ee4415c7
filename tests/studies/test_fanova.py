"""Functional analysis of variance: equal to what is known of a function, and to optuna's."""

from __future__ import annotations

import numpy as np
import optuna
import pytest
from msgspec.structs import replace
from optuna.importance import FanovaImportanceEvaluator

from archsearch.studies import importance
from archsearch.studies.fanova import Boxes, curve_of, forest_of, shares_of
from archsearch.studies.importance import EVERY, importance_rows, scored_settings
from archsearch.studies.importance_figure import marginals_picture
from archsearch.studies.random_search.ranges import drawn_setting, places_of
from archsearch.studies.random_search.training import SearchTrial

HALVES = Boxes(
    lows=np.array([[0.0, 0, 0], [0.5, 0, 0], [0, 0.25, 0], [0.5, 0.25, 0]]),
    highs=np.array([[0.5, 0.25, 1], [1, 0.25, 1], [0.5, 1, 1], [1, 1, 1]]),
    values=np.array([0.0, 1.0, 2.0, 7.0]),
)
"""Two halves of a by a quarter and the rest of b; c changes nothing."""


def test_the_parts_of_a_known_function_are_those_of_its_analysis_of_variance() -> None:
    mean = (0 + 1) / 8 + (2 + 7) * 3 / 8
    of_a = np.array([0 / 4 + 2 * 3 / 4, 1 / 4 + 7 * 3 / 4])
    of_b = np.array([0.5, 4.5])
    variance = ((0 - mean) ** 2 + (1 - mean) ** 2) / 8 + ((2 - mean) ** 2 + (7 - mean) ** 2) * 3 / 8
    a, b = ((of_a - mean) ** 2).mean(), (of_b - mean) ** 2 @ [0.25, 0.75]
    assert (HALVES.mean(), HALVES.variance()) == pytest.approx((mean, variance))
    shares = shares_of([HALVES])
    assert shares[0,] == pytest.approx(a / variance) and shares[1,] == pytest.approx(b / variance)
    assert shares[0, 1] == pytest.approx((variance - a - b) / variance)
    assert [shares[2,], shares[0, 2], shares[1, 2]] == pytest.approx([0, 0, 0])
    mean_curve, spread = curve_of([HALVES, HALVES], 0, np.array([0.0, 1.0]))
    assert mean_curve == pytest.approx(of_a) and spread == pytest.approx([0, 0])


def test_a_forest_finds_the_analysis_of_variance_of_a_smooth_function() -> None:
    places = np.random.default_rng(0).random((1_500, 3))
    a, b, _ = places.T
    shares = shares_of(forest_of(places, a + 2 * b + 3 * (a - 0.5) * (b - 0.5), 0, trees=8))
    parts = np.array([1 / 12, 4 / 12, 9 / 144])
    assert [shares[0,], shares[1,], shares[0, 1]] == pytest.approx(parts / parts.sum(), abs=0.03)
    assert shares[2,] < 0.01 and sum(shares.values()) == pytest.approx(1, abs=0.02)


def test_single_shares_are_those_of_optuna_on_the_same_forest() -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    places = np.random.default_rng(1).random((60, 3))
    scores = np.sin(4 * places[:, 0]) + places[:, 1] * places[:, 2]
    study = optuna.create_study()
    names = ("a", "b", "c")
    spread = {name: optuna.distributions.FloatDistribution(0, 1) for name in names}
    for place, score in zip(places, scores, strict=True):
        trial = optuna.trial.create_trial(
            params=dict(zip(names, place, strict=True)), distributions=spread, value=score
        )
        study.add_trial(trial)
    theirs = FanovaImportanceEvaluator(n_trees=8, seed=3).evaluate(study)
    ours = shares_of(forest_of(places, scores, 3, trees=8))
    assert {name: ours[number,] for number, name in enumerate(names)} == pytest.approx(theirs, rel=1e-6)


def trials_of(cell: str, at: float) -> list[SearchTrial]:
    """Return trials whose score is that of their rate alone, one of them without a score."""
    found = []
    for number in range(25):
        setting = drawn_setting(0, number)
        score = at + 40 * float(places_of(setting)[1] < 0.5)
        found.append(
            SearchTrial(
                cell, 0, number, setting, 1, 1, 1, score, score, False, 1.0, "checksum"
            )  # the order of its fields
        )
    found[4] = replace(found[4], test=None)
    return found


def test_a_score_that_the_rate_decides_is_explained_by_the_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importance, "RESAMPLES", 4)
    scored = scored_settings({"vanilla": trials_of("a", 9.0), "np": trials_of("b", 10.0)})
    assert list(scored) == ["vanilla", "np", EVERY] and len(scored[EVERY][1]) == 24
    for row in importance_rows(scored):
        assert row.settings["rate"].share > 0.8 and row.interactions.share < 0.2
        assert row.settings["rate"].low <= row.settings["rate"].high <= 1 + 1e-9
        assert set(row.pairs) >= {"units rate", "momentum noise"} and len(row.pairs) == 6
    assert importance_rows(scored) == importance_rows(scored)


def test_too_few_trials_are_left_out() -> None:
    assert scored_settings({"vanilla": trials_of("a", 9.0)[:9]}) == {}


def test_the_picture_of_the_marginals_has_a_curve_for_each_cell_in_each_plot() -> None:
    picture = marginals_picture(
        scored_settings({"vanilla": trials_of("a", 9.0), "np": trials_of("b", 10.0)}), "NLL"
    )
    assert [len(axes.lines) for axes in picture.axes] == [3, 3, 3, 3]
    assert [axes.get_xlabel() for axes in picture.axes] == ["units", "rate", "1 - momentum", "noise"]
