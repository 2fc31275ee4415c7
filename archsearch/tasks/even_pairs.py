"""Even pairs: of a and b, say after each whether there was an even number of ab and ba so far.

That is so if and only if the last symbol is the first one. After Delétang et al. (2023, arXiv:2207.02098), who ask at the
end alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from archsearch.tasks.lengths import TRAINED, LengthTask, Sequences, Span, beginnings, length_family

VERSION = 1
YES, NO = 2, 3


@dataclass(frozen=True)
class EvenPairs(LengthTask):
    """The task `even_pairs` at one difficulty."""

    floor: float = 0.5
    alphabet: tuple[str, ...] = ("a", "b", "y", "n")
    version: tuple[object, ...] = (VERSION,)

    def draw(self, rng: np.random.Generator, span: Span, count: int) -> Sequences:
        """Return letters, with the answer after each, shape (T, count).

        Args:
            rng: The only source of chance.
            span: The lengths of the beginnings that are scored.
            count: How many sequences.
        """
        letters = rng.integers(2, size=(span[1], count))
        return beginnings(letters, np.where(letters == letters[0], YES, NO), span)


EVEN_PAIRS = length_family(partial(EvenPairs, "even_pairs"), TRAINED)
