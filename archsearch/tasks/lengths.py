"""Tasks whose sequences have a length: cells learn on short ones, and are scored and read out on longer ones.

A task says which lengths each split has. Validation takes twice to four times the longest that is trained, the test 16
times, and a read-out is a split of its own, named by its length in steps.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import KW_ONLY, dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from archsearch.tasks.task import (
    Family,
    Mask,
    Measure,
    Symbols,
    Task,
    Window,
    accuracy_spread,
    words_checksum,
)

Span = tuple[int, int]
"""The shortest and the longest sequence, in steps."""

READ_OUTS = (256, 512, 1024, 2048)
"""Lengths, in steps, at which a trained cell is read out."""

LAST = 16
"""A test and a read-out take sequences of so many lengths, up to the one that they are named by."""

DRAWN = 16_384
"""About how many positions are drawn at once, so that numpy's overhead is small."""


@dataclass(frozen=True, slots=True)
class Lengths:
    """The lengths of a task's sequences, split by split."""

    train: Span
    valid: Span
    test: Span

    @classmethod
    def trained(cls, longest: int, shortest: int = 1) -> Lengths:
        """Return what follows from the lengths that are trained.

        Args:
            longest: Steps of the longest training sequence.
            shortest: Of the shortest.
        """
        return cls((shortest, longest), (2 * longest, 4 * longest), _up_to(16 * longest))

    def span(self, split: str) -> Span:
        """Return the lengths of `train`, `valid`, `test`, or of the read-out that is named by its length."""
        return _up_to(int(split)) if split.isdecimal() else getattr(self, split)


class Sequences(NamedTuple):
    """Independent sequences side by side, time first; every array has the shape (T, B)."""

    inputs: Symbols
    """The symbol at each step."""
    targets: Symbols
    """The symbol to answer there."""
    scored: Mask
    """Where the answer counts."""


def _up_to(length: int) -> Span:
    return length - LAST + 1, length


@dataclass(frozen=True)
class LengthTask(ABC):
    """A task with a length; each window begins with a new sequence, or goes on with the last one's."""

    family: str
    difficulty: str
    lengths: Lengths

    _: KW_ONLY
    measure: Measure = "accuracy"
    is_real: bool = False
    ceiling: float = 1.0

    @property
    @abstractmethod
    def alphabet(self) -> tuple[str, ...]:
        """What each symbol is written as, read or answered."""

    @property
    @abstractmethod
    def floor(self) -> float:
        """The accuracy of the best answer to what is read at the same step, in validation."""

    @property
    @abstractmethod
    def version(self) -> tuple[object, ...]:
        """The generator's version and sizes, but for the lengths."""

    @abstractmethod
    def draw(self, rng: np.random.Generator, span: Span, count: int) -> Sequences:
        """Return independent sequences, as many steps as the longest may have, shape (T, count).

        Args:
            rng: The only source of chance.
            span: The lengths: of the sequences, or of those of their beginnings whose answer is scored.
            count: How many sequences.
        """

    @property
    def name(self) -> str:
        """The task's name."""
        return f"{self.family}:{self.difficulty}"

    @property
    def symbols(self) -> int:
        """How many symbols there are."""
        return len(self.alphabet)

    @property
    def spread(self) -> float:
        """Standard deviation of one answer."""
        return accuracy_spread(self.floor, self.ceiling)

    @property
    def checksum(self) -> str:
        """SHA-256 of the generator's version, sizes and lengths."""
        spans = (self.lengths.train, self.lengths.valid, self.lengths.test)
        return words_checksum(self.family, *self.version, *spans)

    def stretched(self, times: int) -> LengthTask:
        """Return the task with sequences up to so many times as long as the longest that is trained, in every split."""
        shortest, longest = self.lengths.train
        return replace(self, lengths=Lengths(*[(longest * (times - 1) + shortest, longest * times)] * 3))

    def windows(self, split: str, rng: np.random.Generator, batch: int, unroll: int) -> Iterator[Window]:
        """Yield windows for ever: whole sequences in training, as many as fit; elsewhere long ones take several windows.

        Args:
            split: `train`, `valid`, `test`, or a length to be read out.
            rng: The only source of chance.
            batch: B, at least 1.
            unroll: T, at least 1.
        """
        steps = self.lengths.span(split)[1]
        together = max(1, unroll // steps)
        longest = together * steps if split == "train" else unroll
        many = max(1, DRAWN // (together * steps * batch))
        while True:
            drawn = self.draw(rng, self.lengths.span(split), many * together * batch)
            for window in _in_rows(drawn, many, together):
                yield from _cut(window, longest)


def _in_rows(drawn: Sequences, many: int, together: int) -> Iterator[Window]:
    """Yield windows, so many, each with some of the sequences behind one another."""
    steps, count = drawn.scored.shape
    starts = np.arange(together * steps) % steps == 0
    reset = np.repeat(starts[:, None], count // (many * together), axis=1)
    for behind in np.arange(count).reshape(many, together, -1):
        inputs, targets = (array[:, behind].swapaxes(0, 1).reshape(reset.shape) for array in drawn[:2])
        yield Window(inputs, targets, drawn.scored[:, behind].swapaxes(0, 1).reshape(reset.shape), reset)


def _cut(window: Window, longest: int) -> Iterator[Window]:
    assert window.reset is not None
    for start in range(0, len(window.inputs), longest):
        part = slice(start, start + longest)
        yield Window(window.inputs[part], window.targets[part], window.scored[part], window.reset[part])


def length_family(make: Callable[[str, Lengths], LengthTask], lengths: Mapping[str, Lengths]) -> Family:
    """Return the row of a task with a length.

    Args:
        make: (difficulty, lengths) -> task.
        lengths: Of each difficulty, `small` among them.
    """

    def load(difficulty: str, data: Path | None = None) -> Task:
        return make(difficulty, lengths[difficulty])

    return Family(tuple(lengths), load, make("small", lengths["small"]).stretched)


def beginnings(inputs: Symbols, targets: Symbols, span: Span) -> Sequences:
    """Return sequences whose every beginning has an answer, scored for those of the lengths that are asked for.

    Args:
        inputs: Shape (T, B).
        targets: Likewise.
        span: The lengths.
    """
    scored = np.repeat(np.arange(1, len(inputs) + 1)[:, None] >= span[0], inputs.shape[1], axis=1)
    return Sequences(inputs, targets, scored)


TRAINED = {"paper": Lengths.trained(40), "small": Lengths.trained(16)}
"""The usual difficulties; Delétang et al. (2023, arXiv:2207.02098) train on lengths up to 40."""

FROM_TWO = {"paper": Lengths.trained(40, 2), "small": Lengths.trained(16, 2)}
"""The same for tasks whose second half are the answers, so that there is a step of each half."""
