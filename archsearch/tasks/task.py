"""What every task provides: windows of symbols, and the figures that a score is read against."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

Symbols = NDArray[np.int64]
Mask = NDArray[np.bool_]
Measure = Literal["accuracy", "nll"]

SPLITS = ("train", "valid", "test")


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of B parallel streams; time first, so every array has the shape (T, B).

    `inputs` and `targets` may be two views of one array: read them, do not write to them.
    """

    inputs: Symbols
    """The symbol at each step."""
    targets: Symbols
    """The symbol to predict there: the stream's next one."""
    scored: Mask
    """Where the prediction counts, for the loss as for the score."""
    reset: Mask | None = None
    """Where the cell's states are set to zero before the step; None: they are carried over throughout."""


class Task(Protocol):
    """A source of windows with the floor and the ceiling of its score."""

    @property
    def name(self) -> str:
        """What `load` was given: `xml:small`, `text:FILE`, `FILE.py:NAME`."""

    @property
    def symbols(self) -> int:
        """How many different symbols there are; inputs and targets lie in 0..symbols - 1."""

    @property
    def measure(self) -> Measure:
        """What the paired rule scores: top-1 accuracy, or negative log likelihood in nats."""

    @property
    def floor(self) -> float:
        """The score that needs no memory; skill is 0 there."""

    @property
    def ceiling(self) -> float:
        """The score that nothing can beat; skill is 1 there."""

    @property
    def spread(self) -> float:
        """Standard deviation of one scored position, for the sampling error of a score."""

    @property
    def checksum(self) -> str:
        """SHA-256 of the data, or of the generator's version and sizes: equal means the same windows."""

    @property
    def alphabet(self) -> tuple[str, ...] | None:
        """What each symbol is written as, if that is known."""

    def windows(self, split: str, rng: np.random.Generator, batch: int, unroll: int) -> Iterator[Window]:
        """Yield windows of `batch` streams and about `unroll` steps, each going on where the last ended.

        Args:
            split: `train` never ends; `valid` and `test` end after one pass over a file, else never.
            rng: The only source of chance: equal generators give equal windows.
            batch: B, at least 1.
            unroll: T, at least 1.
        """


@dataclass(frozen=True, slots=True)
class Family:
    """One row of TASKS."""

    difficulties: tuple[str, ...]
    """The largest, as published, first."""
    load: Callable[[str, Path | None], Task]
    """(difficulty, folder of the data files) -> task."""


def decode(task: Task, symbols: NDArray[np.integer]) -> str:
    """Return one stream of `symbols`, shape (T,), as people read it: characters run together, words spaced."""
    if task.alphabet is None:
        return " ".join(str(symbol) for symbol in symbols)
    parts = [task.alphabet[symbol] for symbol in symbols]
    return ("" if all(len(entry) == 1 for entry in task.alphabet) else " ").join(parts)


def accuracy_spread(floor: float, ceiling: float) -> float:
    """Return the standard deviation of a right-or-wrong position, midway between floor and ceiling."""
    p = (floor + ceiling) / 2
    return float(np.sqrt(p * (1 - p)))


def words_checksum(*words: object) -> str:
    """Return the SHA-256, in hex, of the words' texts."""
    return hashlib.sha256("\0".join(map(str, words)).encode()).hexdigest()


def fixed_generator(*words: object) -> np.random.Generator:
    """Return a generator seeded by the SHA-256 of the words: the same wherever and whenever it is made."""
    return np.random.default_rng(int(words_checksum(*words), 16))
