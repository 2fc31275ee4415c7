"""Texts out of network outputs: alignments, best paths and edits."""

from __future__ import annotations

import itertools
from functools import cache

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from archsearch.studies.recordings.transcription import best_path, ctc_loss, edit_distance

TEXTS = st.lists(st.integers(0, 3), max_size=7).map(lambda labels: np.array(labels, dtype=np.int64))


def collapsed(path: tuple[int, ...]) -> list[int]:
    """Return the text of an alignment, blanks 0, by the definition."""
    return [label - 1 for label, _ in itertools.groupby(path) if label]


def test_the_loss_is_that_of_all_alignments_together() -> None:
    outputs = torch.randn(5, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    chances = outputs.softmax(1).numpy()
    labels = np.array([1, 1])
    together = sum(
        np.prod([chances[step, label] for step, label in enumerate(path)])
        for path in itertools.product(range(3), repeat=5)
        if collapsed(path) == labels.tolist()
    )
    assert float(ctc_loss(outputs, labels)) == pytest.approx(-np.log(together))


def test_a_text_that_is_too_long_for_its_frames_has_no_chance() -> None:
    assert ctc_loss(torch.zeros(2, 3), np.array([1, 1])).isinf()


@given(st.lists(st.integers(0, 3), min_size=1, max_size=8))
def test_the_best_path_reads_runs_once_and_blanks_never(path: list[int]) -> None:
    assert best_path(torch.eye(4)[path]).tolist() == collapsed(tuple(path))


@given(TEXTS, TEXTS)
def test_edits_are_counted_as_by_the_definition(one: np.ndarray, other: np.ndarray) -> None:
    @cache
    def edits(a: int, b: int) -> int:
        if a == 0 or b == 0:
            return a + b
        return min(
            edits(a - 1, b) + 1, edits(a, b - 1) + 1, edits(a - 1, b - 1) + int(one[a - 1] != other[b - 1])
        )

    assert edit_distance(one, other) == edits(len(one), len(other)) == edit_distance(other, one)
