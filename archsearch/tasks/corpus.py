"""A text of a fixed size as a task: three parts, streams cut from them, the unigram model as the floor."""

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from archsearch.errors import TaskError
from archsearch.tasks.streams import endless_file, file_pass, window
from archsearch.tasks.task import SPLITS, Measure, Numbers, Symbols, Window
from archsearch.tasks.unigram import Unigram, unigram


@dataclass(frozen=True, eq=False)
class Corpus:
    """A task on files: training goes round its part for ever, the other parts are read once."""

    name: str
    alphabet: tuple[str, ...]
    """The words or characters; a symbol is an index of it."""
    parts: Mapping[str, NDArray[np.integer]]
    """The symbols of `train`, `valid` and `test`."""
    checksum: str
    """SHA-256 of all parts' text."""

    measure: Measure = "nll"
    is_real: bool = False
    ceiling: float = 0.0

    @property
    def symbols(self) -> int:
        """The size of the vocabulary."""
        return len(self.alphabet)

    @property
    def floor(self) -> float:
        """The validation loss of the unigram model, in nats."""
        return self._unigram.nll

    @property
    def spread(self) -> float:
        """Standard deviation of the unigram model's loss at one position."""
        return self._unigram.spread

    def windows(self, split: str, rng: np.random.Generator, batch: int, unroll: int) -> Iterator[Window]:
        """Yield the windows of a part, in order; `rng` is not used. The last one of a pass may be shorter.

        Args:
            split: `train`, `valid` or `test`.
            rng: The only source of chance.
            batch: B, at least 1.
            unroll: T, at least 1.
        """
        if split not in SPLITS:
            raise ValueError(f"no split {split!r}; there are {', '.join(SPLITS)}")
        cut = endless_file if split == "train" else file_pass
        pieces = cut(self.parts[split], batch, unroll)
        while (rows := self._next(pieces, split)) is not None:
            yield window(rows)

    def _next(self, pieces: Iterator[Symbols | Numbers], split: str) -> Symbols | Numbers | None:
        try:
            return next(pieces, None)
        except TaskError as error:
            raise TaskError(f"{self.name}, split {split}: {error}") from None

    @functools.cached_property
    def _unigram(self) -> Unigram:
        return unigram(self.parts["train"], self.parts["valid"], self.symbols)
