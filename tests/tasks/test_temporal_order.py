"""Temporal order, held to the words of Hochreiter and Schmidhuber (1997), experiment 6."""

import numpy as np
import pytest

from archsearch import tasks
from archsearch.tasks import Window
from archsearch.tasks.temporal_order import TemporalOrder, X

COUNT = 20_000
SPECS = ["order:paper", "order:three", "order:small"]


def episodes(spec: str) -> tuple[TemporalOrder, Window]:
    task = tasks.load(spec)
    assert isinstance(task, TemporalOrder)
    return task, task.draw(np.random.default_rng(0), COUNT)


@pytest.mark.parametrize("spec", SPECS)
def test_an_episode_goes_from_e_to_b_with_noise_between(spec: str) -> None:
    task, window = episodes(spec)
    lengths = window.scored.argmax(axis=0) + 1
    assert set(lengths) == set(range(task.lengths[0], task.lengths[1] + 1))
    for column in range(50):
        text = tasks.decode(task, window.inputs[: lengths[column], column])
        assert text[0] == "E" and text[-1] == "B" and set(text[1:-1]) <= set("abcdXY")


@pytest.mark.parametrize("spec", SPECS)
def test_an_x_or_y_stands_once_in_each_slot_anywhere_in_it_and_nowhere_else(spec: str) -> None:
    task, window = episodes(spec)
    places = np.argwhere((window.inputs >= X).T)[:, 1].reshape(COUNT, len(task.slots)) + 1
    for (low, high), found in zip(task.slots, places.T, strict=True):
        shares = np.bincount(found, minlength=high + 1) / COUNT
        assert found.min() == low and found.max() == high
        assert shares[low:] == pytest.approx(np.full(high + 1 - low, 1 / (high + 1 - low)), abs=0.01)


@pytest.mark.parametrize("spec", SPECS)
def test_the_class_at_the_end_is_the_order_and_all_are_equally_frequent(spec: str) -> None:
    task, window = episodes(spec)
    which = (window.inputs.T[window.inputs.T >= X] - X).reshape(COUNT, len(task.slots))
    expected = which @ 2 ** np.arange(len(task.slots))[::-1]
    assert (window.scored.sum(axis=0) == 1).all()
    assert np.array_equal(window.targets.T[window.scored.T], expected)
    assert np.bincount(expected) / COUNT == pytest.approx(np.full(task.classes, task.floor), abs=0.01)


def test_the_published_sizes() -> None:
    assert episodes("order:paper")[0].classes == 4 and episodes("order:three")[0].classes == 8
