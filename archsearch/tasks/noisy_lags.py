"""What was seen at the start decides the last symbol; between lie a fixed text, noise, or noise of any length.

Experiment 2 of Hochreiter and Schmidhuber (1997), noise-free (2a), without local regularities (2b), and with very long
lags (2c).
"""

from dataclasses import dataclass

import numpy as np

from archsearch.tasks.episodes import end_scored, step_scored
from archsearch.tasks.task import Window

GOES_ON = 0.9
"""With this probability another distractor comes before the end of 2c."""


@dataclass(frozen=True)
class FixedLag:
    """2a and 2b: (y, a1 … a(p-1), y) or (x, a1 … a(p-1), x), every next symbol to be predicted."""

    lag: int
    """p; symbols are p + 1."""
    is_random: bool = False
    """Whether random symbols of the a stand between (2b)."""

    @property
    def symbols(self) -> int:
        """a1 … a(p-1), x, y."""
        return self.lag + 1

    def draw(self, rng: np.random.Generator, count: int) -> Window:
        """Return independent episodes, shape (p, count)."""
        ends = self.lag - 1 + rng.integers(2, size=count)
        middle = np.repeat(np.arange(self.lag - 1)[:, None], count, axis=1)
        if self.is_random:
            middle = rng.integers(self.lag - 1, size=middle.shape)
        text = np.concatenate((ends[None], middle, ends[None]))
        return step_scored(text[:-1], text[1:], np.full(count, self.lag))


@dataclass(frozen=True)
class NoisyLag:
    """2c: b, then x or y, q and more random distractors, e; then the x or y is to be told, and nothing else."""

    least: int
    """q, the fewest distractors."""
    distractors: int
    """p, of how many symbols they are; symbols are p + 4."""

    @property
    def symbols(self) -> int:
        """a1 … ap, e, b, x, y."""
        return self.distractors + 4

    def draw(self, rng: np.random.Generator, count: int) -> Window:
        """Return independent episodes; the target at `e` is 0 for x, 1 for y."""
        end, start, x = range(self.distractors, self.distractors + 3)
        more = rng.geometric(1 - GOES_ON, size=count) - 1
        lengths = 2 + self.least + more + 1
        text = rng.integers(self.distractors, size=(lengths.max(), count))
        which = rng.integers(2, size=count)
        text[0], text[1] = start, x + which
        text[lengths - 1, np.arange(count)] = end
        return end_scored(text, which, lengths)
