"""XML: predict the next character of nested tags, whose closing names repeat the opening ones.

After Jozefowicz et al. (2015). A document opens a tag. Then, in a loop: with probability 1/2, or after 50
rounds, it closes the most recent tag, or stops if none is open; otherwise it opens another one. Names are
random, their length uniform on a range. Documents follow each other without a gap; every position is scored.
"""

import functools
import string
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from archsearch.tasks.streams import document_streams, window
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

VERSION = 1
ROUNDS = 50
MARKS = ("<", ">", "/")


@dataclass(frozen=True)
class Xml:
    """The task `xml` at one difficulty."""

    difficulty: str
    letters: str
    """What names are made of."""
    shortest: int
    """The fewest letters of a name."""
    longest: int
    """The most letters of a name."""

    measure: Measure = "accuracy"
    is_real: bool = False

    @property
    def name(self) -> str:
        """The task's name."""
        return f"xml:{self.difficulty}"

    @property
    def symbols(self) -> int:
        """The letters and the three marks."""
        return len(self.letters) + len(MARKS)

    @property
    def alphabet(self) -> tuple[str, ...]:
        """The letters, then `<`, `>` and `/`."""
        return (*self.letters, *MARKS)

    @property
    def floor(self) -> float:
        """The best accuracy without recall of names: it knows depth, kind of tag and position."""
        return self._best_accuracy(recall=False)

    @property
    def ceiling(self) -> float:
        """The best accuracy of all: it knows the open names as well."""
        return self._best_accuracy(recall=True)

    @property
    def spread(self) -> float:
        """Standard deviation of one position."""
        return accuracy_spread(self.floor, self.ceiling)

    @property
    def checksum(self) -> str:
        """SHA-256 of the generator's version and sizes."""
        sizes = (self.letters, self.shortest, self.longest)
        return words_checksum("xml", VERSION, ROUNDS, *sizes)

    @property
    def mean_name(self) -> float:
        """The mean length of a name."""
        return (self.shortest + self.longest) / 2

    @property
    def mean_document(self) -> float:
        """The mean length of a document, in characters."""
        return expected_tags()[0] * (2 * self.mean_name + 5)

    def windows(self, split: str, rng: np.random.Generator, batch: int, unroll: int) -> Iterator[Window]:
        """Yield windows of documents that follow each other, for ever; the same law for every split.

        Args:
            split: `train`, `valid` or `test`.
            rng: The only source of chance.
            batch: B, at least 1.
            unroll: T, at least 1.
        """
        for rows in document_streams(self.draw, round(self.mean_document), rng, batch, unroll):
            yield window(rows)

    def draw(self, rng: np.random.Generator, documents: int) -> tuple[Symbols, Symbols]:
        """Return documents one after another, and the end of each."""
        opens, tags = tag_sequences(rng, documents)
        partner = _partners(opens)
        lengths = rng.integers(self.shortest, self.longest + 1, size=len(opens))[partner]
        letters = rng.integers(len(self.letters), size=(len(opens), self.longest))[partner]
        less, greater, slash = range(len(self.letters), self.symbols)
        text = np.empty((len(opens), self.longest + 3), np.int64)
        text[:, 0], text[:, 1], text[:, 2:-1], text[:, -1] = less, slash, letters, greater
        shown = np.ones_like(text, np.bool_)
        shown[:, 1] = ~opens
        shown[:, 2:-1] = np.arange(self.longest) < lengths[:, None]
        ends = np.cumsum(shown.sum(axis=1))
        return text[shown], ends[np.cumsum(tags) - 1]

    def _best_accuracy(self, *, recall: bool) -> float:
        """Return the expected number of right guesses per document over its expected length.

        After `>` comes `<`; after `<`, at depth 0 a name begins, elsewhere `/` is at least as likely as all
        names. Inside a name the best guess is its end as soon as it can end (its probability, 1 / (longest +
        1 - length), is above every letter's), so a name's end is found with total probability 1, and a letter
        is guessed before.
        """
        pairs, roots = expected_tags()
        letter = 1 / len(self.letters)
        opening = 1 + (self.shortest - 1) * letter
        closing = 1 + (self.mean_name if recall else self.shortest * letter)
        right = pairs * (2 + 1 + opening + closing) + roots * letter
        return right / self.mean_document


def tag_sequences(rng: np.random.Generator, documents: int) -> tuple[Mask, Symbols]:
    """Return the tags of documents one after another, True for opening, and how many each document has."""
    steps = np.full((documents, 2 * ROUNDS + 3), -1)
    steps[:, 0] = 1
    steps[:, 1 : ROUNDS + 1] = 2 * rng.integers(2, size=(documents, ROUNDS)) - 1
    stop = np.argmax(np.cumsum(steps, axis=1) < 0, axis=1)
    kept = np.arange(steps.shape[1]) < stop[:, None]
    return steps[kept] > 0, stop


@functools.cache
def expected_tags() -> tuple[float, float]:
    """Return the expected number of tags of a document, and of those among them that open at depth 0."""
    depth = np.zeros(ROUNDS + 3)
    depth[1] = 1.0  # probability of each depth while the document goes on, after its first tag
    pairs = roots = 1.0
    for _ in range(ROUNDS):
        pairs += depth.sum() / 2
        roots += depth[0] / 2
        depth = (np.concatenate(([0.0], depth[:-1])) + np.concatenate((depth[1:], [0.0]))) / 2
    return float(pairs), float(roots)


def _partners(opens: Mask) -> Symbols:
    """Return, for every tag, the index of the opening tag it belongs to (its own, if it opens).

    Tags of one depth alternate between opening and closing, so sorted by depth they lie in pairs.
    """
    depth = np.cumsum(np.where(opens, 1, -1)) + ~opens
    order = np.argsort(depth, kind="stable")
    partner = np.empty(len(opens), np.int64)
    partner[order[0::2]] = partner[order[1::2]] = order[0::2]
    return partner


DIFFICULTIES = {"paper": (string.ascii_lowercase, 2, 10), "small": ("abcdef", 1, 3)}


def load(difficulty: str, data: Path | None = None) -> Task:
    """Return the task at this difficulty; `data` is not needed."""
    return Xml(difficulty, *DIFFICULTIES[difficulty])


XML = Family(tuple(DIFFICULTIES), load, lambda times: Xml(f"x{times}", "abcdef", times, 3 * times))
