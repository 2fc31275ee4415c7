"""The ledger: levels of claims that come one by one spend one budget."""

import math

import pytest

from archsearch.referee.ledger import level, level_of_discoveries, weight

MANY = 1_000_000


def test_all_claims_together_spend_at_most_the_budget() -> None:
    spent = math.fsum(weight(claim) for claim in range(1, MANY + 1))
    rest = (
        weight(MANY) * MANY * math.log(MANY + 1) ** 2 / math.log(MANY)
    )  # the integral bounds what is still to come
    assert 0.95 < spent + rest <= 1


def test_a_later_claim_has_a_smaller_level() -> None:
    levels = [level(claim) for claim in range(1, 200)]
    assert levels == sorted(levels, reverse=True)
    assert level(1) == pytest.approx(0.0307, abs=1e-4)
    assert level(3, alpha=0.1) == 2 * level(3)


def test_discoveries_earn_level_under_e_lond() -> None:
    assert level_of_discoveries(7, 0) == level(7)
    assert level_of_discoveries(7, 4) == pytest.approx(5 * level(7))
