"""Some places of the test part: what a model holds there, what it predicts, and of what kind each is.

What belongs together for a model lies together: how many of the nearest neighbours are of the same kind says it in numbers.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from archsearch.protocol.seeds import generator
from archsearch.studies.characters.errors import PUNCTUATION, error_kinds, is_letter
from archsearch.studies.characters.gates import watched
from archsearch.studies.characters.model import CharModel
from archsearch.studies.characters.ngram_scores import Rows
from archsearch.studies.characters.reading import all_distributions, part_to_read
from archsearch.studies.characters.text import Bytes, CharText
from archsearch.tasks.task import Mask

PLACES = 1_000
"""Most places."""
NEAREST = 10
"""Neighbours of a place."""
KINDS = ("context", "error")
"""What a place may be told by: the symbol before it, or what removes the error there."""


@dataclass(frozen=True, eq=False)
class Sample:
    """Places of the test part.

    Attributes:
        rows: What a model has at each, by name: `states` of its last layer's output, shape (places, n), and `predictions`,
            the square roots of its distributions, shape (places, V), whose distances are Hellinger's but for a factor.
        kinds: What each is, by `context` and by `error`.
    """

    rows: dict[str, Rows]
    kinds: dict[str, list[str]]


class NeighbourRow(msgspec.Struct, frozen=True):
    """The places of one kind.

    Attributes:
        told_by: `context` or `error`.
        kind: Which.
        places: How many.
        chance: The share of all other places that are of it.
        states: The share of the nearest neighbours that are of it, by the states.
        predictions: The same by the predictions.
    """

    told_by: str
    kind: str
    places: int
    chance: float
    states: float
    predictions: float


def sample_of(model: CharModel, text: CharText, hits: Mask, seed: int = 0, most: int = PLACES) -> Sample:
    """Return places of the test part.

    Args:
        model: What reads.
        text: What it learned.
        hits: Where n-grams are right, as `ngram_hits` finds them.
        seed: Of the places; every model gets the same.
        most: How many places there are at most.
    """
    part, before = part_to_read(text)
    length = len(part) - before
    chance = generator("inside", "places", seed)
    places = np.sort(chance.choice(length, min(most, length), replace=False))
    rows = all_distributions(model, part, before)
    errors = error_kinds(text, rows[np.arange(length), part[before:]].astype(np.float64), hits)
    contexts = context_kinds(text.alphabet[part[before - 1 : -1]])
    return Sample(
        rows={"states": _states(model, part, before)[places], "predictions": np.sqrt(rows[places])},
        kinds={
            "context": [contexts[place] for place in places],
            "error": [errors[place] for place in places],
        },
    )


def _states(model: CharModel, part: Bytes, before: int) -> Rows:
    """Return the last layer's output before each symbol that counts, shape (length - before, n)."""
    output = model.layers.cell.canonical().next[0]
    found = np.empty((len(part) - before, model.layers.hidden_size), np.float32)
    for places, counts, values in watched(model, part, before, (output,)):
        found[places[counts]] = values[-1][output].numpy()[counts]
    return found


def context_kinds(content: Bytes) -> list[str]:
    """Return of what kind bytes, shape (length,), are: in a word, blank, line end, quote, punctuation, or other."""
    found = np.full(len(content), "other", dtype=object)
    for kind, marks in (
        ("blank", b" \t"),
        ("line end", b"\r\n"),
        ("quote", b"\"'"),
        ("punctuation", PUNCTUATION),
    ):
        found[np.isin(content, np.frombuffer(marks, np.uint8))] = kind
    found[is_letter(content)] = "in a word"
    kinds: list[str] = found.tolist()
    return kinds


def neighbour_rows(sample: Sample) -> list[NeighbourRow]:
    """Return for each kind how often the nearest neighbours of a place are of the same kind; frequent kinds come first."""
    nearest = {name: _nearest(rows) for name, rows in sample.rows.items()}
    found = []
    for told_by, kinds in sample.kinds.items():
        labels = np.array(kinds)
        for kind, count in Counter(kinds).most_common():
            own = labels == kind
            shares = {name: float((labels[near[own]] == kind).mean()) for name, near in nearest.items()}
            chance = (count - 1) / max(len(labels) - 1, 1)
            found.append(NeighbourRow(told_by, kind, count, chance, **shares))
    return found


def _nearest(rows: Rows) -> NDArray[np.int64]:
    """Return the numbers of the nearest other rows of each, shape (places, 10)."""
    wide = rows.astype(np.float64)
    norms = (wide**2).sum(axis=1)
    distances = norms[:, None] + norms - 2 * wide @ wide.T
    np.fill_diagonal(distances, np.inf)
    nearest: NDArray[np.int64] = np.argsort(distances, axis=1, kind="stable")[:, :NEAREST]
    return nearest
