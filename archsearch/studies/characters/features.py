"""What a unit might follow: whether a text is within quotes or brackets, how far in its line, how far indented.

Each is a number after every byte, that byte included.
"""

from __future__ import annotations

import numpy as np

from archsearch.studies.characters.text import Bytes
from archsearch.tasks.task import Numbers

OPENING, CLOSING = b"([{", b")]}"


def inside_quotes(content: Bytes) -> Numbers:
    """Return 1 after a double quote opens and before it closes, else 0, shape (length,); an empty line ends all quotes."""
    found, is_open, breaks = np.zeros(len(content)), False, 0
    for place, byte in enumerate(content.tobytes()):
        breaks = breaks + 1 if byte == 10 else breaks if byte in b"\r \t" else 0
        is_open = (is_open != (byte == 34)) and breaks < 2
        found[place] = is_open
    return found


def bracket_depth(content: Bytes) -> Numbers:
    """Return how many brackets of any kind are open, at least 0, shape (length,)."""
    found, depth = np.zeros(len(content)), 0
    for place, byte in enumerate(content.tobytes()):
        depth = max(0, depth + (byte in OPENING) - (byte in CLOSING))
        found[place] = depth
    return found


def line_position(content: Bytes) -> Numbers:
    """Return how many bytes there are since the last newline, shape (length,)."""
    places = np.arange(len(content))
    starts = np.maximum.accumulate(np.where(content == 10, places, -1))
    return (places - starts).astype(np.float64)


def indentation(content: Bytes) -> Numbers:
    """Return how many blanks and tabs the line began with so far, shape (length,)."""
    found, width, leading = np.zeros(len(content)), 0, True
    for place, byte in enumerate(content.tobytes()):
        if byte == 10:
            width, leading = 0, True
        elif leading and byte in b" \t":
            width += 1
        else:
            leading = False
        found[place] = width
    return found


FEATURES = {
    "inside quotes": inside_quotes,
    "bracket depth": bracket_depth,
    "position in the line": line_position,
    "indentation": indentation,
}
"""What it is -> bytes of shape (length,) to numbers of that shape."""
