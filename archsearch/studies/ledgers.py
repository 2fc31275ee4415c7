"""What the two controls of a ledger promise, and what they find: sessions of claims, some of them true.

The family control keeps the chance of any false "better" of a ledger's life, that of discoveries the share of false ones
among all that are called better (e-LOND). True claims come first, the least favourable order: they buy level for the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import get_args

import msgspec
import numpy as np
from numpy.typing import NDArray

from archsearch.protocol.claims import Control
from archsearch.referee.bets import log_sign
from archsearch.referee.ledger import level, level_of_discoveries

Array = NDArray[np.float64]

CLAIMS, EFFECT = 100, 1.0
"""Claims of a session, and how much better a cell is where a claim is true, in standard deviations of a pair."""

TRUE = (0.0, 0.1, 0.5)
"""Shares of true claims."""


class LedgerRow(msgspec.Struct, frozen=True):
    """A control, over sessions of 100 claims.

    Attributes:
        control: Of the ledger.
        true: Share of the claims that are.
        any_false: Share of sessions that call a cell better that is not.
        false_share: Mean share of such cells among those called better; none are 0.
        found: Mean share of the true claims that are called better; None where there are none.
    """

    control: Control
    true: float
    any_false: float
    false_share: float
    found: float | None


def ledger_rows(
    rng: np.random.Generator,
    sessions: int,
    pairs: int,
    law: Callable[[np.random.Generator, tuple[int, ...]], Array],
) -> Iterator[LedgerRow]:
    """Yield what either control does, for every share of true claims.

    Args:
        rng: The only source of chance.
        sessions: Per row.
        pairs: After which a claim is given up.
        law: Draws the d of pairs where nothing is better.
    """
    for share in TRUE:
        true = np.arange(CLAIMS) < share * CLAIMS
        peaks = np.stack([_peaks(rng, sessions, pairs, law, EFFECT * better) for better in true], axis=1)
        for control in get_args(Control):
            called = _called(peaks, control)
            false, right = called[:, ~true].sum(axis=1), called[:, true]
            yield LedgerRow(
                control=control,
                true=share,
                any_false=float((false > 0).mean()),
                false_share=float((false / np.maximum(called.sum(axis=1), 1)).mean()),
                found=float(right.mean()) if right.size else None,
            )


def _peaks(
    rng: np.random.Generator,
    sessions: int,
    pairs: int,
    law: Callable[[np.random.Generator, tuple[int, ...]], Array],
    effect: float,
) -> Array:
    """Return log of the highest fortune of a claim in each session."""
    values = effect + law(rng, (sessions, pairs))
    path = log_sign(np.cumsum(values > 0, axis=1), np.cumsum(values < 0, axis=1))
    peaks: Array = path.max(axis=1, initial=0.0)
    return peaks


def _called(peaks: Array, control: Control) -> NDArray[np.bool_]:
    """Return which claims are called better, each entered when those before it are decided."""
    called = np.zeros(peaks.shape, dtype=bool)
    for place in range(peaks.shape[1]):
        before = called[:, :place].sum(axis=1)
        if control == "family":
            levels = np.full(len(peaks), level(place + 1))
        else:
            levels = np.array([level_of_discoveries(place + 1, int(count)) for count in before])
        called[:, place] = peaks[:, place] >= -np.log(levels)
    return called
