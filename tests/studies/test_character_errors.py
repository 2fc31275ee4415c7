"""The onion of errors: every oracle takes off what it knows, and each error is counted once."""

from __future__ import annotations

import numpy as np
import pytest

from archsearch.studies.characters.errors import (
    BLANK,
    ErrorRow,
    Onion,
    by_kind,
    ngram_hits,
    onion,
    word_counts,
    word_distances,
    word_ends,
)
from archsearch.studies.characters.published import WAR_AND_PEACE
from archsearch.studies.characters.scale import gains
from archsearch.studies.characters.text import CharText, characters

HEAD = b"one two three. " * 120


def text_with(end: bytes) -> CharText:
    """Return a text whose last tenth is `end`, after words that are known from training."""
    filler = (HEAD * 20)[: 9 * len(end) - 1] + b" "
    return characters("made up", filler + end)


END = b"zebra two zebra zebra " + b"one two three. " * 6
TEXT = text_with(END + b"x" * (112 - len(END)))


def test_the_end_is_what_is_tested() -> None:
    assert TEXT.test_bytes.tobytes().startswith(b"zebra two zebra")


def test_words_are_runs_of_letters() -> None:
    content = np.frombuffer(b"ab, c_1 \xc3\xa9t", np.uint8)
    assert word_ends(content).tolist() == [[0, 2], [4, 7], [8, 11]]


def test_a_word_is_remembered_by_where_it_last_began_but_for_its_first_symbol() -> None:
    found = word_distances(TEXT)
    assert np.isinf(found[:5]).all(), "zebra was not seen before"
    assert np.isinf(found[10]) and found[11:15].tolist() == [11, 12, 13, 14]
    assert found[17:21].tolist() == [7, 8, 9, 10]


def test_words_are_counted_in_the_training_part_alone() -> None:
    found = word_counts(TEXT)
    assert found[0] == 0 and np.isinf(found[5])
    assert found[6] == (TEXT.alphabet[TEXT.train].tobytes()).count(b"two")


def test_every_error_is_counted_once_and_by_the_first_oracle_that_removes_it() -> None:
    probabilities = np.full(len(TEXT.test_bytes), 0.05)
    probabilities[20] = 0.9
    hits = np.zeros(len(probabilities), np.bool_)
    hits[11] = True
    found = onion(TEXT, probabilities, hits, {"n-gram": 0.18})
    rows = {row.kind: row for row in by_kind(found.rows)}
    assert found.errors == len(probabilities) - 1 == sum(row.errors for row in found.rows)
    assert sum(row.share for row in found.rows) == pytest.approx(1)
    assert rows["n-gram"].errors == 1 and rows["n-gram"].paper == 0.18
    sizes = {(row.kind, row.size): row.errors for row in found.rows}
    known = word_distances(TEXT)
    assert sizes["memory", 100] == (known <= 100).sum() - 2, "one is an n-gram's, one is no error"
    assert sizes["rare word", 0] >= 5
    assert sizes["boost", 0.5] > 0 and sizes["boost", 0.1] == 0


def test_the_first_letter_after_a_blank_is_the_word_model_s() -> None:
    probabilities = np.full(len(TEXT.test_bytes), 0.9)
    place = TEXT.test_bytes.tobytes().index(b" two") + 1
    probabilities[place] = 0.1
    found = onion(TEXT, probabilities, np.zeros(len(probabilities), np.bool_), {})
    assert [row.kind for row in found.rows if row.errors] == ["word boundary"]
    assert TEXT.test_bytes[place - 1] in BLANK


def test_an_n_gram_hits_what_always_followed_in_training() -> None:
    text = characters("pattern", b"abcd" * 500)
    assert ngram_hits(text).all()


def test_what_was_never_seen_is_hit_by_no_n_gram() -> None:
    text = characters("broken", b"ab" * 900 + b"q" * 200)
    hits = ngram_hits(text)
    assert len(hits) == 200 and not hits.any()


def test_what_a_larger_model_no_longer_gets_wrong_is_told_by_kind() -> None:
    small = Onion(100, 50, [ErrorRow("n-gram", None, 40, 0.8, None), ErrorRow("memory", 100, 10, 0.2, None)])
    large = Onion(100, 30, [ErrorRow("n-gram", None, 24, 0.8, None), ErrorRow("memory", 100, 6, 0.2, None)])
    rows = gains(small, large, WAR_AND_PEACE.gains)
    assert [(row.kind, row.small, row.large) for row in rows] == [
        ("all errors", 50, 30),
        ("n-gram", 40, 24),
        ("memory", 10, 6),
    ]
    assert [row.share for row in rows] == [1, 0.8, 0.2]
    assert [row.paper for row in rows] == [None, 0.81, None]


def test_no_share_is_told_where_no_errors_go() -> None:
    same = Onion(100, 50, [ErrorRow("n-gram", None, 50, 1.0, None)])
    assert [row.share for row in gains(same, same, {})] == [None, None]
