"""Arithmetic: read two numbers among distractor letters, and write their sum or difference digit by digit.

After Jozefowicz et al. (2015), whose example is `3e36d9-h1h39f94eeh43keg3c=-13991064.`: it says
3369 - 13994433 = -13991064. A problem is

    [-] digits  (+|-) digits  =  [-] digits  .

with distractors after every character left of `=`, and none elsewhere. The first operand is negative with
probability 1/2 (a zero has no sign); the second has no sign of its own: the operator, `+` or `-` with equal
probability, carries it. An operand's digit count is uniform on 1..digits, the operand uniform among the
numbers of that many digits. Problems follow each other without a gap; the answer with its `.` is scored,
everything left of it is only read.
"""

import functools
import string
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from archsearch.tasks.streams import document_streams
from archsearch.tasks.task import (
    Family,
    Mask,
    Measure,
    Symbols,
    Task,
    Window,
    accuracy_spread,
    fixed_generator,
    words_checksum,
)

VERSION = 1
ALPHABET = (*string.ascii_lowercase, *string.digits, "+", "-", "=", ".")
ZERO, PLUS, MINUS, EQUALS, STOP = (ALPHABET.index(character) for character in "0+-=.")
ANSWER = 64
"""Added to a symbol of the answer while it travels through the streams."""
FLOOR_PROBLEMS = 1_000_000


@dataclass(frozen=True)
class Arithmetic:
    """The task `arithmetic` at one difficulty."""

    difficulty: str
    digits: int
    """The most digits of an operand."""
    distractor: float
    """Probability of a distractor after a character left of `=`."""
    repeated: bool
    """Whether a distractor is followed by another with the same probability, or stays alone."""

    symbols: int = len(ALPHABET)
    alphabet: tuple[str, ...] = ALPHABET
    measure: Measure = "accuracy"
    is_real: bool = False
    ceiling: float = 1.0

    @property
    def name(self) -> str:
        """The task's name."""
        return f"arithmetic:{self.difficulty}"

    @functools.cached_property
    def floor(self) -> float:
        """The accuracy of the most frequent symbol, given the count of answer symbols and the last one."""
        return guess(self.digits)

    @functools.cached_property
    def spread(self) -> float:
        """Standard deviation of one answer position."""
        return accuracy_spread(self.floor, self.ceiling)

    @property
    def checksum(self) -> str:
        """SHA-256 of the generator's version and sizes."""
        return words_checksum("arithmetic", VERSION, self.digits, self.distractor, self.repeated)

    def windows(self, split: str, rng: np.random.Generator, batch: int, unroll: int) -> Iterator[Window]:
        """Yield windows of problems that follow each other, for ever; the same law for every split.

        Args:
            split: `train`, `valid` or `test`.
            rng: The only source of chance.
            batch: B, at least 1.
            unroll: T, at least 1.
        """
        length = 8 + 3 * self.digits
        for rows in document_streams(self.draw, length, rng, batch, unroll):
            plain = rows % ANSWER
            yield Window(plain[:-1], plain[1:], rows[1:] >= ANSWER)

    def draw(self, rng: np.random.Generator, problems: int) -> tuple[Symbols, Symbols]:
        """Return problems one after another, answers marked by ANSWER, and the end of each."""
        first, second = operands(rng, problems, self.digits)
        question, question_shown = _question(first, second, self.digits)
        answer, answer_shown = _answer(first + second, self.digits)
        followed = np.hstack((question_shown, np.zeros_like(answer_shown)))
        followed[:, question.shape[1] - 1] = False  # no distractor after `=`
        shown = np.hstack((question_shown, answer_shown))
        text = np.hstack((question, answer + ANSWER))[shown]
        mixed = self._add_distractors(rng, text, followed[shown])
        return mixed, np.flatnonzero(mixed == STOP + ANSWER) + 1

    def _add_distractors(self, rng: np.random.Generator, text: Symbols, followed: Mask) -> Symbols:
        count = np.ones(len(text), np.int64)
        places = int(followed.sum())
        if self.repeated:
            count[followed] = rng.geometric(1 - self.distractor, places)
        else:
            count[followed] += rng.random(places) < self.distractor
        mixed: Symbols = rng.integers(26, size=count.sum())
        mixed[np.cumsum(count) - count] = text
        return mixed


def operands(rng: np.random.Generator, problems: int, digits: int) -> tuple[Symbols, Symbols]:
    """Return the signed operands; the second one's sign is the operator (a zero's is `+`).

    Args:
        rng: Where they come from.
        problems: How many.
        digits: The most that one has.
    """
    count = rng.integers(1, digits + 1, size=(2, problems))
    low = np.where(count == 1, 0, 10 ** (count - 1))
    size = low + (rng.random((2, problems)) * (10**count - low)).astype(np.int64)
    signed = np.where(rng.random((2, problems)) < 0.5, -size, size)
    return signed[0], signed[1]


@functools.cache
def guess(digits: int) -> float:
    """Return the best accuracy that knows only how many answer symbols there were and the last one.

    Counted on a million problems, drawn by a generator of its own.
    """
    rng = fixed_generator("arithmetic", VERSION, "floor", digits)
    width, block = digits + 4, 50_000  # `=`, a sign, digits + 1 digits, `.`
    counts = np.zeros(width * 64 * 64, np.int64)
    for _ in range(FLOOR_PROBLEMS // block):
        first, second = operands(rng, block, digits)
        answer, shown = _answer(first + second, digits)
        symbols = np.pad(answer, ((0, 0), (1, 0)), constant_values=EQUALS)
        shown = np.pad(shown, ((0, 0), (1, 0)), constant_values=True)
        so_far = np.cumsum(shown, axis=1)[shown] - 1
        text = symbols[shown]
        context = so_far[:-1] * 64 + text[:-1]
        codes = (context * 64 + text[1:])[text[:-1] != STOP]
        counts += np.bincount(codes, minlength=len(counts))
    return float(counts.reshape(-1, 64).max(axis=1).sum() / counts.sum())


def _question(first: Symbols, second: Symbols, digits: int) -> tuple[Symbols, Mask]:
    sign = np.full((len(first), 1), MINUS)
    operator = np.where(second < 0, MINUS, PLUS)[:, None]
    left, left_shown = _digits(first, digits)
    right, right_shown = _digits(second, digits)
    always = np.ones_like(sign, np.bool_)
    symbols = np.hstack((sign, left, operator, right, np.full_like(sign, EQUALS)))
    return symbols, np.hstack(((first < 0)[:, None], left_shown, always, right_shown, always))


def _answer(value: Symbols, digits: int) -> tuple[Symbols, Mask]:
    sign = np.full((len(value), 1), MINUS)
    number, number_shown = _digits(value, digits + 1)
    always = np.ones_like(sign, np.bool_)
    symbols = np.hstack((sign, number, np.full_like(sign, STOP)))
    return symbols, np.hstack(((value < 0)[:, None], number_shown, always))


def _digits(value: Symbols, width: int) -> tuple[Symbols, Mask]:
    """Return the digits of |value|, aligned on the right, and which of them are written."""
    powers = 10 ** np.arange(width)[::-1]
    size = np.abs(value)[:, None]
    shown = size >= powers
    shown[:, -1] = True
    return ZERO + size // powers % 10, shown


DIFFICULTIES = {
    "paper": (8, 0.3, True),
    "medium": (3, 0.5, False),
    "small": (2, 0.5, False),
    "tiny": (1, 0.5, False),
}


def load(difficulty: str, data: Path | None = None) -> Task:
    """Return the task at this difficulty; `data` is not needed."""
    return Arithmetic(difficulty, *DIFFICULTIES[difficulty])


ARITHMETIC = Family(tuple(DIFFICULTIES), load, lambda times: Arithmetic(f"x{times}", times, 0.5, False))
