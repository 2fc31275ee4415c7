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


# -- how often the lines hold ----------------------------------------------------------------------------------------


def coverage(count: int, draws: int, tasks: int, worlds: int) -> tuple[float, float]:
    """Return how often the best of clones lies below the 50 and the 95 % line, each world with draws of its own."""
    rng = np.random.default_rng([count, draws, tasks])
    below = np.zeros(2)
    for _ in range(worlds):
        known = {str(task): rng.normal(0.45, 0.02, draws) for task in range(tasks)}
        ratios = [rng.normal(0.45, 0.02, count) / skills.mean() for skills in known.values()]
        best = np.min(ratios, axis=0).max()
        below += [best <= best_of_clones(known, count, rng, share) for share in (0.5, 0.95)]
    middle, safe = below / worlds
    return float(middle), float(safe)


def test_the_lines_hold_about_as_often_as_they_say() -> None:
    middle, safe = coverage(50, 9, 1, 60)
    assert 0.3 < middle < 0.7 and safe > 0.85


@pytest.mark.slow
@pytest.mark.parametrize("count", [50, 200, 1_000])
@pytest.mark.parametrize("draws", [5, 9])
@pytest.mark.parametrize("tasks", [1, 2])
def test_the_lines_hold_as_often_as_they_say(count: int, draws: int, tasks: int) -> None:
    middle, safe = coverage(count, draws, tasks, 600)
    print(
        f"{count} clones, {draws} draws, {tasks} tasks: {middle:.3f} below the 50 % line, {safe:.3f} below the 95 % line"
    )
    assert 0.44 < middle < 0.60
    assert 0.91 < safe < 0.98
