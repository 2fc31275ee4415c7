"""The three kinds of experiment 3 of Hochreiter and Schmidhuber (1997)."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from archsearch.tasks.two_sequences import TARGET_NOISE, TwoSequences

COUNT = 20_000


def episodes(**of: Any) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Return numbers (T, B), targets (B,) and lengths of many episodes."""
    window = TwoSequences(100, 3, **of).draw(np.random.default_rng(0), COUNT)
    lengths = window.scored.argmax(axis=0) + 1
    return window.inputs[..., 0], window.targets[lengths - 1, np.arange(COUNT), 0], lengths


def test_the_first_numbers_say_the_class_and_the_rest_is_noise() -> None:
    numbers, targets, lengths = episodes()
    assert np.array_equal(numbers[:3], np.broadcast_to(2 * targets - 1, (3, COUNT)))
    assert numbers[3:90].mean() == pytest.approx(0, abs=0.003)
    assert numbers[3:90].var() == pytest.approx(0.2, rel=0.01)
    assert targets.mean() == pytest.approx(0.5, abs=0.015)
    assert lengths.min() == 100 and lengths.max() == 110


def test_noise_may_be_added_to_what_says_the_class() -> None:
    numbers, targets, _ = episodes(is_noisy=True)
    noise = numbers[:3] - (2 * targets - 1)
    assert noise.mean() == pytest.approx(0, abs=0.01) and noise.var() == pytest.approx(0.2, rel=0.02)


def test_noise_may_be_added_to_the_target() -> None:
    numbers, targets, _ = episodes(targets=(0.2, 0.8), target_noise=TARGET_NOISE)
    noise = targets - np.where(numbers[0] > 0, 0.2, 0.8)
    assert noise.mean() == pytest.approx(0, abs=0.01) and noise.var() == pytest.approx(0.1, rel=0.03)
