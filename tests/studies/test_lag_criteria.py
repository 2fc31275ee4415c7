"""When a run of the 1997 study has solved its task."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from archsearch.studies.lags.criteria import Recent, Streak, is_legal
from archsearch.tasks import Window
from archsearch.tasks.reber import draw_reber, may_follow


def met(
    criterion: Recent, largest: list[float], mean: list[float] | None = None, at_once: int = 3
) -> int | None:
    """Return after how many sequences a criterion is met, however many are taken in at once."""
    streak, errors = Streak(criterion), mean or largest
    for start in range(0, len(largest), at_once):
        parts = (np.array(values[start : start + at_once]) for values in (largest, errors))
        found = streak.met(*parts)
        if found is not None:
            return start + found
    return None


@pytest.mark.parametrize("at_once", [1, 2, 3, 7])
def test_as_many_sequences_in_a_row_must_be_right(at_once: int) -> None:
    errors = [0.1, 0.1, 0.5, 0.1, 0.1, 0.1, 0.1, 0.1]
    assert met(Recent(4, 0.3), errors, at_once=at_once) == 7
    assert met(Recent(4, 0.3, wrong=1), errors, at_once=at_once) == 4
    assert met(Recent(6, 0.3), errors, at_once=at_once) is None


def test_their_mean_error_must_be_small_besides() -> None:
    largest, mean = [0.1] * 8, [0.09, 0.09, 0.09, 0.01, 0.01, 0.01, 0.01, 0.01]
    assert met(Recent(3, 0.3, error=0.05), largest, mean) == 5


@pytest.mark.parametrize("wrong", [0.3, 0.31, float("nan")])
def test_an_error_of_the_tolerance_or_none_at_all_is_wrong(wrong: float) -> None:
    assert met(Recent(2, 0.3), [0.1, wrong, 0.1, wrong]) is None


def strings() -> tuple[Window, NDArray[np.float64]]:
    window = draw_reber(np.random.default_rng(0), 20)
    return window, may_follow(window) * 0.4 + 0.1


def test_a_string_is_legal_where_the_legal_symbols_are_the_most_active_at_every_step() -> None:
    window, outputs = strings()
    assert is_legal(window, outputs).all()
    outputs[3, 7, may_follow(window)[3, 7].argmax()] = 0.05
    assert list(np.flatnonzero(~is_legal(window, outputs))) == [7]


def test_an_illegal_symbol_as_active_as_a_legal_one_is_a_fault_but_not_beyond_the_end() -> None:
    window, outputs = strings()
    short = int(window.scored.sum(axis=0).argmin())
    end = window.scored[:, short].sum()
    outputs[end:, short] = 0.0
    assert is_legal(window, outputs).all()
    outputs[end - 1, short] = 0.5
    assert not is_legal(window, outputs)[short]
