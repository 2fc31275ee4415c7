"""Seals: a checksum beside what a row of a run's database says, so that a flipped bit is seen and never believed."""

from __future__ import annotations

import hashlib
import math
from typing import Any

DIGITS = 16


def seal_of(*values: str | int | float | None) -> str:
    """Return the seal of a row's values, in the order of its table; floats count with all their bits."""
    return hashlib.sha256(repr(values).encode(errors="surrogatepass")).hexdigest()[:DIGITS]


def fact_seal(name: str, value: str) -> str:
    """Return the seal of a single value."""
    return seal_of(name, value)


def asked_seal(number: int, cell: str, asked: str) -> str:
    """Return the seal of a step that has not been told.

    Args:
        number: Of the step.
        cell: The id of its cell.
        asked: The step as JSON.
    """
    return seal_of(number, cell, asked)


def told_seal(asked: str, verdict: str) -> str:
    """Return the seal of a told step, from the one that it had when it was asked: damage is never sealed anew."""
    return seal_of(asked, verdict)


def record_holds(key: str, record: str) -> bool:
    """Whether a trial's record is what was stored: its key is the record's SHA-256."""
    return hashlib.sha256(record.encode(errors="surrogatepass")).hexdigest() == key


def claim_seal(number: int, claim: str, pairs: str) -> str:
    """Return the seal of a claim.

    Args:
        number: Its place in the ledger.
        claim: The claim as JSON.
        pairs: Its pairs as JSON.
    """
    return seal_of(number, claim, pairs)


def trial_seal(key: str, state: str, score: float | None, outcome: str) -> str:
    """Return the seal of a trial that has ended; its record needs none, see `record_holds`.

    Args:
        key: Of the trial.
        state: How it ended.
        score: Its score, if it has one.
        outcome: The rest of its outcome, as JSON.
    """
    return seal_of(key, state, None if score is None else float(score), outcome)


def step_holds(number: int, cell: Any, asked: Any, verdict: Any, *, seal: Any) -> bool:
    """Whether a step's row is what was stored.

    Args:
        number: Of the step.
        cell: The id of its cell.
        asked: The step as JSON.
        verdict: How it ended, as JSON; None while it is open.
        seal: The seal beside them.
    """
    first = asked_seal(number, cell, asked)
    return bool(seal == (first if verdict is None else told_seal(first, verdict)))


def trial_holds(key: str, state: Any, score: Any, outcome: Any, *, seal: Any) -> bool:
    """Whether the row of a trial that has ended is what was stored, with a score that is a number if it has one.

    Args:
        key: Of the trial.
        state: How it ended.
        score: Its score.
        outcome: The rest of its outcome, as JSON.
        seal: The seal beside them.
    """
    if score is not None and not (isinstance(score, float) and math.isfinite(score)):
        return False
    return bool(seal == trial_seal(key, state, score, outcome))
