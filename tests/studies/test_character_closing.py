"""Closing brackets and quotes: how far back their openings are, and what models give them."""

from __future__ import annotations

import numpy as np
import pytest

from archsearch.studies.characters.closing import closing_rows, closings, ngram_baseline
from archsearch.studies.characters.text import characters


def test_a_closing_is_matched_with_its_own_opening() -> None:
    found = closings(np.frombuffer(b'(a(b)c) ) "q" {x}', np.uint8))
    assert found["( )"].tolist()[:9] == [0, 0, 0, 0, 2, 0, 6, 0, 0]
    assert found['" "'].tolist()[12] == 2 and found["{ }"].tolist()[-1] == 2
    assert found["[ ]"].sum() == 0


def test_rows_hold_the_mean_probability_of_the_closings_in_a_range() -> None:
    text = characters("made up", b"x" * 900 + b"x" * 70 + b"{aa}{aa}{" + b"a" * 20 + b"}")
    p = np.zeros(len(text.test_bytes))
    places = [place for place, byte in enumerate(text.test_bytes.tobytes()) if byte == ord("}")]
    p[places] = 0.2, 0.6, 0.9
    rows = closing_rows(text, p, p / 2)
    assert [(row.pair, row.nearest, row.farthest, row.count) for row in rows] == [
        ("{ }", 1, 9, 2),
        ("{ }", 20, 39, 1),
    ]
    assert [row.model for row in rows] == pytest.approx([0.4, 0.9])
    assert [row.ngram for row in rows] == pytest.approx([0.2, 0.45])


def test_the_n_gram_beside_has_seen_the_training_part() -> None:
    assert ngram_baseline(characters("pattern", b"abcd" * 500)).min() > 0.9
