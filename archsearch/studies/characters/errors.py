"""What the errors of a character model are: oracles take them off one after another, in the order of Karpathy et al. (2015).

An error is a symbol that the model gave less than a half. Each is counted once, by the first oracle that removes it:
n-grams of up to nine symbols, a memory of the last words, rare words, the start of a word, what follows punctuation; the
rest by how much more probability would have mended it. What a summary of the paper leaves open is said beside each.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import msgspec
import numpy as np
from numpy.typing import NDArray

from archsearch.studies.characters.ngram_scores import ngram_distributions
from archsearch.studies.characters.text import Bytes, CharText
from archsearch.tasks.task import Mask, Numbers

HALF = 0.5
"""An error has less probability."""
NGRAMS = 9
"""The longest context of the n-gram oracle."""
MEMORIES = (100, 500, 1_000, 5_000)
"""How many symbols back a word may have been seen."""
RARE = (0, 1, 2, 3, 4, 5)
"""How often a word was seen in training."""
BOOSTS = (0.1, 0.2, 0.3, 0.4, 0.5)
"""How much probability is missing."""
NO_ERROR = "no error"
"""The kind of a symbol that has half or more."""
BLANK = b" \n\r\t\"'"
"""After these a word begins."""
PUNCTUATION = b".,;:!?-()[]{}<>/*&|=+%#@~^\\`"


class ErrorRow(msgspec.Struct, frozen=True):
    """The errors that an oracle removes.

    Attributes:
        kind: What the oracle knows.
        size: How much of it: symbols of a memory, occurrences of a word, probability.
        errors: How many it removes.
        share: Of all errors.
        paper: The paper's share of the kind, where it is known.
    """

    kind: str
    size: float | None
    errors: int
    share: float
    paper: float | None


class Onion(msgspec.Struct, frozen=True):
    """The errors of a model.

    Attributes:
        symbols: Symbols of the test part.
        errors: Errors among them.
        rows: Oracle by oracle.
    """

    symbols: int
    errors: int
    rows: list[ErrorRow]


def ngram_hits(text: CharText) -> Mask:
    """Return where an n-gram model of the training part ranks the true symbol first, n from 1 to 9; shape (test length,)."""
    tested, before = text.part("test", NGRAMS)
    found = np.zeros(len(tested), np.bool_)
    for n, rows in enumerate(ngram_distributions(text.train, tested, len(text.alphabet), NGRAMS)):
        if n:
            found |= rows.argmax(axis=1) == tested
    hits: Mask = found[before:]
    return hits


def onion(text: CharText, probabilities: Numbers, hits: Mask, paper: dict[str, float]) -> Onion:
    """Return what the errors of a model are.

    Args:
        text: What was learned.
        probabilities: Those of the true symbols of the test part, shape (length,).
        hits: What `ngram_hits` found, shape (length,).
        paper: The paper's shares.
    """
    total, rows = int((probabilities < HALF).sum()), []
    for kind, size, removed in _peeled(text, probabilities, hits):
        count = int(removed.sum())
        rows.append(ErrorRow(kind, size, count, count / max(total, 1), paper.get(kind)))
    return Onion(len(probabilities), total, rows)


def error_kinds(text: CharText, probabilities: Numbers, hits: Mask) -> list[str]:
    """Return for each symbol of the test part what removes its error, `no error` where it is none.

    Args:
        text: What was learned.
        probabilities: Those of the true symbols of the test part, shape (length,).
        hits: What `ngram_hits` found, shape (length,).
    """
    found = np.full(len(probabilities), NO_ERROR, dtype=object)
    for kind, _, removed in _peeled(text, probabilities, hits):
        found[removed] = kind
    kinds: list[str] = found.tolist()
    return kinds


def _peeled(text: CharText, probabilities: Numbers, hits: Mask) -> Iterator[tuple[str, float | None, Mask]]:
    """Yield what each oracle is the first to remove."""
    left = probabilities < HALF
    for kind, size, removes in _oracles(text, probabilities, hits):
        yield kind, size, left & removes
        left = left & ~removes


def _oracles(text: CharText, probabilities: Numbers, hits: Mask) -> Iterator[tuple[str, float | None, Mask]]:
    before = text.alphabet[text.symbols[text.test - 1 : -1]]
    yield "n-gram", None, hits
    back, seen = word_distances(text), word_counts(text)
    for size in MEMORIES:
        yield "memory", size, back <= size
    for size in RARE:
        yield "rare word", size, seen <= size
    yield "word boundary", None, _among(before, BLANK)
    yield "punctuation", None, _among(before, PUNCTUATION)
    for missing in BOOSTS:
        yield "boost", missing, probabilities + missing >= HALF


def _among(content: Bytes, wanted: bytes) -> Mask:
    found: Mask = np.isin(content, np.frombuffer(wanted, np.uint8))
    return found


def is_letter(content: Bytes) -> Mask:
    """Return where bytes, shape (length,), belong to words: letters, digits, underscores and all beyond ASCII."""
    table = np.array([byte >= 128 or chr(byte).isalnum() or byte == 95 for byte in range(256)])
    found: Mask = table[content]
    return found


def word_ends(content: Bytes) -> NDArray[np.int64]:
    """Return where the words of bytes, shape (length,), begin and end, shape (words, 2)."""
    edges = np.diff(np.concatenate(([False], is_letter(content), [False])).astype(np.int8))
    return np.stack((np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)), axis=1)


def word_distances(text: CharText) -> Numbers:
    """Return how many symbols back the word of each test symbol was last begun, shape (length,).

    Infinite outside words, at their first symbols, which no word foretells, and where it was not seen before.
    """
    start = max(0, text.test - max(MEMORIES) - 100)
    content = text.alphabet[text.symbols[start:]]
    data, last = content.tobytes(), dict[bytes, int]()
    found = np.full(len(content), np.inf)
    for begin, end in word_ends(content).tolist():
        word = data[begin:end]
        if word in last:
            found[begin + 1 : end] = np.arange(begin + 1, end) - last[word]
        last[word] = begin
    return found[text.test - start :]


def word_counts(text: CharText) -> Numbers:
    """Return how often the word of each test symbol was seen in training, shape (length,); infinite outside words."""
    learned, content = text.alphabet[text.train], text.test_bytes
    data = learned.tobytes()
    counts = Counter(data[begin:end] for begin, end in word_ends(learned).tolist())
    data, found = content.tobytes(), np.full(len(content), np.inf)
    for begin, end in word_ends(content).tolist():
        found[begin:end] = counts[data[begin:end]]
    return found


def by_kind(rows: list[ErrorRow]) -> list[ErrorRow]:
    """Return one row for each kind, its sizes together."""
    kinds = dict.fromkeys(row.kind for row in rows)
    return [_together([row for row in rows if row.kind == kind]) for kind in kinds]


def _together(rows: list[ErrorRow]) -> ErrorRow:
    errors, share = sum(row.errors for row in rows), sum(row.share for row in rows)
    return ErrorRow(rows[0].kind, None, errors, share, rows[0].paper)
