"""The ruling: every task must agree, and what is not settled says what would settle it."""

import math

import numpy as np
import pytest

from archsearch.referee.bets import log_sign
from archsearch.referee.ruling import Ruling, evidence, pairs_needed, ruling, within_reach

LEVEL = 0.03
BETTER = np.random.default_rng(40).normal(0.05, 0.02, 30)
SAME = np.random.default_rng(41).normal(0, 0.004, 60)


def of(**tasks: np.ndarray) -> Ruling:
    return ruling({name: evidence(values, LEVEL) for name, values in tasks.items()}, LEVEL, delta=0.02)


def test_better_needs_every_task() -> None:
    assert of(arithmetic=BETTER, xml=BETTER) is Ruling.BETTER
    assert of(arithmetic=BETTER, xml=SAME) is Ruling.NOT_TOLD_APART
    assert of(arithmetic=BETTER, xml=-BETTER) is Ruling.NOT_TOLD_APART


def test_worse_is_better_with_the_cells_exchanged() -> None:
    assert of(arithmetic=-BETTER, xml=-BETTER) is Ruling.WORSE
    ours, theirs = evidence(BETTER, LEVEL), evidence(-BETTER, LEVEL)
    assert (ours.wins, ours.losses, ours.log_better) == (theirs.losses, theirs.wins, theirs.log_worse)


def test_small_differences_are_called_none_only_when_the_interval_says_so() -> None:
    assert of(arithmetic=SAME) is Ruling.NO_DIFFERENCE
    assert of(arithmetic=SAME[:4]) is Ruling.NOT_TOLD_APART


def test_without_pairs_nothing_is_told_apart() -> None:
    assert of(arithmetic=np.array([])) is Ruling.NOT_TOLD_APART


def test_ties_bet_nothing() -> None:
    with_ties = np.concatenate([np.zeros(5), BETTER])
    found = evidence(with_ties, LEVEL)
    assert (found.wins, found.losses, found.ties) == (30, 0, 5)
    assert found.log_better == pytest.approx(float(log_sign(30, 0)))


def test_a_fortune_that_was_won_is_not_lost_again() -> None:
    spoiled = np.concatenate([BETTER, -BETTER])
    assert of(arithmetic=spoiled) is Ruling.BETTER  # its level speaks of the highest fortune at any moment
    assert evidence(spoiled, LEVEL).log_better == evidence(BETTER, LEVEL).log_better


@pytest.mark.parametrize(("wins", "losses"), [(9, 3), (14, 6), (2, 7)])
def test_the_pairs_that_are_needed_settle_a_task_and_one_fewer_does_not(wins: int, losses: int) -> None:
    needed = pairs_needed(wins, losses, LEVEL)
    assert needed is not None
    share = max(wins, losses) / (wins + losses)
    fortunes = [
        float(log_sign(math.floor(share * n), n - math.floor(share * n))) for n in (needed - 1, needed)
    ]
    assert fortunes[0] < -math.log(LEVEL) <= fortunes[1]


def test_what_nobody_wins_is_never_settled() -> None:
    assert pairs_needed(0, 0, LEVEL) is None
    assert pairs_needed(50, 50, LEVEL) is None


def reach(pairs: int, **tasks: np.ndarray) -> bool:
    return within_reach(tasks, pairs, LEVEL, delta=0.02)


WON, LOST = np.full(1, 0.1), np.full(1, -0.1)


def test_a_ruling_is_within_reach_as_long_as_pairs_that_are_all_won_would_bring_it() -> None:
    fewest = next(n for n in range(1, 40) if log_sign(n, 0) >= -math.log(LEVEL))
    assert reach(fewest, arithmetic=np.array([])) and not reach(3, arithmetic=np.array([]))
    assert not reach(fewest - 1, arithmetic=np.repeat(WON, 3))
    assert reach(fewest, arithmetic=np.repeat(WON, 3), xml=np.repeat(WON, 3))
    assert reach(fewest, arithmetic=np.repeat(LOST, 3), xml=np.repeat(LOST, 3))
    assert not reach(fewest, arithmetic=np.concatenate([WON, LOST]), xml=WON)


def test_no_ruling_is_within_reach_where_each_cell_has_won_too_much_of_a_task() -> None:
    assert not reach(12, arithmetic=np.repeat(WON, 4), xml=np.repeat(LOST, 4))
    assert reach(40, arithmetic=np.repeat(WON, 2), xml=np.repeat(LOST, 2))


def test_a_task_that_is_won_already_does_not_put_the_ruling_out_of_reach() -> None:
    assert reach(
        12, arithmetic=np.concatenate([np.repeat(WON, 10), np.repeat(LOST, 2)]), xml=np.repeat(WON, 4)
    )


def test_no_difference_is_within_reach_where_pairs_scatter_little() -> None:
    even = np.array([0.1, -0.1])
    assert not reach(12, arithmetic=np.tile(even, 3)) and reach(12, arithmetic=np.tile(even / 100, 3))
