"""Two sequences: the first few numbers say the class, the many that follow are noise; the class is told at the end.

Experiment 3 of Hochreiter and Schmidhuber (1997), after Bengio et al. (1994): without noise on the class (3a), with it
(3b), and with noise on the target besides (3c).
"""

from dataclasses import dataclass

import numpy as np

from archsearch.tasks.episodes import end_scored
from archsearch.tasks.task import Window

NOISE = 0.2
"""Variance of the numbers that say nothing, and of what is added to those that do."""
TARGET_NOISE = 0.1
"""Variance of what is added to the targets of 3c."""


@dataclass(frozen=True)
class TwoSequences:
    """One of the three kinds."""

    shortest: int
    """T, the fewest steps; the most are a tenth more."""
    informative: int
    """N, the numbers that say the class: +1 or -1 each."""
    is_noisy: bool = False
    """Whether noise is added to these."""
    targets: tuple[float, float] = (1.0, 0.0)
    """What is to be told, of class 1 and of class 2."""
    target_noise: float = 0.0
    """Variance of what is added to it."""

    def draw(self, rng: np.random.Generator, count: int) -> Window:
        """Return independent episodes of one real number a step, padded at their ends to the longest."""
        longest = self.shortest + self.shortest // 10
        lengths = rng.integers(self.shortest, longest + 1, size=count)
        second = rng.integers(2, size=count)
        numbers = rng.normal(0, NOISE**0.5, size=(longest, count))
        head = numbers[: self.informative]
        numbers[: self.informative] = (1 - 2 * second) + (head if self.is_noisy else 0)
        targets = np.array(self.targets)[second]
        if self.target_noise:
            targets = targets + rng.normal(0, self.target_noise**0.5, size=count)
        return end_scored(numbers[..., None], targets[:, None], lengths)
