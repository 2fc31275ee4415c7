"""War and Peace: the bytes that the paper counts, and n-grams on it. Skipped where the file is not there."""

from __future__ import annotations

import numpy as np
import pytest

from archsearch.studies.characters.ngram_scores import ngram_probabilities
from archsearch.studies.characters.published import WAR_AND_PEACE, reported_for
from archsearch.studies.characters.text import characters, load_characters
from tests.helpers.sources import ROOT

FILE = ROOT.parent / "shared" / "data" / "charlm" / "warpeace_input.txt"
needs_file = pytest.mark.skipif(
    not FILE.is_file(), reason="War and Peace is not in ../shared/data/charlm/warpeace_input.txt"
)


@needs_file
def test_the_text_has_the_bytes_that_the_paper_counts() -> None:
    text = load_characters(FILE)
    assert (len(text.symbols), len(text.alphabet)) == (3_258_246, 87)
    assert reported_for(text) is WAR_AND_PEACE


def test_another_text_has_no_figures_of_the_paper() -> None:
    paper = reported_for(characters("another", b"ab" * 1_000))
    assert paper.model("lstm", 512, 1) is None and not paper.ngrams


def test_figures_of_the_paper_are_those_of_its_table() -> None:
    assert [WAR_AND_PEACE.model("lstm", 512, layers) for layers in (1, 2, 3, 4)] == [
        1.161,
        1.092,
        1.082,
        None,
    ]
    assert WAR_AND_PEACE.model("tanh_rnn", 512, 1) is None and WAR_AND_PEACE.ngrams[20] == 1.195


@needs_file
@pytest.mark.slow
def test_n_grams_come_within_two_hundredths_of_the_papers_on_half_of_the_last_tenth() -> None:
    text = load_characters(FILE)
    part, before = text.part("test", 9)
    part = part[: before + (len(text.symbols) - text.test) // 2]
    found = ngram_probabilities(text.symbols[: text.test], part, 87, 9)[:, before:]
    losses = dict(enumerate(-np.log(found).mean(axis=1)))
    assert all(abs(losses[n] - WAR_AND_PEACE.ngrams[n]) < 0.02 for n in range(1, 10)), losses
