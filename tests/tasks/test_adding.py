"""Adding and multiplication, held to the words of Hochreiter and Schmidhuber (1997), experiments 4 and 5."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from archsearch import tasks
from archsearch.tasks import Window
from archsearch.tasks.adding import Adding, Rule

COUNT = 20_000


def episodes(rule: Rule = "sum", shortest: int = 100) -> tuple[Window, NDArray[np.int64]]:
    """Return many episodes and the length of each."""
    window = Adding("test", shortest, rule).draw(np.random.default_rng(0), COUNT)
    return window, window.scored.argmax(axis=0) + 1


def marks(window: Window) -> NDArray[np.int64]:
    """Return where the two marks of each episode are, shape (2, B)."""
    place = np.argwhere(window.inputs[..., 1].T == 1)
    return place[:, 1].reshape(-1, 2).T


@pytest.mark.parametrize("rule", ["sum", "product"])
def test_lengths_are_uniform_from_t_to_a_tenth_more_and_the_last_step_alone_is_scored(rule: Rule) -> None:
    window, lengths = episodes(rule)
    assert (window.scored.sum(axis=0) == 1).all()
    shares = np.bincount(lengths, minlength=111)[100:] / COUNT
    assert shares == pytest.approx(np.full(11, 1 / 11), abs=0.01) and lengths.min() == 100


def test_two_pairs_are_marked_one_among_the_first_ten_and_both_in_the_first_half() -> None:
    first, second = marks(episodes()[0])
    assert (first < 10).all() and (second <= 48).all() and (first < second).all()
    assert second.max() == 48 and first.min() == 0


def test_the_marker_is_minus_one_at_both_ends_unless_the_first_pair_is_marked() -> None:
    window, lengths = episodes()
    marker = window.inputs[..., 1]
    last = marker[lengths - 1, np.arange(COUNT)]
    assert (last == -1).all() and set(np.unique(marker[0])) == {-1, 1}
    inner = (marker == -1).sum(axis=0) + (marker[0] == 1)
    assert (inner == 2).all()


@pytest.mark.parametrize(("rule", "low", "neutral"), [("sum", -1, 0), ("product", 0, 1)])
def test_numbers_are_uniform_and_a_marked_first_one_is_neutral(
    rule: Rule, low: float, neutral: float
) -> None:
    window, _ = episodes(rule)
    numbers, first = window.inputs[..., 0], window.inputs[0, :, 1] == 1
    assert (numbers[0, first] == neutral).all() and 0.1 < first.mean() < 0.14
    body = numbers[1:90]
    assert body.min() >= low and body.max() <= 1
    assert body.mean() == pytest.approx((low + 1) / 2, abs=0.01)
    assert body.var() == pytest.approx((1 - low) ** 2 / 12, rel=0.01)


@pytest.mark.parametrize("rule", ["sum", "product"])
def test_the_target_follows_from_the_marked_numbers(rule: Rule) -> None:
    window, lengths = episodes(rule)
    one, other = np.take_along_axis(window.inputs[..., 0], marks(window), axis=0)
    expected = 0.5 + (one + other) / 4 if rule == "sum" else one * other
    answers = window.targets[lengths - 1, np.arange(COUNT), 0]
    assert answers == pytest.approx(expected) and answers.min() >= 0 and answers.max() <= 1


@pytest.mark.parametrize("task", [Adding("t", 100), Adding("t", 100, "product"), Adding("t", 30)])
def test_the_floor_is_the_variance_of_the_target(task: Adding) -> None:
    answers: Any = task.draw(np.random.default_rng(1), 200_000).targets[-1]
    assert task.floor == pytest.approx(answers.var(), rel=0.01)
    assert task.spread == pytest.approx(np.square(answers - answers.mean()).std(), rel=0.03)


def test_the_published_size_has_a_hundred_steps() -> None:
    task = tasks.load("adding:paper")
    assert isinstance(task, Adding) and (task.shortest, task.longest) == (100, 110)
