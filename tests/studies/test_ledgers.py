"""Ledgers in sessions of claims whose truth is known: each keeps its promise, and that of discoveries finds more."""

from __future__ import annotations

import numpy as np
import pytest

from archsearch.studies import ledgers
from archsearch.studies.ledgers import LedgerRow, ledger_rows
from archsearch.studies.referee import NORMAL, PAIRS


def rows(sessions: int, seed: int = 80) -> dict[tuple[str, float], LedgerRow]:
    """Return the rows by control and share of true claims."""
    found = ledger_rows(np.random.default_rng(seed), sessions, PAIRS, NORMAL.pairs)
    return {(row.control, row.true): row for row in found}


def holds(found: dict[tuple[str, float], LedgerRow], slack: float) -> None:
    """Fail where a promise of 5 % is not kept within the doubt of the simulation, or where discoveries find less."""
    for (control, true), row in found.items():
        promised = row.any_false if control == "family" else row.false_share
        assert promised <= 0.05 + slack
        if true:
            assert found["discoveries", true].found > found["family", true].found  # type: ignore[operator]


def test_either_control_keeps_its_promise_and_that_of_discoveries_finds_more() -> None:
    found = rows(60)
    holds(found, slack=0.06)
    assert found["family", 0.0].found is None
    assert found["family", 0.5].found < found["family", 0.1].found  # type: ignore[operator]


@pytest.mark.slow
def test_the_promises_are_kept_over_thousands_of_sessions() -> None:
    found = rows(2_500)
    holds(found, slack=0.0)
    assert found["discoveries", 0.5].found > 0.97  # type: ignore[operator]


def test_the_share_of_false_discoveries_would_not_be_kept_if_every_claim_had_the_whole_level(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ledgers, "level_of_discoveries", lambda claim, discoveries: 0.05)
    assert rows(60)["discoveries", 0.0].false_share > 0.5
