"""What the tasks with lengths of their own promise besides right answers: where things stand, and how often."""

from itertools import product

import numpy as np
import pytest

from archsearch import tasks
from archsearch.tasks.lengths import Lengths, Sequences
from archsearch.tasks.modular import Modular
from tests.tasks.solvers import loaded

COUNT = 4_000


def drawn(spec: str, split: str = "valid", count: int = COUNT) -> Sequences:
    """Return many sequences of one split."""
    task = loaded(spec)
    return task.draw(np.random.default_rng(0), task.lengths.span(split), count)


def lengths_of(split: Sequences) -> list[int]:
    """Return how often each step is the last one that is scored."""
    last = len(split.scored) - 1 - split.scored[::-1].argmax(axis=0)
    return np.bincount(last[split.scored.any(axis=0)] + 1).tolist()


def test_expressions_of_every_number_of_digits_come_as_often_as_their_lengths() -> None:
    found = lengths_of(drawn("modular:small"))
    assert [steps for steps, times in enumerate(found) if times] == [30, 34, 38, 42, 46, 50, 54, 58, 62]
    assert np.array(found[34:62:4]) / COUNT == pytest.approx(np.full(7, 4 / 33), abs=0.02)


def test_the_floor_of_arithmetic_is_what_all_short_expressions_say() -> None:
    values = [eval(f"{one}{sign}{other}") % 5 for one, sign, other in product(range(5), "+-*", range(5))]
    for span, expected in (((2, 5), 1 / 5), ((6, 9), values.count(0) / len(values))):
        assert Modular("modular", "small", Lengths(span, span, span)).floor == pytest.approx(expected)


@pytest.mark.parametrize(("spec", "depth"), [("dyck2:small", 3), ("dyck5:paper", 5)])
def test_brackets_reach_their_depth_and_never_pass_it(spec: str, depth: int) -> None:
    kinds = int(spec[4])
    text = drawn(spec).inputs
    height = np.cumsum(np.where(text < kinds, 1, -1), axis=0)
    assert (height.min(), height.max()) == (0, depth)
    opens = text[1:] < kinds
    free = (height[:-1] > 0) & (height[:-1] < depth)
    assert opens[free].mean() == pytest.approx(0.5, abs=0.01)


def test_orders_to_a_stack_are_even_and_fill_the_first_half() -> None:
    text = drawn("stack:small").inputs
    orders = (text != 3).sum(axis=0)
    assert set(orders.tolist()) == set(range(16, 33))
    assert np.bincount(text[:16].ravel()) / (16 * COUNT) == pytest.approx([1 / 3] * 3, abs=0.01)


def test_keys_are_different_and_each_is_asked_for_as_often() -> None:
    text = drawn("mqar:small").inputs
    keys, asked = text[0:8:2], text[8:]
    assert all(len(set(column)) == 4 for column in keys.T)
    shares = [(asked == key).sum() / asked.size for key in keys]
    assert shares == pytest.approx([1 / 8] * 4, abs=0.01)


def test_letters_to_copy_stand_anywhere_before_the_marks() -> None:
    text = drawn("selective_copy:small", "256").inputs
    letters = (text < 8).mean(axis=1)
    assert ((text < 8).sum(axis=0) == 4).all()
    assert letters[:200] == pytest.approx(np.full(200, letters[:200].mean()), abs=0.012)


def test_a_digit_is_sorted_wherever_it_stood() -> None:
    task = tasks.load("bucket_sort:small")
    window = next(task.windows("train", np.random.default_rng(1), 1, 16))
    digits = int((window.inputs[:, 0] != 5).sum())
    said = window.targets[window.scored].tolist()
    assert said == sorted(window.inputs[:digits, 0].tolist())
