"""The three kinds of experiment 2 of Hochreiter and Schmidhuber (1997)."""

import numpy as np
import pytest

from archsearch.tasks.noisy_lags import FixedLag, NoisyLag

COUNT = 50_000


def test_without_noise_there_are_two_sequences_that_differ_at_both_ends_alone() -> None:
    window = FixedLag(100).draw(np.random.default_rng(0), 200)
    assert window.inputs.shape == (100, 200) and window.scored.all()
    assert np.array_equal(window.inputs[1:, 0], np.arange(99)) and set(window.inputs[0]) == {99, 100}
    assert np.array_equal(window.targets[:-1], window.inputs[1:])
    assert np.array_equal(window.targets[-1], window.inputs[0])


def test_without_regularities_what_stands_between_is_random() -> None:
    window = FixedLag(100, is_random=True).draw(np.random.default_rng(0), COUNT // 100)
    shares = np.bincount(window.inputs[1:].ravel(), minlength=101) / window.inputs[1:].size
    assert shares == pytest.approx([*[1 / 99] * 99, 0, 0], abs=0.003)
    assert np.array_equal(window.targets[-1], window.inputs[0])


def test_a_noisy_lag_has_the_known_lengths() -> None:
    """By the rule the mean is q + 13: q + 2, nine more distractors, e, and the last; the paper prints q + 14."""
    window = NoisyLag(50, 50).draw(np.random.default_rng(0), COUNT)
    lengths = window.scored.argmax(axis=0) + 1 + 1  # the last symbol is a target alone
    assert lengths.min() == 50 + 4
    assert lengths.mean() == pytest.approx(50 + 13, abs=0.15)
    assert np.mean(lengths == 54) == pytest.approx(0.1, abs=0.01)


def test_a_noisy_lag_goes_from_b_and_x_or_y_to_e_and_asks_which_it_was() -> None:
    window = NoisyLag(5, 3).draw(np.random.default_rng(0), 2_000)
    e, b, x, y = 3, 4, 5, 6
    last = window.scored.argmax(axis=0)
    assert (window.inputs[0] == b).all() and set(window.inputs[1]) == {x, y}
    assert (window.inputs[last, np.arange(2_000)] == e).all()
    assert (window.scored.sum(axis=0) == 1).all()
    assert np.array_equal(window.targets[last, np.arange(2_000)], window.inputs[1] - x)
    for column in range(100):
        assert window.inputs[2 : last[column], column].max() < 3
