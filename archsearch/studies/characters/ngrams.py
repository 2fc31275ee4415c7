"""n-gram models with interpolated modified Kneser-Ney smoothing, of every order up to a longest one.

Chen and Goodman (1998), "An Empirical Study of Smoothing Techniques for Language Modeling": with adjusted counts
a of an order's grams c w, c being the context and c' the context without its first symbol,

    p(w | c) = max(0, a(c w) - D(a(c w))) / S(c) + γ(c) p(w | c'),    S(c) = Σ_w a(c w)
    γ(c) = (D1 N1(c) + D2 N2(c) + D3 N3+(c)) / S(c),                  p(w | nothing) = 1 / V
    Y = n1 / (n1 + 2 n2),  D1 = 1 - 2 Y n2 / n1,  D2 = 2 - 3 Y n3 / n2,  D3 = 3 - 4 Y n4 / n3

where the grams of the highest order count as often as they occur, and shorter ones as often as different symbols stand
before them, the start of the text being one of these. n_k is how many grams of the order have the adjusted count k.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from archsearch.studies.characters.text import Bytes
from archsearch.tasks.task import Numbers, Symbols

Discounts = tuple[float, float, float]
"""D1, D2 and D3, of grams with the adjusted counts 1, 2, and 3 or more."""

FALLBACK: Discounts = (0.5, 1.0, 1.5)
"""For orders in which the counts give none, as KenLM has it (`--discount_fallback`)."""


@dataclass(frozen=True, eq=False)
class Shares:
    """What an order gives to its grams, and what it leaves to the next shorter context.

    Attributes:
        own: max(0, a - D) / S of each gram, shape (grams,).
        left: γ of each context, shape (contexts,); 1 where nothing followed.
    """

    own: Numbers
    left: Numbers


@dataclass(frozen=True, eq=False)
class Order:
    """The grams of one length, numbered in the order of their keys.

    Attributes:
        length: Symbols of a gram, its context having one less.
        keys: Number of the context times V plus the last symbol, rising, shape (grams,).
        highest: Shares where this order is the highest.
        lower: Shares where there is a higher one.
    """

    length: int
    keys: Symbols
    highest: Shares
    lower: Shares

    def find(self, contexts: Symbols, text: Bytes, symbols: int) -> Symbols:
        """Return the number of the gram at each place, -1 where it was never seen; shape (length of text,).

        Args:
            contexts: The number of the context at each place, -1 for one never seen, same shape.
            text: The symbol at each place, same shape.
            symbols: V.
        """
        wanted = contexts * symbols + text
        places = np.minimum(np.searchsorted(self.keys, wanted), len(self.keys) - 1)
        return np.where((contexts >= 0) & (self.keys[places] == wanted), places, -1)


@dataclass(frozen=True, eq=False)
class _Counted:
    """Grams of one length in a training text.

    Attributes:
        keys: As in `Order`.
        contexts: The number of each gram's context, shape (grams,).
        numbers: The gram that ends at each place, from the first that one ends at, shape (places,).
        counts: How often each occurs, shape (grams,).
    """

    keys: Symbols
    contexts: Symbols
    numbers: Symbols
    counts: Symbols


def orders(
    train: Bytes, symbols: int, longest: int, discounts: Sequence[Discounts] | None = None
) -> Iterator[Order]:
    """Yield the orders of a training text, from grams of one symbol to those with a context of `longest`.

    Args:
        train: The text, shape (length,).
        symbols: V.
        longest: The longest context.
        discounts: For each length of grams, instead of what the counts say.
    """
    counted = _counted(train, symbols, longest + 2)
    for length, (grams, longer) in enumerate(pairwise(counted), 1):
        fixed = discounts[length - 1] if discounts else None
        contexts = int(grams.contexts.max()) + 1
        yield Order(
            length,
            grams.keys,
            _weights(grams, grams.counts, contexts, fixed),
            _weights(grams, _befores(grams, longer), contexts, fixed),
        )


def _counted(train: Bytes, symbols: int, longest: int) -> Iterator[_Counted]:
    contexts = np.zeros(len(train), np.int64)
    for length in range(1, min(longest, len(train)) + 1):
        keys, numbers, counts = np.unique(
            contexts * symbols + train[length - 1 :], return_inverse=True, return_counts=True
        )
        yield _Counted(keys, keys // symbols, numbers, counts)
        contexts = numbers[:-1]


def _befores(grams: _Counted, longer: _Counted) -> Symbols:
    """Return before how many different symbols each gram was seen, the start of the text being one; shape (grams,)."""
    some_place = np.empty(len(longer.keys), np.int64)
    some_place[longer.numbers] = np.arange(len(longer.numbers))
    befores = np.bincount(grams.numbers[some_place + 1], minlength=len(grams.keys))
    befores[grams.numbers[0]] += 1
    return befores


def _weights(grams: _Counted, adjusted: Symbols, contexts: int, fixed: Discounts | None) -> Shares:
    """Return the weights by adjusted counts, shape (grams,)."""
    discounts = np.array([0.0, *(fixed or chen_goodman(adjusted))])
    taken = np.minimum(discounts[np.minimum(adjusted, 3)], adjusted)
    sums = np.bincount(grams.contexts, adjusted, contexts)
    left = np.bincount(grams.contexts, taken, contexts)
    return Shares(
        (adjusted - taken) / sums[grams.contexts], np.where(sums > 0, left / np.maximum(sums, 1), 1.0)
    )


def chen_goodman(adjusted: NDArray[np.integer]) -> Discounts:
    """Return the discounts that adjusted counts, shape (grams,), give; those of KenLM's fallback where they give none."""
    n1, n2, n3, n4 = (int(np.count_nonzero(adjusted == count)) for count in (1, 2, 3, 4))
    if not n1 or not n2 or not n3:
        return FALLBACK
    y = n1 / (n1 + 2 * n2)
    found = (1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3)
    return found if all(0 <= discount <= count for count, discount in enumerate(found, 1)) else FALLBACK


def followers(contexts: Symbols) -> Symbols:
    """Return the context at each place for grams longer by one: those that ended a place before; shape (length,)."""
    return np.concatenate((np.array([-1]), contexts[:-1]))
