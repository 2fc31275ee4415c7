"""The unigram model: each symbol's frequency, nothing of what came before. The floor of language tasks.

Where frequencies mislead, as those of a text that goes on in another language, guessing evenly is the floor.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Unigram(NamedTuple):
    """How well a unigram model predicts a text."""

    nll: float
    """Mean negative log likelihood of a symbol, in nats; at most that of guessing evenly."""
    spread: float
    """Its standard deviation over the symbols."""


def unigram(train: NDArray[np.integer], valid: NDArray[np.integer], symbols: int) -> Unigram:
    """Return how the unigram model of `train`, every count raised by one, predicts `valid`.

    Args:
        train: The symbols to count, 0..symbols - 1, shape (length,).
        valid: The symbols to predict, shape (length,).
        symbols: The size of the vocabulary.
    """
    counts = np.bincount(train, minlength=symbols) + 1
    losses = -np.log(counts / counts.sum())[valid]
    return Unigram(min(float(losses.mean()), math.log(symbols)), float(losses.std()))
