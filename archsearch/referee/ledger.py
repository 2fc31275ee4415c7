"""Levels for claims that come one by one, nobody knows how many: together they spend one budget.

Claim j of a ledger is tested at alpha g_j, with g_j proportional to 1 / (j log^2(j + 1)) and sum g_j <= 1. So the chance of
any false verdict in the whole life of a ledger is at most alpha, and a claim costs the same whether it is kept or dropped.
"""

from __future__ import annotations

import math

ALPHA = 0.05
"""The budget of a ledger unless somebody says otherwise."""

TOTAL = 3.3878
"""At least the sum over all j >= 1 of 1 / (j log^2(j + 1))."""


def weight(claim: int) -> float:
    """Return g_j, the share of the budget that claim j, counted from 1, is tested at."""
    return 1 / (TOTAL * claim * math.log(claim + 1) ** 2)


def level(claim: int, alpha: float = ALPHA) -> float:
    """Return the level of claim j: the chance of any false verdict in the ledger's life is at most alpha.

    Args:
        claim: j, from 1.
        alpha: The ledger's budget.
    """
    return alpha * weight(claim)


def level_of_discoveries(claim: int, discoveries: int, alpha: float = ALPHA) -> float:
    """Return the level of claim j by e-LOND (Xu and Ramdas 2024): the share of false ones among discoveries stays at alpha.

    It has more power in a long life than `level`, and promises less. Claims at `level` may stand among such: they take less.

    Args:
        claim: j, from 1.
        discoveries: Verdicts "better" of the ledger when the claim is made; later ones are not counted.
        alpha: The share of false ones among them, in expectation.
    """
    return alpha * weight(claim) * (1 + discoveries)
