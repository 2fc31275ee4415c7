"""Evidence as money: a fortune that bets against "A is no better than B" and grows as A wins (Ville 1939).

Under the null hypothesis the fortune E, which begins at 1, is a supermartingale: the chance that it ever reaches 1 / a is at
most a, at any moment and under any rule of stopping. All functions return log E, as fortunes are large.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy  # whose parts load when they are first needed: they take as long as all else of a process
from numpy.typing import NDArray

Array = NDArray[np.float64]

EFFECT_VARIANCE = 1.0
"""g: variance of the mean in standard deviations that the normal mixture bets on, N(0, g)."""


def log_sign(wins: Any, losses: Any) -> Array:
    """Return log E of sign bets with a Beta mixture; nothing is assumed but that under the null A wins at most half.

    E = 2^(n+1) B(w+1, l+1) (1 - I_1/2(w+1, l+1)) is the mean, over p ~ U(1/2, 1), of the fortune (2p)^w (2(1-p))^l. Ties
    bet nothing.

    Args:
        wins: w, pairs with d > 0; any shape.
        losses: l, pairs with d < 0; the same shape.

    Returns:
        The shape of wins.
    """
    w, l = np.asarray(wins, dtype=np.float64), np.asarray(losses, dtype=np.float64)  # noqa: E741
    # 1 - I_1/2(w+1, l+1) = I_1/2(l+1, w+1), which keeps its digits where it is small.
    share = np.maximum(scipy.special.betainc(l + 1, w + 1, 0.5), np.finfo(np.float64).tiny)
    result: Array = (w + l + 1) * np.log(2) + scipy.special.betaln(w + 1, l + 1) + np.log(share)
    return result


def log_t(values: Array, axis: int = -1) -> Array:
    """Return log E of the t-mixture: against "the mean of d is 0", for pairs that are roughly normal.

    The likelihood ratio of the t statistic, mixed over the mean in standard deviations, N(0, g); no scale is assumed (the
    right-Haar mixture of Lai 1976 and Perez-Ortiz et al. 2024). It has two sides: the sign of the mean says which cell.

    Args:
        values: d, of shape (..., pairs).
        axis: That of the pairs.

    Returns:
        The shape of values without that axis; 0 for fewer than two pairs, or for pairs that are all alike.
    """
    n = values.shape[axis]
    if n < 2:
        return np.zeros(np.delete(values.shape, axis))
    mean, variance = values.mean(axis=axis), values.var(axis=axis, ddof=1)
    spread = variance > (1e-12 * mean) ** 2  # pairs that are all alike say nothing of a normal law
    u = np.divide(n * mean**2, (n - 1) * variance, out=np.zeros_like(mean), where=spread)  # t^2 / (n - 1)
    grown = 1 + n * EFFECT_VARIANCE
    result: Array = n / 2 * (np.log1p(u) - np.log1p(u / grown)) - np.log(grown) / 2
    return np.where(spread, result, 0.0)
