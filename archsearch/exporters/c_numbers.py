"""Numbers as literals of C."""

from __future__ import annotations

import math
from typing import Any

from archsearch.errors import InputError


def numbers_in_c(array: Any) -> str:
    """Return the numbers of an array of any shape, eight in a line, so that they come back as they are, also as double."""
    words = [_literal(float(number), array.dtype.itemsize <= 4) for number in array.reshape(-1)]
    return ",\n".join("    " + ", ".join(words[at : at + 8]) for at in range(0, len(words), 8))


def _literal(number: float, single: bool) -> str:
    if not math.isfinite(number):
        raise InputError("the weights hold numbers that are not finite, and C has no literal for them")
    word = f"{number:.{9 if single else 17}g}"
    word += "" if "." in word or "e" in word else ".0"
    return word + "f" * single
