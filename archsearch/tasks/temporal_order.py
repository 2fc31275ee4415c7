"""Temporal order: in which order X and Y came, two or three of them far apart among noise, told at the end.

Experiment 6 of Hochreiter and Schmidhuber (1997). An episode starts with E and ends with B, and its other symbols are
of a, b, c, d, but for the X and Y. Its class is their order: four for two of them, eight for three.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from archsearch.tasks.episodes import Episodic, end_scored
from archsearch.tasks.task import Family, Measure, Task, Window, accuracy_spread, words_checksum

VERSION = 1
START, END = 0, 1
NOISE = 4
X = 2 + NOISE
"""X; Y is the next one."""


@dataclass(frozen=True)
class TemporalOrder(Episodic):
    """The task `order` at one difficulty."""

    difficulty: str
    slots: tuple[tuple[int, int], ...]
    """Where an X or Y may stand: the first and last place of each, E having place 1."""
    lengths: tuple[int, int]
    """The fewest and the most steps."""

    measure: Measure = "accuracy"
    is_real: bool = False
    ceiling: float = 1.0
    alphabet: tuple[str, ...] = ("E", "B", "a", "b", "c", "d", "X", "Y")

    @property
    def name(self) -> str:
        """The task's name."""
        return f"order:{self.difficulty}"

    @property
    def symbols(self) -> int:
        """The symbols; classes are as many at most."""
        return len(self.alphabet)

    @property
    def classes(self) -> int:
        """The orders that there are."""
        return int(2 ** len(self.slots))

    @property
    def floor(self) -> float:
        """The accuracy of guessing a class."""
        return 1 / self.classes

    @property
    def spread(self) -> float:
        """Standard deviation of one answer."""
        return accuracy_spread(self.floor, self.ceiling)

    @property
    def checksum(self) -> str:
        """SHA-256 of the generator's version and sizes."""
        return words_checksum("order", VERSION, self.slots, self.lengths)

    def draw(self, rng: np.random.Generator, count: int) -> Window:
        """Return independent episodes, padded at their ends to the longest."""
        shortest, longest = self.lengths
        lengths = rng.integers(shortest, longest + 1, size=count)
        text = rng.integers(START + 2, X, size=(longest, count))
        column = np.arange(count)
        answer = np.zeros(count, np.int64)
        for low, high in self.slots:
            place, which = rng.integers(low, high + 1, size=count), rng.integers(2, size=count)
            text[place - 1, column] = X + which
            answer = 2 * answer + which
        text[0] = START
        text[lengths - 1, column] = END
        return end_scored(text, answer, lengths)


DIFFICULTIES = {
    "paper": (((10, 20), (50, 60)), (100, 110)),
    "three": (((10, 20), (33, 43), (66, 76)), (100, 110)),
    "small": (((4, 7), (12, 15)), (20, 22)),
}


def load_order(difficulty: str, data: Path | None = None) -> Task:
    """Return the task at this difficulty; `data` is not needed."""
    return TemporalOrder(difficulty, *DIFFICULTIES[difficulty])


def _longer(times: int) -> Task:
    return TemporalOrder(
        f"x{times}", ((4 * times, 7 * times), (12 * times, 15 * times)), (20 * times, 22 * times)
    )


ORDER = Family(tuple(DIFFICULTIES), load_order, _longer)
