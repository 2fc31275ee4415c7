"""Modular arithmetic with brackets: read an expression of digits, +, - and *, and say at `=` what it is modulo 5.

After Delétang et al. (2023, arXiv:2207.02098). Every operation stands in brackets; which of the digits go left of it is even
among all cuts.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, partial

import numpy as np
from numpy.typing import NDArray

from archsearch.tasks.lengths import Lengths, LengthTask, Sequences, Span, length_family
from archsearch.tasks.task import Mask, Symbols

VERSION = 1
MODULUS = 5
ALPHABET = (*map(str, range(MODULUS)), "+", "-", "*", "(", ")", "=")
PLUS, MINUS, TIMES, OPEN, CLOSE, EQUALS = range(MODULUS, len(ALPHABET))
SHORTEST = 2
"""Steps of a digit and `=`; each further digit takes four more: itself, an operation and its brackets."""


@dataclass(frozen=True)
class Modular(LengthTask):
    """The task `modular` at one difficulty."""

    alphabet: tuple[str, ...] = ALPHABET
    version: tuple[object, ...] = (VERSION,)

    @property
    def floor(self) -> float:
        """The share of the commonest result in validation, 0."""
        shortest, longest = self.lengths.valid
        results = [_results(_digits(length)) for length in range(shortest, longest + 1)]
        return float(np.mean(results, axis=0).max())

    def draw(self, rng: np.random.Generator, span: Span, count: int) -> Sequences:
        """Return expressions, each with `=` and its result there, shape (T, count).

        Args:
            rng: The only source of chance.
            span: The lengths of the expressions with their `=`.
            count: How many.
        """
        digits = np.array([_digits(length) for length in range(span[1] + 1)])
        writer = _Writer(digits[rng.integers(span[0], span[1] + 1, size=count)], span[1])
        text = np.stack([writer.written(rng) for _ in range(span[1])])
        scored = text == EQUALS
        return Sequences(text, np.where(scored, writer.values[0], 0), scored)


def _digits(length: int) -> int:
    """Return how many digits an expression has that takes so many steps at most."""
    return 1 + (length - SHORTEST) // 4 if length > SHORTEST else 1


@cache
def _results(digits: int) -> NDArray[np.float64]:
    """Return how likely each result is of an expression with so many digits, shape (5,)."""
    if digits == 1:
        return np.full(MODULUS, 1 / MODULUS)
    left, right = np.divmod(np.arange(MODULUS**2), MODULUS)
    both = np.mean(
        [np.outer(_results(cut), _results(digits - cut)).ravel() for cut in range(1, digits)], axis=0
    )
    values = [(left + right) % MODULUS, (left - right) % MODULUS, left * right % MODULUS]
    shares: NDArray[np.float64] = np.mean([np.bincount(value, both, MODULUS) for value in values], axis=0)
    return shares


class _Writer:
    """Writes expressions side by side, a symbol of each at a time, and works them out as it goes.

    Args:
        digits: Of each expression, shape (B,).
        steps: How many symbols will be written.

    Attributes:
        column: 0, 1, 2 … B - 1.
        ahead: What is still to be written, the next on top: symbols, and numbers of digits of expressions less than 0.
        height: Of that, shape (B,).
        values, operations: What is worked out so far; the number of each is in `valued` and `operated`.
    """

    def __init__(self, digits: Symbols, steps: int) -> None:
        self.column = np.arange(len(digits))
        self.ahead = np.zeros((steps + 8, len(digits)), np.int64)
        self.ahead[0], self.ahead[1] = EQUALS, -digits
        self.height = np.full(len(digits), 2)
        self.values, self.operations = (np.zeros((steps // 2 + 2, len(digits)), np.int64) for _ in range(2))
        self.valued, self.operated = (np.zeros(len(digits), np.int64) for _ in range(2))

    def written(self, rng: np.random.Generator) -> Symbols:
        """Return the next symbol of each, 0 where an expression is over, shape (B,)."""
        count = len(self.column)
        digit, operation = rng.integers(MODULUS, size=count), PLUS + rng.integers(3, size=count)
        cut = rng.random(count)
        over = self.height == 0
        top = np.where(over, 0, self.ahead[self.height - 1, self.column])
        self.height -= ~over
        longer, single = top < -1, top == -1
        self._plan(longer, -top, cut, operation)
        symbol = np.where(longer, OPEN, np.where(single, digit, top))
        self._work_out(symbol, ~over)
        return symbol

    def _plan(self, longer: Mask, digits: Symbols, cut: NDArray[np.float64], operation: Symbols) -> None:
        """Put what follows the opening bracket of longer expressions on top of what is ahead."""
        left = 1 + (cut * (digits - 1)).astype(np.int64)
        column, height = self.column[longer], self.height[longer]
        for above, item in enumerate((np.full_like(left, CLOSE), left - digits, operation, -left)):
            self.ahead[height + above, column] = item[longer]
        self.height += 4 * longer

    def _work_out(self, symbol: Symbols, is_written: Mask) -> None:
        is_digit = is_written & (symbol < MODULUS)
        is_operation = is_written & (symbol >= PLUS) & (symbol <= TIMES)
        closes = is_written & (symbol == CLOSE)
        self.values[self.valued[is_digit], self.column[is_digit]] = symbol[is_digit]
        self.operations[self.operated[is_operation], self.column[is_operation]] = symbol[is_operation]
        self.valued += is_digit
        self.operated += is_operation
        column, place = self.column[closes], self.valued[closes] - 2
        one, other = self.values[place, column], self.values[place + 1, column]
        operation = self.operations[self.operated[closes] - 1, column]
        results = np.stack((one + other, one - other, one * other)) % MODULUS
        self.values[place, column] = results[operation - PLUS, np.arange(len(column))]
        self.valued -= closes
        self.operated -= closes


MODULAR = length_family(
    partial(Modular, "modular"),
    {"paper": Lengths.trained(40, SHORTEST), "small": Lengths.trained(16, SHORTEST)},
)
