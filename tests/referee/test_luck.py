"""Luck: the best of N clones has no end, and is told with the doubt of the draws that it stands on."""

import numpy as np
import pytest
from scipy.stats import norm

from archsearch.referee.luck import best_of_clones

DRAWS = {
    "arithmetic": np.random.default_rng(60).normal(0.45, 0.02, 9),
    "xml": np.random.default_rng(61).normal(0.5, 0.02, 9),
}


def luck(draws: dict[str, np.ndarray], clones: int, quantile: float = 0.5) -> float:
    return best_of_clones(draws, clones, np.random.default_rng(62), quantile)


def test_luck_grows_with_the_clones_without_end() -> None:
    lines = [luck({"xml": DRAWS["xml"]}, clones) for clones in (1, 10, 100, 1_000, 10_000, 1_000_000)]
    assert (np.diff(lines) > 0.01).all()
    assert lines[0] == pytest.approx(1, abs=0.01)


def test_a_second_task_makes_luck_smaller_and_a_safer_line_makes_it_larger() -> None:
    assert luck(DRAWS, 100) < min(luck({task: draws}, 100) for task, draws in DRAWS.items())
    assert luck(DRAWS, 100, 0.95) > luck(DRAWS, 100) + 0.01


def test_many_draws_give_the_quantile_of_the_normal_law() -> None:
    draws = np.random.default_rng(63).normal(0.5, 0.02, 4_000)
    expected = 1 + norm.ppf(0.5 ** (1 / 100)) * draws.std(ddof=1) / draws.mean()
    assert luck({"xml": draws}, 100) == pytest.approx(expected, abs=5e-4)


def test_draws_that_are_all_alike_leave_no_luck() -> None:
    assert luck({"xml": np.full(5, 0.5)}, 10_000) == pytest.approx(1, abs=1e-6)


def test_the_same_generator_gives_the_same_line() -> None:
    assert luck(DRAWS, 50) == luck(DRAWS, 50)
