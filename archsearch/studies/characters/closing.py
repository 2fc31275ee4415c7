"""How likely a closing bracket or quote is, by how far back its opening is: a model beside the longest n-gram.

Karpathy et al. (2015) look at the braces of the Linux kernel; prose has quotes and parentheses.
"""

from __future__ import annotations

import msgspec
import numpy as np

from archsearch.studies.characters.features import inside_quotes
from archsearch.studies.characters.ngram_scores import ngram_probabilities
from archsearch.studies.characters.text import Bytes, CharText
from archsearch.tasks.task import Numbers, Symbols

EDGES = (1, 10, 20, 40, 60, 80, 100, 150, 200, 300, 500)
"""Where the ranges of distances begin; the last has no end."""
LONGEST = 20
"""The context of the n-gram."""
PAIRS = {"{ }": b"{}", "( )": b"()", "[ ]": b"[]"}
"""What is matched by nesting."""
QUOTES = '" "'


class ClosingRow(msgspec.Struct, frozen=True):
    """The closings whose openings are about so far back.

    Attributes:
        pair: What opens and closes.
        nearest: The least distance, in symbols.
        farthest: The largest; None for no end.
        count: How many there are.
        model: The mean probability that the model gives them.
        ngram: The same of the n-gram.
    """

    pair: str
    nearest: int
    farthest: int | None
    count: int
    model: float
    ngram: float


def ngram_baseline(text: CharText) -> Numbers:
    """Return what the n-gram of the training part gives the true symbols of the test part, shape (length,)."""
    part, before = text.part("test", LONGEST)
    found: Numbers = ngram_probabilities(text.train, part, len(text.alphabet), LONGEST)[-1][before:]
    return found


def closing_rows(text: CharText, model: Numbers, ngram: Numbers) -> list[ClosingRow]:
    """Return a row for each pair and range of distances that the test part has closings of.

    Args:
        text: The text.
        model: What the model gives the true symbols of the test part, shape (length,).
        ngram: What the n-gram gives them, shape (length,).
    """
    rows = []
    for pair, distances in closings(text.test_bytes).items():
        bins = np.digitize(distances, EDGES)
        for number, nearest in enumerate(EDGES, 1):
            here = bins == number
            if here.any():
                farthest = EDGES[number] - 1 if number < len(EDGES) else None
                means = float(model[here].mean()), float(ngram[here].mean())
                rows.append(
                    ClosingRow(pair, nearest, farthest, int(here.sum()), model=means[0], ngram=means[1])
                )
    return rows


def closings(content: Bytes) -> dict[str, Symbols]:
    """Return for each pair how far back each byte's opening is, 0 where it closes nothing, shape (length,)."""
    found = {pair: _nested(content, marks) for pair, marks in PAIRS.items()}
    return found | {QUOTES: _quoted(content)}


def _nested(content: Bytes, marks: bytes) -> Symbols:
    found, opened = np.zeros(len(content), np.int64), list[int]()
    for place in np.flatnonzero(np.isin(content, np.frombuffer(marks, np.uint8))).tolist():
        if content[place] == marks[0]:
            opened.append(place)
        elif opened:
            found[place] = place - opened.pop()
    return found


def _quoted(content: Bytes) -> Symbols:
    found, within = np.zeros(len(content), np.int64), inside_quotes(content)
    opened = 0
    for place in np.flatnonzero(content == ord('"')).tolist():
        if within[place]:
            opened = place
        else:
            found[place] = place - opened
    return found
