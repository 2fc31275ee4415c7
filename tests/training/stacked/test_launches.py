"""How many kernels a training step launches, part by part: what a step of small lanes costs on a GPU."""

from __future__ import annotations

import pytest

from archsearch.cell import library
from tests.helpers import interpreted
from tests.helpers.launches import count_launches

COUNTS = {
    "gru": {"window, embedding": 13, "core forward": 147, "head": 7, "core backward": 152, "optimiser": 2},
    "lstm": {"window, embedding": 13, "core forward": 79, "head": 7, "core backward": 84, "optimiser": 2},
}

"""Before they were kernels of their own, the head was 24 and the update 33."""

pytestmark = interpreted.QUIET


@pytest.mark.parametrize("name", COUNTS)
def test_a_training_step_launches_no_more_kernels_than_it_did(name: str) -> None:
    assert dict(count_launches(library.load(name), 256)) == COUNTS[name]
