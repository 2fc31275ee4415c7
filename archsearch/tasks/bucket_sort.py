"""Bucket sort: read digits of 0 to 4, then say them again in order.

After Delétang et al. (2023, arXiv:2207.02098). The second half of a sequence are marks `=`, at which the answers are due.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from archsearch.tasks.lengths import FROM_TWO, LengthTask, Sequences, Span, length_family

VERSION = 1
DIGITS = 5


@dataclass(frozen=True)
class BucketSort(LengthTask):
    """The task `bucket_sort` at one difficulty."""

    floor: float = 1 / DIGITS
    alphabet: tuple[str, ...] = (*map(str, range(DIGITS)), "=")
    version: tuple[object, ...] = (VERSION,)

    def draw(self, rng: np.random.Generator, span: Span, count: int) -> Sequences:
        """Return digits and as many marks, shape (T, count).

        Args:
            rng: The only source of chance.
            span: The lengths; an odd one loses its last step.
            count: How many sequences.
        """
        step = np.arange(span[1])[:, None]
        digits = rng.integers(span[0], span[1] + 1, size=count) // 2
        text = np.where(step < digits, rng.integers(DIGITS, size=(span[1], count)), DIGITS)
        in_order = np.sort(text, axis=0)  # the marks come last
        place = step - digits
        scored = (place >= 0) & (place < digits)
        return Sequences(text, np.where(scored, in_order[place, np.arange(count)], 0), scored)


BUCKET_SORT = length_family(partial(BucketSort, "bucket_sort"), FROM_TWO)
