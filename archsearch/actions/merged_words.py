"""What is said of the runs that a merged one was made of."""

from __future__ import annotations

from collections.abc import Sequence

from archsearch.store import Part
from archsearch.words import plain

NAMED = 4
"""Runs that people are told by name."""


def parts_words(parts: Sequence[Part]) -> str:
    """Return the runs that a merged one was made of, each with its seed; of many the first and how many more."""
    words = [f"{plain(part.run)} (seed {part.seed})" for part in parts[:NAMED]]
    words += [f"{len(parts) - NAMED} more"] if len(parts) > NAMED else []
    return f"{', '.join(words[:-1])} and {words[-1]}"
