"""n-grams: probabilities as the formula says, sums of one, and those of others."""

from __future__ import annotations

from collections import Counter, defaultdict
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsearch.studies.characters.ngram_scores import ngram_distributions, ngram_probabilities
from archsearch.studies.characters.ngrams import FALLBACK, Discounts, chen_goodman, orders

CONSTANT: Discounts = (0.1, 0.1, 0.1)


def array(text: str) -> np.ndarray:
    return np.array([ord(letter) - ord("a") for letter in text], np.uint8)


class Obvious:
    """The formula, gram by gram."""

    def __init__(self, train: str, symbols: str, n: int, discounts: list[Discounts] | None = None) -> None:
        self.symbols, self.n, self.discounts = symbols, n, discounts
        self.counts = {
            k: Counter(train[i : i + k] for i in range(len(train) - k + 1)) for k in range(1, n + 2)
        }
        started = "^" + train
        befores: dict[str, set[str]] = defaultdict(set)
        for k in range(1, n + 1):
            for i in range(len(started) - k):
                befores[started[i + 1 : i + 1 + k]].add(started[i])
        self.befores = Counter({gram: len(before) for gram, before in befores.items()})

    def adjusted(self, gram: str) -> int:
        return self.counts[len(gram)][gram] if len(gram) == self.n + 1 else self.befores[gram]

    def discount(self, gram: str) -> float:
        count = self.adjusted(gram)
        return ([0.0, *self.fixed(len(gram))])[min(count, 3)]

    @cache  # noqa: B019
    def fixed(self, length: int) -> Discounts:
        if self.discounts:
            return self.discounts[length - 1]
        counts = [self.adjusted(gram) for gram in self.counts[length]]
        n1, n2, n3, n4 = (counts.count(k) for k in (1, 2, 3, 4))
        if 0 in (n1, n2, n3):
            return FALLBACK
        y = n1 / (n1 + 2 * n2)
        found = 1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3
        return found if all(0 <= d <= k for k, d in enumerate(found, 1)) else FALLBACK

    def p(self, symbol: str, context: str) -> float:
        grams = [context + one for one in self.symbols]
        below = self.p(symbol, context[1:]) if context else 1 / len(self.symbols)
        total = sum(map(self.adjusted, grams))
        if not total:
            return below
        taken = {gram: min(self.discount(gram), self.adjusted(gram)) for gram in grams}
        own = self.adjusted(context + symbol) - taken[context + symbol]
        return (own + sum(taken.values()) * below) / total


@given(st.text("abc", min_size=2, max_size=60), st.text("abc", min_size=1, max_size=8), st.integers(0, 4))
@settings(max_examples=60, deadline=None)
def test_a_probability_is_what_the_formula_says(train: str, text: str, n: int) -> None:
    found = ngram_probabilities(array(train), array(text), 3, 4)[: len(train)]
    if n < len(found):
        slow = Obvious(train, "abc", n)
        wanted = [slow.p(text[i], text[max(0, i - n) : i]) for i in range(len(text))]
        assert found[n] == pytest.approx(wanted, rel=1e-9)


@given(st.text("abcd", min_size=2, max_size=200), st.text("abcd", min_size=1, max_size=20))
@settings(max_examples=40, deadline=None)
def test_probabilities_sum_to_one_and_are_those_of_single_symbols(train: str, text: str) -> None:
    single = ngram_probabilities(array(train), array(text), 4, 5)
    for n, rows in enumerate(ngram_distributions(array(train), array(text), 4, 5)):
        assert rows.sum(axis=1) == pytest.approx(np.ones(len(text)), abs=1e-5)
        assert rows[np.arange(len(text)), array(text)] == pytest.approx(single[n], abs=1e-5)


def test_discounts_are_those_of_chen_and_goodman() -> None:
    counts = np.array([1] * 10 + [2] * 4 + [3] * 2 + [4])
    y = 10 / 18
    assert chen_goodman(counts) == pytest.approx((1 - 2 * y * 0.4, 2 - 3 * y * 0.5, 3 - 4 * y * 0.5))


def test_counts_that_give_no_discounts_get_those_of_kenlm() -> None:
    assert chen_goodman(np.array([1, 1, 2])) == FALLBACK
    assert chen_goodman(np.array([1] + [2] * 2 + [3] * 9)) == FALLBACK


def test_a_context_is_followed_by_grams_of_its_own_alone() -> None:
    for order in orders(array("abcabdabcaab"), 4, 3):
        assert (np.diff(order.keys) > 0).all() and len(order.highest.own) == len(order.keys)


@pytest.mark.parametrize("n", [1, 2, 4])
def test_with_one_discount_it_is_the_kneser_ney_of_nltk(n: int) -> None:
    models = pytest.importorskip("nltk.lm", reason="nltk is not installed")
    from nltk.util import everygrams

    rng = np.random.default_rng(n)
    train, text = ("".join(rng.choice(list("aaabbcd"), count)) for count in (150, 40))
    other = models.KneserNeyInterpolated(n + 1, discount=0.1)
    other.fit([list(everygrams("^" + train, max_len=n + 1))], vocabulary_text="^abcd")
    fixed: list[Discounts] = [(0.0, 0.0, 0.0), *[CONSTANT] * n]
    found = ngram_probabilities(array(train), array(text), 4, n, fixed)[n]
    for i in range(n, len(text)):
        assert found[i] == pytest.approx(other.score(text[i], list(text[i - n : i])), rel=1e-9)
