"""How things look in a notebook: who can draw is told here, so that what is drawn need not know it.

A cell stands below what draws it; the package root, which knows both, connects the two.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

DRAWINGS: dict[str, Callable[[Any], str]] = {}
"""Name of a class -> what returns the SVG of one of its objects."""


def svg(thing: object) -> str | None:
    """Return the SVG of a thing, or None where nobody has said how it is drawn."""
    draw = DRAWINGS.get(type(thing).__name__)
    return draw(thing) if draw else None
