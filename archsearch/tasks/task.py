"""What every task provides: windows of symbols or of real numbers, and the figures that a score is read against."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

Symbols = NDArray[np.int64]
Numbers = NDArray[np.float64]
Mask = NDArray[np.bool_]
Measure = Literal["accuracy", "nll", "mse", "gaussian_nll"]
"""A row of `measures.MEASURES`."""

TOLERANCE = 0.04
"""Real targets are met within it, all of a position (Hochreiter and Schmidhuber 1997, experiment 4): their accuracy."""

SPLITS = ("train", "valid", "test")


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of B parallel streams; time first, so every array has the shape (T, B), real numbers (T, B, how many).

    `inputs` and `targets` may be two views of one array: read them, do not write to them.
    """

    inputs: Symbols | Numbers
    """The symbol at each step, or real numbers."""
    targets: Symbols | Numbers
    """The symbol to predict there, as a rule the stream's next one; or real numbers."""
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
        """How many different symbols there are; inputs and targets lie in 0..symbols - 1.

        Where one of them is real, at least as many as a step has numbers there, or a model says of them.
        """

    @property
    def is_real(self) -> bool:
        """Whether inputs or targets are real numbers; then only torch's own learner trains on it."""

    @property
    def measure(self) -> Measure:
        """What the paired rule scores: top-1 accuracy, negative log-likelihood in nats, or squared error of real targets."""

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
    longer: Callable[[int], Task] | None = None
    """(how many times as long) -> task, the small difficulty at 1; None where a task has no length."""


def decode(task: Task, symbols: Symbols | Numbers) -> str:
    """Return one stream of `symbols`, shape (T,), as people read it: characters run together, words spaced.

    Real numbers, shape (T, how many), are rounded, those of a step joined by commas.
    """
    if symbols.ndim > 1:
        return " ".join(",".join(f"{number:.2g}" for number in step) for step in symbols)
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
