"""Multi-query associative recall: read keys with their values, then say the value of each key that is asked for.

After Arora et al. (2023, arXiv:2312.04927). The pairs come first, their keys all different; then each step is a blank or, as
often, one of these keys, at which its value is due.
"""

from __future__ import annotations

import string
from dataclasses import dataclass
from functools import partial

import numpy as np

from archsearch.tasks.lengths import Lengths, LengthTask, Sequences, Span, beginnings, length_family

VERSION = 1
SIZES = {"paper": (8, 16), "small": (4, 8)}
"""Pairs, and how many different keys and values there are."""


@dataclass(frozen=True)
class Recall(LengthTask):
    """The task `mqar` at one difficulty."""

    @property
    def pairs(self) -> int:
        """How many there are to remember."""
        return SIZES[self.difficulty][0]

    @property
    def values(self) -> int:
        """How many different values there are, and as many keys."""
        return SIZES[self.difficulty][1]

    @property
    def alphabet(self) -> tuple[str, ...]:
        """The keys, the values, and the blank."""
        return (*string.ascii_lowercase[: self.values], *string.ascii_uppercase[: self.values], ".")

    @property
    def floor(self) -> float:
        """The accuracy of guessing a value."""
        return 1 / self.values

    @property
    def version(self) -> tuple[object, ...]:
        """The generator's version and sizes."""
        return VERSION, self.pairs, self.values

    def draw(self, rng: np.random.Generator, span: Span, count: int) -> Sequences:
        """Return pairs, then blanks and questions, shape (T, count).

        Args:
            rng: The only source of chance.
            span: The lengths of the beginnings that are scored, if they end with a question.
            count: How many sequences.
        """
        said = 2 * self.pairs
        keys = np.argsort(rng.random((self.values, count)), axis=0)[: self.pairs]
        values = self.values + rng.integers(self.values, size=(self.pairs, count))
        shape = (span[1], count)
        which, asks = rng.integers(self.pairs, size=shape), rng.integers(2, size=shape) == 1
        text = np.where(asks, keys[which, np.arange(count)], 2 * self.values)
        text[0:said:2], text[1:said:2] = keys, values
        asks[:said] = False
        drawn = beginnings(text, np.where(asks, values[which, np.arange(count)], 0), span)
        return drawn._replace(scored=drawn.scored & asks)


def _lengths(longest: int, difficulty: str) -> Lengths:
    return Lengths.trained(longest, 2 * SIZES[difficulty][0] + 1)


MQAR = length_family(
    partial(Recall, "mqar"), {"paper": _lengths(40, "paper"), "small": _lengths(16, "small")}
)
