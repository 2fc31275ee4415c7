"""Dyck languages of bounded depth: after each closing bracket, say which bracket closes the one that is open now.

Brackets of k kinds open and close at even odds, at most m of them open at a time: Dyck-(k, m) of Hewitt et al. (2020,
arXiv:2010.07515), who take m = 3 and 5. Nothing else is scored: after an opening bracket the answer is what was just read.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from archsearch.tasks.lengths import TRAINED, LengthTask, Sequences, Span, beginnings, length_family
from archsearch.tasks.task import Family

VERSION = 1
PAIRS = ("()", "[]", "{}", "<>", "/\\")
NONE = "."
"""Said where no bracket is open."""
DEPTHS = {"paper": 5, "small": 3}


@dataclass(frozen=True)
class Dyck(LengthTask):
    """The task `dyck2` or `dyck5` at one difficulty."""

    @property
    def kinds(self) -> int:
        """Of brackets, k."""
        return int(self.family.removeprefix("dyck"))

    @property
    def depth(self) -> int:
        """The most that are open, m."""
        return DEPTHS[self.difficulty]

    @property
    def alphabet(self) -> tuple[str, ...]:
        """The brackets that open, those that close, and what says that none is open."""
        opening, closing = zip(*PAIRS[: self.kinds], strict=True)
        return (*opening, *closing, NONE)

    @property
    def floor(self) -> float:
        """The accuracy of always saying that none is open, or always one kind, after a closing bracket."""
        none = self._none_left()
        return max(none, (1 - none) / self.kinds)

    def _none_left(self) -> float:
        """Return how often a closing bracket of validation leaves none open."""
        depths = np.eye(self.depth + 1)[0]
        closed = last = 0.0
        for step in range(1, self.lengths.valid[1] + 1):
            closing = np.concatenate((depths[1:-1] / 2, depths[-1:]))  # from 1, 2 … m
            opening = np.concatenate((depths[:1], depths[1:-1] / 2))  # from 0, 1 … m - 1
            if step >= self.lengths.valid[0]:
                closed, last = closed + closing.sum(), last + closing[0]
            depths = np.concatenate((closing, [0])) + np.concatenate(([0], opening))
        return float(last / closed)

    @property
    def version(self) -> tuple[object, ...]:
        """The generator's version and sizes."""
        return VERSION, self.depth

    def draw(self, rng: np.random.Generator, span: Span, count: int) -> Sequences:
        """Return beginnings of words, with what would close the open bracket after each symbol, shape (T, count).

        Args:
            rng: The only source of chance.
            span: The lengths of the beginnings that are scored, if they end with a closing bracket.
            count: How many words.
        """
        shape = (span[1], count)
        kinds, coins = rng.integers(self.kinds, size=shape), rng.integers(2, size=shape)
        column, depth = np.arange(count), np.zeros(count, np.int64)
        stack = np.full((self.depth + 1, count), self.kinds)  # below all: no bracket, the kind after the last
        words, after = np.empty_like(kinds), np.empty_like(kinds)
        for step in range(span[1]):
            opens = (depth == 0) | ((depth < self.depth) & (coins[step] == 1))
            words[step] = np.where(opens, kinds[step], self.kinds + stack[depth, column])
            depth += np.where(opens, 1, -1)
            stack[depth, column] = np.where(opens, kinds[step], stack[depth, column])
            after[step] = self.kinds + stack[depth, column]
        drawn = beginnings(words, after, span)
        return drawn._replace(scored=drawn.scored & (words >= self.kinds))


def dyck(kinds: int) -> Family:
    """Return the family of Dyck languages with so many kinds of brackets."""
    return length_family(partial(Dyck, f"dyck{kinds}"), TRAINED)
