"""Factors of a random search: normalised cells, and effects that scores were made of."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from archsearch.cell import Cell, library
from archsearch.studies.factors import PLACES, Where, factor_effects, normed_cell
from archsearch.studies.random_search.ranges import drawn_setting
from archsearch.studies.random_search.training import SearchTrial

TRIAL = SearchTrial("", 0, 0, drawn_setting(0, 0), 1, 1, 1, 5.0, 6.0, False, 1.0, "checksum")
LUCK = (0.5, -1.0, 0.25, 2.0)


def test_each_sum_with_a_matrix_is_normalised_before_its_activation_and_nothing_else() -> None:
    normed = normed_cell(library.load("vanilla"))
    assert normed is not None
    assert [node.op for node in normed.ops].count("norm") == 4, "z, i, f and o, and not c"
    by_hand = Cell.parse("cell rnn(x, h):\n    h' = tanh(norm(linear(x) + linear(h, bias=none)))\n")
    plain = Cell.parse("cell rnn(x, h):\n    h' = tanh(linear(x) + linear(h, bias=none))\n")
    found = normed_cell(plain)
    assert found is not None and found.id == by_hand.id
    assert normed_cell(Cell.parse("cell flat(x, h):\n    h' = linear(x) + h\n")) is None


def test_effects_of_levels_and_of_both_together_are_those_that_scores_were_made_of() -> None:
    trials: dict[Where, list[SearchTrial]] = {}
    for norm in (False, True):
        for place in PLACES:
            for cell, of in (("a", 0.0), ("b", 3.0)):
                score = 10 + of - 1.0 * norm + 2.0 * (place == "inputs") - 0.5 * (norm and place == "both")
                trials[norm, place, cell] = [
                    replace(TRIAL, number=number, valid=float(number), test=score + luck)
                    for number, luck in enumerate(LUCK)
                ]
    effects = {effect.name: effect for effect in factor_effects(trials)}
    places = PLACES[1:]
    assert list(effects) == [
        "norm",
        *(f"dropout {p}" for p in places),
        *(f"norm x dropout {p}" for p in places),
    ]
    wanted = {"norm": -1.125, "dropout inputs": 2, "dropout outputs": 0, "dropout both": -0.25}
    wanted |= {"norm x dropout inputs": 0, "norm x dropout outputs": 0, "norm x dropout both": -0.5}
    for name, change in wanted.items():
        assert (effects[name].change, effects[name].paired) == pytest.approx((change, change))
        assert effects[name].pairs == 4 and effects[name].low < change < effects[name].high
        assert effects[name].paired_high == pytest.approx(change), "luck that all levels share is no spread"


def test_a_trial_without_a_score_under_one_level_is_no_pair() -> None:
    own = [replace(TRIAL, number=n, valid=float(n), test=5.0 + n) for n in range(4)]
    other = [*own[:3], replace(own[3], valid=None, test=None, diverged=True)]
    (effect,) = factor_effects({(False, "", "a"): own, (True, "", "a"): other})
    assert (effect.name, effect.pairs, effect.paired) == ("norm", 3, 0.0)
