"""What n-gram models say of a text: the probability of every symbol, for every length of context, or whole distributions.

A model's n is the length of its context, as in Karpathy et al. (2015), whose figure for n = 1 is that of pairs of symbols.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from archsearch.studies.characters.ngrams import Discounts, Order, Shares, followers, orders
from archsearch.studies.characters.text import Bytes
from archsearch.tasks.task import Numbers, Symbols

Rows = NDArray[np.float32]

AT_ONCE = 20_000
"""Places whose distributions are changed at once."""


def ngram_probabilities(
    train: Bytes,
    text: Bytes,
    symbols: int,
    longest: int,
    discounts: Sequence[Discounts] | None = None,
) -> Numbers:
    """Return the probability of each symbol of a text under models with contexts of 0 to `longest`, (longest + 1, length).

    Args:
        train: What they learn from, shape (any,).
        text: What they are asked about, shape (length,).
        symbols: V.
        longest: The longest context.
        discounts: For each length of grams, instead of what the counts say.
    """
    found = []
    below = np.full(len(text), 1.0 / symbols)
    for order, contexts, grams in _walked(orders(train, symbols, longest, discounts), text, symbols):
        found.append(_at(order.highest, contexts, grams, below))
        below = _at(order.lower, contexts, grams, below)
    return np.array(found)


def _walked(learned: Iterable[Order], text: Bytes, symbols: int) -> Iterator[tuple[Order, Symbols, Symbols]]:
    """Yield each order with the number of context and gram at every place of the text, -1 where never seen."""
    contexts = np.zeros(len(text), np.int64)
    for order in learned:
        contexts = np.where(contexts < len(order.lower.left), contexts, -1)
        grams = order.find(contexts, text, symbols)
        yield order, contexts, grams
        contexts = followers(grams)


def _at(weights: Shares, contexts: Symbols, grams: Symbols, below: Numbers) -> Numbers:
    """Return p of the grams, given that for the next shorter context; all of shape (length,)."""
    own = np.where(grams >= 0, weights.own[grams], 0.0)
    left = np.where(contexts >= 0, weights.left[contexts], 1.0)
    return own + left * below


def ngram_distributions(train: Bytes, text: Bytes, symbols: int, longest: int) -> Iterator[Rows]:
    """Yield the distributions at each place of a text under models with contexts of 0 to `longest`, each (length, V).

    Args:
        train: What they learn from, shape (any,).
        text: What they are asked about, shape (length,).
        symbols: V.
        longest: The longest context.
    """
    below = np.full((len(text), symbols), 1.0 / symbols, np.float32)
    for order, contexts, _ in _walked(orders(train, symbols, longest), text, symbols):
        yield _rows(order, order.highest, contexts, below)
        below = _rows(order, order.lower, contexts, below)


def _rows(order: Order, weights: Shares, contexts: Symbols, below: Rows) -> Rows:
    symbols = below.shape[1]
    left = np.where(contexts >= 0, weights.left[contexts], 1.0).astype(np.float32)
    rows = below * left[:, None]
    starts = np.searchsorted(order.keys, np.maximum(contexts, 0) * symbols)
    ends = np.searchsorted(order.keys, (np.maximum(contexts, 0) + 1) * symbols)
    counts = np.where(contexts >= 0, ends - starts, 0)
    for first in range(0, len(rows), AT_ONCE):
        part = slice(first, first + AT_ONCE)
        places = np.repeat(np.arange(len(counts[part])), counts[part])
        within = np.arange(len(places)) - np.repeat(np.cumsum(counts[part]) - counts[part], counts[part])
        grams = starts[part][places] + within
        rows[part][places, order.keys[grams] % symbols] += weights.own[grams].astype(np.float32)
    return rows
