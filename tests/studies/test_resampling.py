"""Figures over runs: what they are where the truth is known, and how often their intervals hold it."""

import numpy as np
import pytest

from archsearch.studies.resampling import improvement, interquartile_mean, plain_mean, with_interval


def test_the_interquartile_mean_leaves_out_the_lowest_and_the_highest_quarter() -> None:
    assert interquartile_mean(np.array([-100.0, 1, 2, 3, 4, 5, 6, 100])) == pytest.approx(3.5)
    assert interquartile_mean(np.array([[1.0, 2, 3, 50], [4, 5, 6, 90]])) == pytest.approx([2.5, 5.5])


def test_the_chance_of_improvement_counts_pairs_and_half_of_the_ties() -> None:
    assert improvement(np.array([1.0, 3.0]), np.array([2.0, 2.0, 3.0])) == pytest.approx(2.5 / 6)
    assert improvement(np.ones((7, 2)), np.zeros((7, 3))) == pytest.approx(np.ones(7))


def test_an_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    samples = rng.normal(1.0, 0.2, (200, 10))
    figures = [with_interval(plain_mean, rng, sample) for sample in samples]
    assert 0.85 < np.mean([figure.low <= 1.0 <= figure.high for figure in figures]) < 0.98


def test_one_run_has_no_interval_and_the_same_seed_gives_the_same_interval() -> None:
    alone = with_interval(interquartile_mean, np.random.default_rng(0), np.array([0.9]))
    assert (alone.value, alone.low, alone.high) == (0.9, None, None)
    pair = np.array([0.8, 1.0, 0.7]), np.array([0.9, 0.6])
    one, other = (with_interval(improvement, np.random.default_rng(1), *pair) for _ in range(2))
    assert one == other and one.low is not None and one.high is not None and one.low < one.value < one.high
