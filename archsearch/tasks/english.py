"""English: predict the next word of sentences drawn from a small grammar, `grammars/tasks/english.pcfg`.

Memory pays there: a paragraph keeps its topic and its hero, verbs agree with subjects across phrases and
relative clauses, reflexives and possessives with their owners, and quotations and commas are closed again.
Measured in nats per word on 280,000 words: unigram 4.60, bigram 2.83, trigram 2.69 (counted on 1.4 million
words, interpolated; longer contexts gain nothing by counting); a predictor that knows the grammar reaches
2.14 or less, the entropy of its choices.
"""

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from archsearch.resources import grammars
from archsearch.tasks import pcfg
from archsearch.tasks.streams import document_streams, window
from archsearch.tasks.task import Family, Measure, Task, Window, fixed_generator, words_checksum
from archsearch.tasks.unigram import Unigram, unigram

VERSION = 1
FLOOR_WORDS = 200_000


@dataclass(frozen=True)
class English:
    """The task `english`; a document is a paragraph of the grammar."""

    difficulty: str
    text: str
    """The grammar's text."""
    grammar: pcfg.Grammar
    """The grammar, compiled."""

    measure: Measure = "nll"
    is_real: bool = False
    ceiling: float = 0.0

    @property
    def name(self) -> str:
        """The task's name."""
        return f"english:{self.difficulty}"

    @property
    def symbols(self) -> int:
        """The words, `<eos>` and punctuation among them."""
        return len(self.grammar.words)

    @property
    def alphabet(self) -> tuple[str, ...]:
        """The words, in alphabetical order."""
        return self.grammar.words

    @property
    def floor(self) -> float:
        """The loss of the unigram model, in nats."""
        return self._unigram.nll

    @property
    def spread(self) -> float:
        """Standard deviation of the unigram model's loss at one position."""
        return self._unigram.spread

    @functools.cached_property
    def checksum(self) -> str:
        """SHA-256 of the generator's version and the grammar."""
        return words_checksum("english", VERSION, self.text)

    def windows(self, split: str, rng: np.random.Generator, batch: int, unroll: int) -> Iterator[Window]:
        """Yield windows of paragraphs that follow each other, for ever; the same law for every split.

        Args:
            split: `train`, `valid` or `test`.
            rng: The only source of chance.
            batch: B, at least 1.
            unroll: T, at least 1.
        """
        length = round(self.grammar.mean_length)
        for rows in document_streams(self.grammar.draw, length, rng, batch, unroll):
            yield window(rows)

    @functools.cached_property
    def _unigram(self) -> Unigram:
        """Counted and measured on two texts of about 200,000 words, drawn by generators of their own."""
        paragraphs = round(FLOOR_WORDS / self.grammar.mean_length)
        train, valid = (
            self.grammar.draw(fixed_generator("english", VERSION, "floor", part), paragraphs)[0]
            for part in ("train", "valid")
        )
        return unigram(train, valid, self.symbols)


DIFFICULTIES = {"small": "english.pcfg"}


@functools.cache
def load(difficulty: str, data: Path | None = None) -> Task:
    """Return the task at this difficulty; `data` is not needed."""
    path = grammars() / "tasks" / DIFFICULTIES[difficulty]
    text = path.read_text(encoding="utf-8")
    return English(difficulty, text, pcfg.parse_grammar(text, str(path)))


ENGLISH = Family(tuple(DIFFICULTIES), load)
