"""How a text is read by a trained model: in parallel streams that begin a little early, so that none starts from nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from archsearch.studies.characters.model import CharModel
from archsearch.studies.characters.ngram_scores import Rows
from archsearch.studies.characters.text import Bytes, CharText
from archsearch.tasks.task import Numbers, Symbols

EARLY = 100
"""Symbols that a stream reads before the first that counts."""
STREAMS = 100
"""Most streams."""
STEPS = 100
"""Steps of a window."""


@dataclass(frozen=True, eq=False)
class Stretch:
    """A window of all streams.

    Attributes:
        inputs: The symbols that are read, int64, shape (T, B).
        places: Which symbol of the part is to come next, -1 where it does not count, shape (T, B).
    """

    inputs: Tensor
    places: Symbols


def stretches(text: Bytes, before: int) -> Iterator[Stretch]:
    """Yield a text in windows; every symbol but the first `before` is to come next exactly once.

    Args:
        text: Symbols, shape (length,).
        before: How many are only read, at least 1.
    """
    count = len(text) - before
    streams = max(1, min(STREAMS, count // EARLY))
    length = -(-count // streams)
    starts = before + length * np.arange(streams)
    for first in range(-min(EARLY, before - 1), length, STEPS):
        steps = np.arange(first, min(first + STEPS, length))
        nexts = steps[:, None] + starts
        counts = (steps[:, None] >= 0) & (nexts < len(text))
        inputs = text[np.minimum(nexts, len(text) - 1) - 1].astype(np.int64)
        yield Stretch(torch.from_numpy(inputs), np.where(counts, nexts - before, -1))


def part_to_read(text: CharText, name: str = "test") -> tuple[Bytes, int]:
    """Return a part of a text with what is read before it, and how much that is; the part has the shape (length,).

    Args:
        text: The text.
        name: `valid` or `test`.
    """
    return text.part(name, EARLY + 1)


@torch.no_grad()
def distributions(model: CharModel, text: Bytes, before: int) -> Iterator[tuple[Symbols, Rows]]:
    """Yield places of a part, shape (some,), and the logarithms of the distributions there, shape (some, V).

    Args:
        model: What reads.
        text: Symbols, shape (length,).
        before: How many are only read.
    """
    was_training = model.training
    model.eval()
    state: Any = None
    for stretch in stretches(text, before):
        logits, state = model(stretch.inputs, state)
        counts = stretch.places >= 0
        rows = torch.log_softmax(logits, -1).numpy()[counts]
        yield stretch.places[counts], rows
    model.train(was_training)


def log_probabilities(model: CharModel, text: Bytes, before: int) -> Numbers:
    """Return the logarithm of the probability of every symbol but the first `before`, in nats, shape (length - before,).

    Args:
        model: What reads.
        text: Symbols, shape (length,).
        before: How many are only read.
    """
    found = np.full(len(text) - before, np.nan)
    for places, rows in distributions(model, text, before):
        found[places] = rows[np.arange(len(places)), text[places + before]]
    return found


def all_distributions(model: CharModel, text: Bytes, before: int) -> Rows:
    """Return the distributions at every symbol but the first `before`, shape (length - before, V).

    Args:
        model: What reads.
        text: Symbols, shape (length,).
        before: How many are only read.
    """
    found = np.empty((len(text) - before, model.symbols), np.float32)
    for places, rows in distributions(model, text, before):
        found[places] = np.exp(rows)
    return found
