"""Selective copying: read letters, at random places among blanks, then say them again.

After Gu and Dao (2023, arXiv:2312.00752), who take 16 letters of 16 kinds. The last steps are marks `=`, as many as letters,
at which the answers are due.
"""

from __future__ import annotations

import string
from dataclasses import dataclass
from functools import partial

import numpy as np

from archsearch.tasks.lengths import Lengths, LengthTask, Sequences, Span, length_family

VERSION = 1
SIZES = {"paper": (16, 16), "small": (4, 8)}
"""Letters to remember, and kinds of them."""


@dataclass(frozen=True)
class SelectiveCopy(LengthTask):
    """The task `selective_copy` at one difficulty."""

    @property
    def letters(self) -> int:
        """How many there are to remember."""
        return SIZES[self.difficulty][0]

    @property
    def kinds(self) -> int:
        """How many different letters there are."""
        return SIZES[self.difficulty][1]

    @property
    def alphabet(self) -> tuple[str, ...]:
        """The letters, the blank, and the mark."""
        return (*string.ascii_lowercase[: self.kinds], ".", "=")

    @property
    def floor(self) -> float:
        """The accuracy of guessing a letter."""
        return 1 / self.kinds

    @property
    def version(self) -> tuple[object, ...]:
        """The generator's version and sizes."""
        return VERSION, self.letters, self.kinds

    def draw(self, rng: np.random.Generator, span: Span, count: int) -> Sequences:
        """Return blanks with letters among them, then marks, shape (T, count).

        Args:
            rng: The only source of chance.
            span: The lengths, marks included.
            count: How many sequences.
        """
        blank, column = self.kinds, np.arange(count)
        step = np.arange(span[1])[:, None]
        start = rng.integers(span[0], span[1] + 1, size=count) - self.letters
        letters = rng.integers(self.kinds, size=(self.letters, count))
        odds = np.where(step < start, rng.random((span[1], count)), 1.0)  # 1 is never drawn
        places = np.sort(np.argpartition(odds, self.letters - 1, axis=0)[: self.letters], axis=0)
        text = np.where(step < start, blank, blank + 1)
        text[places, column] = letters
        answer = step - start
        scored = (answer >= 0) & (answer < self.letters)
        return Sequences(text, np.where(scored, letters[answer % self.letters, column], 0), scored)


SELECTIVE_COPY = length_family(
    partial(SelectiveCopy, "selective_copy"),
    {"paper": Lengths.trained(40, shortest=32), "small": Lengths.trained(16, shortest=8)},
)
