"""Durations as people write them: 90s, 30m, 2h or 1h30m."""

from __future__ import annotations

import re

from archsearch.errors import PresetError

NUMBER = r"(\d+(?:\.\d+)?)"
DURATION = re.compile(f"(?:{NUMBER}d)?(?:{NUMBER}h)?(?:{NUMBER}m)?(?:{NUMBER}s)?")
SECONDS = (86400, 3600, 60, 1)
"""Of a day, an hour, a minute and a second."""
EXAMPLES = "90s, 30m, 2h or 1h30m"
LONGEST = 100 * 366 * 86400
"""Seconds of a hundred years; more is a slip."""


def parse_duration(text: str) -> float:
    """Return the seconds of a text such as 90s, 30m, 2h or 1h30m; a number needs its unit.

    Raises:
        PresetError: The text is none.
    """
    if not isinstance(text, str):
        raise PresetError(f"{text!r} is no duration; write it as a text, such as {EXAMPLES}")
    match = DURATION.fullmatch(text.strip())
    parts, shown = match.groups() if match else (), text[:40]
    seconds = sum(float(part) * unit for part, unit in zip(parts, SECONDS, strict=False) if part)
    if not seconds:
        unit = " (a number needs its unit)" if re.fullmatch(NUMBER, text.strip()) else ""
        raise PresetError(f"{shown!r} is no duration; write {EXAMPLES}{unit}")
    if seconds > LONGEST:
        raise PresetError(f"{shown!r} is longer than a hundred years; write {EXAMPLES}")
    return float(seconds)
