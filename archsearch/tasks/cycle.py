"""Cycle navigation: steps forward, back or none on a cycle of five places; say after each where one stands.

After Delétang et al. (2023, arXiv:2207.02098), who ask at the end alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from archsearch.tasks.lengths import TRAINED, LengthTask, Sequences, Span, beginnings, length_family

VERSION = 1
PLACES = 5
MOVES = ("-", ".", "+")


@dataclass(frozen=True)
class Cycle(LengthTask):
    """The task `cycle` at one difficulty."""

    alphabet: tuple[str, ...] = (*MOVES, *map(str, range(PLACES)))
    version: tuple[object, ...] = (VERSION,)

    @property
    def floor(self) -> float:
        """The accuracy of the likeliest place, given the last move: a hair above even."""
        shortest, longest = self.lengths.valid
        step = sum(np.roll(np.eye(PLACES), move, axis=1) for move in (-1, 0, 1)) / len(MOVES)
        before = [np.linalg.matrix_power(step, moves - 1)[0] for moves in range(shortest, longest + 1)]
        return float(np.mean(before, axis=0).max())  # the last move turns it, and changes no probability

    def draw(self, rng: np.random.Generator, span: Span, count: int) -> Sequences:
        """Return moves, with the place after each, shape (T, count).

        Args:
            rng: The only source of chance.
            span: The lengths of the beginnings that are scored.
            count: How many sequences.
        """
        moves = rng.integers(len(MOVES), size=(span[1], count))
        return beginnings(moves, len(MOVES) + np.cumsum(moves - 1, axis=0) % PLACES, span)


CYCLE = length_family(partial(Cycle, "cycle"), TRAINED)
