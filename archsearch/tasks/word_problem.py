"""Word problems of finite groups: read elements, and say after each the product of all so far.

Over the cyclic groups it is counting. That of A5 or S5, which are not solvable, is as hard as anything that a recurrence of
fixed width can do, and beyond linear recurrences with diagonal matrices (Merrill, Petty, Sabharwal 2024, arXiv:2404.08819).
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import cache, partial

import numpy as np

from archsearch.tasks.lengths import TRAINED, LengthTask, Sequences, Span, beginnings, length_family
from archsearch.tasks.task import Family, Symbols

VERSION = 1

Permutations = tuple[tuple[int, ...], ...]


def _rotations(points: int) -> Permutations:
    return tuple(tuple((point + turn) % points for point in range(points)) for turn in range(points))


def _symmetric(points: int) -> Permutations:
    return tuple(itertools.permutations(range(points)))


def _alternating(points: int) -> Permutations:
    return tuple(each for each in _symmetric(points) if not _inversions(each) % 2)


def _inversions(permutation: tuple[int, ...]) -> int:
    return sum(before > after for before, after in itertools.combinations(permutation, 2))


GROUPS = {
    "parity": _rotations(2),
    "z5": _rotations(5),
    "s3": _symmetric(3),
    "a5": _alternating(5),
    "s5": _symmetric(5),
}
"""Name of the task -> the group's elements as permutations of 0, 1, 2 …, the identity first."""


@cache
def cayley_table(group: str) -> Symbols:
    """Return the number of each product "the row's element, then the column's", shape (elements, elements)."""
    elements = np.array(GROUPS[group])
    weights = len(elements[0]) ** np.arange(len(elements[0]))
    codes = elements @ weights
    order = np.argsort(codes)
    composed = elements[:, elements] @ weights  # [column, row]: the column's of what the row's gives
    found: Symbols = order[np.searchsorted(codes[order], composed.T)]
    return found


@dataclass(frozen=True)
class WordProblem(LengthTask):
    """The word problem of one group at one difficulty; elements are drawn evenly from all."""

    version: tuple[object, ...] = (VERSION,)

    @property
    def alphabet(self) -> tuple[str, ...]:
        """The elements: where each permutation takes 1, 2, 3 …, or by how much it rotates."""
        elements = GROUPS[self.family]
        if len(elements) == len(elements[0]):
            return tuple(map(str, range(len(elements))))
        return tuple("".join(str(point + 1) for point in element) for element in elements)

    @property
    def floor(self) -> float:
        """One over the number of elements: without what came before, every product is as likely."""
        return 1 / self.symbols

    def draw(self, rng: np.random.Generator, span: Span, count: int) -> Sequences:
        """Return words of elements, with the product of each beginning, shape (T, count).

        Args:
            rng: The only source of chance.
            span: The lengths of the beginnings that are scored.
            count: How many words.
        """
        table = cayley_table(self.family)
        words = rng.integers(self.symbols, size=(span[1], count))
        so_far = words.copy()
        for step in range(1, len(words)):
            so_far[step] = table[so_far[step - 1], words[step]]
        return beginnings(words, so_far, span)


def word_problem(group: str) -> Family:
    """Return the family of a group of `GROUPS`."""
    return length_family(partial(WordProblem, group), TRAINED)
