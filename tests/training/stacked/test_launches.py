"""How many kernels a step launches, part by part: what a step of small lanes costs on a GPU."""

from __future__ import annotations

import pytest

from archsearch.cell import library
from tests.helpers import interpreted
from tests.helpers.launches import count_launches

COUNTS = {
    "gru": {"window, embedding": 5, "core forward": 147, "head": 7, "core backward": 152, "optimiser": 2},
    "lstm": {"window, embedding": 5, "core forward": 79, "head": 7, "core backward": 84, "optimiser": 2},
}
"""Before they were kernels of their own, the window with its embedding was 13, the head 24 and the update 33."""

JUDGED = {
    "gru": {"window, embedding": 3, "core forward": 147, "head": 3},
    "lstm": {"window, embedding": 3, "core forward": 79, "head": 3},
}
"""Before, the window with its embedding was 10 and the head 17."""

pytestmark = interpreted.QUIET


@pytest.mark.parametrize("name", COUNTS)
def test_a_training_step_launches_no_more_kernels_than_it_did(name: str) -> None:
    assert dict(count_launches(library.load(name), 256)) == COUNTS[name]


@pytest.mark.parametrize("name", JUDGED)
def test_nor_does_a_step_of_an_evaluation(name: str) -> None:
    assert dict(count_launches(library.load(name), 256, learns=False)) == JUDGED[name]
