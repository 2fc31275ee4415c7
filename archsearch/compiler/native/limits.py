"""Sizes of memory that variables of the environment name."""

from __future__ import annotations

import os
import re

from archsearch.errors import InputError

UNITS = {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3}


def named_bytes(variable: str, otherwise: int) -> int:
    """Return the bytes that a variable names, as a number with K, M or G or without, or else what holds where it is not set.

    Raises:
        InputError: It is no size.
    """
    text = os.environ.get(variable, "").strip()
    if not text:
        return otherwise
    parts = re.fullmatch(r"(\d{1,15})\s*([KMG]?)(?:i?B)?", text, re.IGNORECASE)
    if parts is None:
        raise InputError(f"{variable} is {text!r}; it must be a size such as 500M or 2G")
    return int(parts[1]) * UNITS[parts[2].upper()]
