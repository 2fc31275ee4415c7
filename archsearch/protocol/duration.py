"""Durations as people write them: 90s, 30m, 2h or 1h30m."""

from __future__ import annotations

import re

from archsearch.errors import PresetError

NUMBER = r"(\d+(?:\.\d+)?)"
DURATION = re.compile(f"(?:{NUMBER}d)?(?:{NUMBER}h)?(?:{NUMBER}m)?(?:{NUMBER}s)?")
SECONDS = (86400, 3600, 60, 1)
"""Of a day, an hour, a minute and a second."""


def parse_duration(text: str) -> float:
    """Return the seconds of a text such as 90s, 30m, 2h or 1h30m; a number needs its unit.

    Raises:
        PresetError: The text is none.
    """
    match = DURATION.fullmatch(text.strip())
    parts = match.groups() if match else ()
    seconds = sum(float(part) * unit for part, unit in zip(parts, SECONDS, strict=False) if part)
    if not seconds:
        raise PresetError(f"{text!r} is no duration; write 90s, 30m, 2h or 1h30m")
    return float(seconds)
