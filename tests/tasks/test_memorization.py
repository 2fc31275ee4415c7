"""The filter task."""

import numpy as np
import pytest

from archsearch import tasks
from tests.tasks.samples import take


@pytest.mark.parametrize(
    ("spec", "k", "letters"), [("memorization:paper", 5, 26), ("memorization:small", 3, 8)]
)
def test_an_episode_shows_k_symbols_and_asks_for_them_after_the_go_symbol(
    spec: str, k: int, letters: int
) -> None:
    task = tasks.load(spec)
    assert task.symbols == letters + 1 and task.floor == 1 / letters
    for window in take(task, 5):
        assert len(window.inputs) == 35 // (2 * k) * 2 * k
        for start in range(0, len(window.inputs), 2 * k):
            inputs, targets = window.inputs[start : start + 2 * k], window.targets[start : start + 2 * k]
            assert np.array_equal(targets[k:], inputs[:k])
            assert np.array_equal(targets[:-1], inputs[1:])
            assert (inputs[k] == letters).all() and (inputs == letters).sum() == 4


def test_answers_are_scored_and_states_reset_where_an_episode_starts() -> None:
    window = take(tasks.load("memorization:small"), 1, batch=1, unroll=12)[0]
    assert window.scored[:, 0].tolist() == [False, False, False, True, True, True] * 2
    assert window.reset is not None
    assert window.reset[:, 0].tolist() == [True, False, False, False, False, False] * 2


def test_a_window_holds_at_least_one_whole_episode() -> None:
    assert take(tasks.load("memorization:paper"), 1, unroll=3)[0].inputs.shape == (10, 4)
