"""Memorization: k symbols are shown, then a go symbol, then the k symbols are to be said again.

The filter of Jozefowicz et al. (2015). An episode of k = 3 in next-step form, `|` being the go symbol:

    inputs   c a b | c a
    targets  a b | c a b        scored: the last three

Inputs after the go symbol are the true answers so far (teacher forcing). An episode takes 2k steps; a window
holds as many whole episodes as fit into T steps (at least one), and the states are reset where one starts.
"""

import string
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from archsearch.tasks.task import Family, Measure, Task, Window, accuracy_spread, words_checksum

VERSION = 1
GO = "|"


@dataclass(frozen=True)
class Memorization:
    """The task `memorization` at one difficulty."""

    difficulty: str
    length: int
    """k, the symbols to remember."""
    letters: int
    """How many different symbols there are to remember; the go symbol comes on top."""

    measure: Measure = "accuracy"
    is_real: bool = False
    ceiling: float = 1.0

    @property
    def name(self) -> str:
        """The task's name."""
        return f"memorization:{self.difficulty}"

    @property
    def symbols(self) -> int:
        """The letters and the go symbol."""
        return self.letters + 1

    @property
    def alphabet(self) -> tuple[str, ...]:
        """The letters, then the go symbol."""
        return (*string.ascii_lowercase[: self.letters], GO)

    @property
    def floor(self) -> float:
        """The accuracy of guessing a letter."""
        return 1 / self.letters

    @property
    def spread(self) -> float:
        """Standard deviation of one answer position."""
        return accuracy_spread(self.floor, self.ceiling)

    @property
    def checksum(self) -> str:
        """SHA-256 of the generator's version and sizes."""
        return words_checksum("memorization", VERSION, self.length, self.letters)

    def windows(self, split: str, rng: np.random.Generator, batch: int, unroll: int) -> Iterator[Window]:
        """Yield windows of whole episodes, for ever; the same law for every split.

        Args:
            split: `train`, `valid` or `test`.
            rng: The only source of chance.
            batch: B, at least 1.
            unroll: T, at least 1.
        """
        k = self.length
        episodes = max(1, unroll // (2 * k))
        step = np.arange(episodes * 2 * k) % (2 * k)
        scored = np.repeat((step >= k)[:, None], batch, axis=1)
        reset = np.repeat((step == 0)[:, None], batch, axis=1)
        while True:
            shown = rng.integers(self.letters, size=(episodes, k, batch))
            go = np.full((episodes, 1, batch), self.letters)
            text = np.concatenate((shown, go, shown), axis=1)
            yield Window(text[:, :-1].reshape(-1, batch), text[:, 1:].reshape(-1, batch), scored, reset)


DIFFICULTIES = {"paper": (5, 26), "small": (3, 8)}


def load(difficulty: str, data: Path | None = None) -> Task:
    """Return the task at this difficulty; `data` is not needed."""
    return Memorization(difficulty, *DIFFICULTIES[difficulty])


MEMORIZATION = Family(tuple(DIFFICULTIES), load, lambda times: Memorization(f"x{times}", 3 * times, 8))
