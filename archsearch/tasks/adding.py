"""Adding: two marked numbers of a long sequence, and their sum at its end; or their product.

Experiments 4 and 5 of Hochreiter and Schmidhuber (1997). A step is a pair: a number, and a marker that is 1 at the two
numbers to remember, -1 at the first and last step, and 0 elsewhere. One of them is among the first ten, the other among
the first half. The length is uniform on T to T + T/10, and the target comes at the last step alone.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np

from archsearch.tasks.episodes import Episodic, end_scored
from archsearch.tasks.task import (
    Family,
    Measure,
    Numbers,
    Symbols,
    Task,
    Window,
    fixed_generator,
    words_checksum,
)

VERSION = 1
EARLY = 10
"""The first mark is among as many pairs from the start."""
SAMPLE = 10_000
"""Episodes that tell how far the floor's error spreads."""

Rule = Literal["sum", "product"]
LOWEST: dict[Rule, float] = {"sum": -1.0, "product": 0.0}
"""Numbers are uniform from here to 1."""
NEUTRAL: dict[Rule, float] = {"sum": 0.0, "product": 1.0}
"""What a marked first pair counts as: there the marker must say that the sequence starts."""


@dataclass(frozen=True)
class Adding(Episodic):
    """The tasks `adding` and `multiplication` at one difficulty."""

    difficulty: str
    shortest: int
    """T, the fewest steps."""
    rule: Rule = "sum"

    measure: Measure = "mse"
    is_real: bool = True
    ceiling: float = 0.0
    symbols: int = 2
    alphabet: None = None

    @property
    def name(self) -> str:
        """The task's name."""
        return f"{'adding' if self.rule == 'sum' else 'multiplication'}:{self.difficulty}"

    @property
    def longest(self) -> int:
        """The most steps."""
        return self.shortest + self.shortest // 10

    @property
    def half(self) -> int:
        """The second mark is among as many pairs from the start."""
        return self.shortest // 2 - 1

    @property
    def floor(self) -> float:
        """The variance of the target: the error of whoever says its mean."""
        first = 1 / EARLY + (1 - 1 / EARLY) / (self.half - 1)
        if self.rule == "sum":
            return (2 - first) / 3 / 16
        mean, square = first / 2 + (1 - first) / 4, first / 3 + (1 - first) / 9
        return square - mean**2

    @cached_property
    def spread(self) -> float:
        """Standard deviation of that error, on a sample of its own."""
        targets = self.draw(fixed_generator(self.name, VERSION, "spread"), SAMPLE).targets[-1]
        return float(np.square(targets - targets.mean()).std())

    @property
    def checksum(self) -> str:
        """SHA-256 of the generator's version and sizes."""
        return words_checksum("adding", VERSION, self.rule, self.shortest)

    def draw(self, rng: np.random.Generator, count: int) -> Window:
        """Return independent episodes, padded at their ends to the longest."""
        lengths = rng.integers(self.shortest, self.longest + 1, size=count)
        first = rng.integers(EARLY, size=count)
        second = rng.integers(self.half - 1, size=count)
        second += second >= first  # of those that are not marked yet
        pairs = np.zeros((self.longest, count, 2))
        pairs[..., 0] = rng.uniform(LOWEST[self.rule], 1, size=(self.longest, count))
        column = np.arange(count)
        pairs[0, :, 1] = pairs[lengths - 1, column, 1] = -1
        marked = np.stack((first, second))
        pairs[marked, column, 1] = 1
        pairs[0, (marked == 0).any(axis=0), 0] = NEUTRAL[self.rule]
        return end_scored(pairs, self._answer(pairs[..., 0], marked)[:, None], lengths)

    def _answer(self, numbers: Numbers, marked: Symbols) -> Numbers:
        """Return the sum, brought to 0..1, or the product of the marked numbers, shape (B,)."""
        one, other = numbers[marked, np.arange(numbers.shape[1])]
        answer: Numbers = 0.5 + (one + other) / 4 if self.rule == "sum" else one * other
        return answer


DIFFICULTIES = {"paper": 100, "small": 30}


def load_adding(difficulty: str, data: Path | None = None) -> Task:
    """Return the task `adding` at this difficulty; `data` is not needed."""
    return Adding(difficulty, DIFFICULTIES[difficulty])


ADDING = Family(tuple(DIFFICULTIES), load_adding, lambda times: Adding(f"x{times}", 30 * times))
