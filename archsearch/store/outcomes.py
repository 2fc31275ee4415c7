"""How the outcome of a trial is stored: with finite numbers, its score in a column of its own, the rest as JSON."""

from __future__ import annotations

import math

import msgspec

from archsearch.protocol.records import Outcome

NUMBERS = ("score", "accuracy", "nll", "test_accuracy", "test_nll")
"""What an outcome says in numbers that may fail to be finite."""


def finite(outcome: Outcome) -> Outcome:
    """Return an outcome whose numbers are finite: JSON and SQLite keep no others. One without a score has diverged."""
    numbers = {name: getattr(outcome, name) for name in NUMBERS}
    wrong = {name: None for name, value in numbers.items() if value is not None and not math.isfinite(value)}
    curve = tuple(p for p in outcome.curve if math.isfinite(p.accuracy) and math.isfinite(p.nll))
    if not wrong and len(curve) == len(outcome.curve) and (outcome.status, outcome.score) != ("done", None):
        return outcome
    sound = msgspec.structs.replace(outcome, curve=curve, **wrong)
    if sound.status == "done" and sound.score is None:
        return msgspec.structs.replace(sound, status="diverged", reason=f"score {outcome.score}")
    return sound


def outcome_text(outcome: Outcome) -> str:
    """Return an outcome as JSON, without the score, which has a column of its own."""
    return msgspec.json.encode(msgspec.structs.replace(outcome, score=None)).decode()
