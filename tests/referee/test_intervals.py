"""Confidence sequences: bets turned round, which hold at every number of pairs at once."""

import math

import numpy as np
import pytest

from archsearch.referee.bets import log_sign, log_t
from archsearch.referee.intervals import Interval, mean_interval, median_interval

VALUES = np.random.default_rng(30).normal(0.03, 0.02, 24)


def test_the_ends_of_the_means_interval_are_where_the_t_mixture_reaches_its_level() -> None:
    interval = mean_interval(VALUES, 0.05)
    for end in (interval.low, interval.high):
        assert log_t(VALUES - end) == pytest.approx(math.log(20))
    assert log_t(VALUES - VALUES.mean()) < math.log(20)


def test_the_ends_of_the_medians_interval_are_pairs_that_sign_bets_do_not_refute() -> None:
    interval = median_interval(VALUES, 0.05)
    for just_outside in (interval.low - 1e-9, interval.high + 1e-9):
        above, below = np.sum(just_outside < VALUES), np.sum(just_outside > VALUES)
        assert max(log_sign(above, below), log_sign(below, above)) >= math.log(40)
    inside = interval.low + 1e-9
    assert log_sign(np.sum(inside < VALUES), np.sum(inside > VALUES)) < math.log(40)


@pytest.mark.parametrize("interval", [mean_interval, median_interval])
@pytest.mark.parametrize("pairs", [0, 1, 2, 3])
def test_few_pairs_bound_nothing(interval, pairs: int) -> None:
    assert interval(VALUES[:pairs], 0.05) == Interval(-math.inf, math.inf)


@pytest.mark.parametrize("interval", [mean_interval, median_interval])
def test_an_interval_narrows_with_pairs_and_widens_with_certainty(interval) -> None:
    values = np.random.default_rng(31).standard_normal(400)
    widths = [at.high - at.low for at in (interval(values[:n], 0.05) for n in (25, 100, 400))]
    assert widths == sorted(widths, reverse=True)
    assert interval(values, 0.001).low < interval(values, 0.05).low


def test_within_needs_both_ends() -> None:
    assert Interval(-0.01, 0.02).within(0.02)
    assert not Interval(-0.03, 0.0).within(0.02)
    assert not Interval(-math.inf, math.inf).within(1e9)
