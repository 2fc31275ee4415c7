"""Words that many commands and files say alike: a name meant, a short id, a parameter count, a text made harmless."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Any

SHORT = 9
"""Digits of an id that people are shown."""


def did_you_mean(name: str, known: Iterable[str], wording: str = "; {}") -> str:
    """Return a hint at the known name that is nearest to an unknown one whatever the capitals, or nothing if none is near.

    Args:
        name: What a person wrote.
        known: What would have been right.
        wording: What goes around the hint, `{}`.
    """
    spelled = {known_name.lower(): known_name for known_name in known}
    near = difflib.get_close_matches(name.lower(), spelled, 1)
    return wording.format(f"did you mean {spelled[near[0]]!r}?") if near else ""


def short_id(identity: str) -> str:
    """Return the first digits of the id of a cell or the key of a trial, for people."""
    return identity[:SHORT]


def polynomial(coefficients: tuple[int | Fraction, int], plus: str = "+") -> str:
    """Return a parameter count (a, b) as a text such as `6n²+3n`, or `9/4n²` where matrices have heads."""
    terms = zip(coefficients, ("n²", "n"), strict=True)
    return plus.join(f"{'' if count == 1 else count}{power}" for count, power in terms if count) or "0"


def plain(text: str) -> str:
    """Return a text from data with control characters, which could move a terminal's cursor, replaced."""
    return "".join(character if character.isprintable() else "�" for character in text)


def escaped(text: str) -> str:
    """Return a text for a file with control, bidirectional and other invisible characters written as escapes."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in text
    )


def flattened(table: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return a nested mapping as one level, its keys joined by dots."""
    flat: dict[str, Any] = {}
    for key, value in table.items():
        flat.update(
            flattened(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": value}
        )
    return flat
