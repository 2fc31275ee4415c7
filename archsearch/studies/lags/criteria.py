"""When a run of the 1997 study has solved its task: by its latest training sequences, or by sets that it is tried on."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from archsearch.tasks.reber import may_follow
from archsearch.tasks.task import Mask, Numbers, Symbols, Window


@dataclass(frozen=True)
class Recent:
    """Met when the latest training sequences were processed well, each before it was learned from.

    Attributes:
        count: How many sequences.
        tolerance: A sequence is wrong if an output is off its target by so much.
        wrong: How many of them may be wrong.
        error: Their mean absolute error is below this.
        is_dated_back: Whether the sequences to success are counted up to the first of them, and not to the last.
    """

    count: int
    tolerance: float
    wrong: int = 0
    error: float = np.inf
    is_dated_back: bool = False


@dataclass(frozen=True)
class Classified:
    """Met when a network tells the class of all sequences of a test set, but for a few, with a small mean absolute error.

    Attributes:
        tolerance: A sequence is wrong if an output is off its noise-free target by so much.
        wrong: How many of the set may be wrong: the criterion ST1 of the paper.
        error: The mean absolute error is below this besides: ST2.
        size: Sequences of the set.
    """

    tolerance: float
    wrong: int
    error: float
    size: int = 256


@dataclass(frozen=True)
class Legal:
    """Met when the most active outputs are the legal next symbols, at every step of all training and test strings.

    Attributes:
        size: Strings of either set.
    """

    size: int = 256


Criterion = Recent | Classified | Legal


@dataclass
class Streak:
    """The latest sequences of a run.

    Attributes:
        criterion: What is asked of them.
        wrong: Which were wrong, at most as many as are asked about, the latest at the end.
        errors: Their mean absolute errors, likewise.
    """

    criterion: Recent
    wrong: Mask = field(default_factory=lambda: np.empty(0, np.bool_))
    errors: Numbers = field(default_factory=lambda: np.empty(0))

    def met(self, largest: Numbers, mean: Numbers) -> int | None:
        """Take in some sequences and return which of them first meets the criterion, as how many they are with it.

        Args:
            largest: The largest absolute error of each, shape (sequences,).
            mean: The mean absolute error of each, same shape.
        """
        count, fresh = self.criterion.count, len(largest)
        self.wrong = np.concatenate((self.wrong, ~(largest < self.criterion.tolerance)))
        self.errors = np.concatenate((self.errors, mean))
        known = np.arange(count, len(self.wrong) + 1, dtype=np.int64)
        few = _latest(self.wrong, known, count) <= self.criterion.wrong
        small = _latest(self.errors, known, count) < self.criterion.error * count
        met = known[few & small]
        found = int(met[0]) - (len(self.wrong) - fresh) if len(met) else None
        self.wrong, self.errors = self.wrong[-count:], self.errors[-count:]
        return found


def _latest(values: Numbers | Mask, ends: Symbols, count: int) -> Numbers:
    """Return the sum of the `count` values before each end, shape as `ends`."""
    sums: Numbers = np.concatenate(([0.0], np.cumsum(values)))
    latest: Numbers = sums[ends] - sums[ends - count]
    return latest


def is_legal(window: Window, outputs: Numbers) -> Mask:
    """Return for each string whether the most active outputs are the legal next symbols at every step, shape (B,).

    Args:
        window: The strings, shape (T, B).
        outputs: Shape (T, B, symbols).
    """
    legal = may_follow(window)
    least = np.where(legal, outputs, np.inf).min(axis=-1)
    most = np.where(legal, -np.inf, outputs).max(axis=-1)
    fine: Mask = ((least > most) | ~window.scored).all(axis=0)
    return fine
