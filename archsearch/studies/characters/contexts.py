"""Models that see the last n symbols alone, n-grams and n-NN, beside the figures of Karpathy et al. (2015)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec
import numpy as np

from archsearch.studies.characters.ngram_scores import ngram_probabilities
from archsearch.studies.characters.published import reported_for
from archsearch.studies.characters.text import CharText
from archsearch.studies.characters.windows import WindowNetwork, window_loss

LONGEST_CONTEXT = 20
"""The longest of the paper's n-grams."""

Told = Callable[[str], None]
"""Told in a few words what is being done."""


class ContextRow(msgspec.Struct, frozen=True):
    """Models that see the last n symbols.

    Attributes:
        n: How many.
        ngram: Test loss of the n-gram model learned from the training part, in nats a symbol.
        more: The same, learned from the validation part besides.
        half: That model's loss on the first half of the test part.
        paper: The paper's.
        window: Test loss of the n-NN; None where it was not trained.
        paper_window: The paper's.
    """

    n: int
    ngram: float
    more: float
    half: float
    paper: float | None
    window: float | None
    paper_window: float | None


def context_rows(
    text: CharText, told: Told, networks: Mapping[int, WindowNetwork], longest: int = LONGEST_CONTEXT
) -> list[ContextRow]:
    """Return the losses of n-grams with modified Kneser-Ney smoothing and of n-NN, for n from 0 up.

    Args:
        text: The text; n-grams learn from the first 80 %, and once more from the first 90 %.
        told: Told of progress.
        networks: The n-NN by n.
        longest: The largest n.
    """
    symbols, paper = len(text.alphabet), reported_for(text)
    tested, before = text.part("test", longest)
    losses: list[list[float]] = []
    for name, learned in (("80 %", text.train), ("90 %", text.symbols[: text.test])):
        told(f"n-grams of the first {name}")
        nats = -np.log(ngram_probabilities(learned, tested, symbols, longest)[:, before:])
        losses += [nats.mean(axis=1).tolist(), nats[:, : nats.shape[1] // 2].mean(axis=1).tolist()]
    windows = {n: window_loss(network, tested, before) for n, network in networks.items()}
    return [
        ContextRow(
            n=n,
            ngram=losses[0][n],
            more=losses[2][n],
            half=losses[3][n],
            paper=paper.ngrams.get(n),
            window=windows.get(n),
            paper_window=paper.windows.get(n),
        )
        for n in range(len(losses[0]))
    ]
