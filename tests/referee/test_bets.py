"""Fortunes: they are what their formulas say, and no rule of stopping makes them lie."""

import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import nct, t

from archsearch.referee.bets import EFFECT_VARIANCE, log_sign, log_t

RNG = np.random.default_rng(20)


@pytest.mark.parametrize(("wins", "losses"), [(0, 0), (1, 0), (0, 1), (5, 2), (12, 30), (40, 3)])
def test_sign_bets_are_the_mean_of_fortunes_over_every_chance_of_winning(wins: int, losses: int) -> None:
    mean = 2 * quad(lambda p: (2 * p) ** wins * (2 * (1 - p)) ** losses, 0.5, 1)[0]
    assert math.exp(log_sign(wins, losses)) == pytest.approx(mean, rel=1e-9)


def test_one_more_pair_leaves_sign_bets_what_they_were_in_the_mean() -> None:
    n, w = np.divmod(np.arange(40 * 40), 40)
    w = np.minimum(w, n)
    before, won, lost = (np.exp(log_sign(*counts)) for counts in ((w, n - w), (w + 1, n - w), (w, n - w + 1)))
    np.testing.assert_allclose((won + lost) / 2, before, rtol=1e-9)


def test_sign_bets_stay_finite_when_a_cell_always_loses() -> None:
    assert np.isfinite(log_sign(0, np.arange(5_000))).all()
    assert np.isfinite(log_sign(np.arange(5_000), 0)).all()


def test_the_t_mixture_is_the_ratio_of_t_densities_mixed_over_the_effect() -> None:
    for n in (2, 3, 8):
        values = RNG.normal(0.7, 2, n)
        statistic = math.sqrt(n) * values.mean() / values.std(ddof=1)

        def mixed(effect: float, n: int = n, statistic: float = statistic) -> float:
            density = nct.pdf(statistic, n - 1, effect * math.sqrt(n))
            return (
                density
                * math.exp(-(effect**2) / (2 * EFFECT_VARIANCE))
                / math.sqrt(2 * math.pi * EFFECT_VARIANCE)
            )

        expected = quad(mixed, -8, 8)[0] / t.pdf(statistic, n - 1)
        assert math.exp(log_t(values)) == pytest.approx(expected, rel=1e-5)


def test_the_t_mixture_knows_no_scale_and_says_nothing_of_pairs_without_spread() -> None:
    values = RNG.normal(1, 1, (4, 10))
    np.testing.assert_allclose(log_t(values), log_t(1e-6 * values))
    assert log_t(np.full(9, 0.3)) == log_t(np.array([0.3])) == 0


@pytest.mark.parametrize("fortune", ["sign", "t"])
def test_clones_reach_a_fortune_of_20_in_less_than_one_life_of_20(fortune: str) -> None:
    values = np.random.default_rng(21).standard_normal((3_000, 80))
    wins = np.cumsum(values > 0, axis=1)
    paths = {
        "sign": log_sign(wins, np.arange(1, 81) - wins),
        "t": np.stack([log_t(values[:, :n]) for n in range(1, 81)], axis=1),
    }
    assert 0.01 < (paths[fortune].max(axis=1) >= math.log(20)).mean() < 0.05
