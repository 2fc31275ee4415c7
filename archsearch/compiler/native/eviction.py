"""Keeps the folder of compiled libraries within a size: the least used go first.

A library that a process has loaded stays whole in its memory when the file goes, so running workers notice nothing.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from archsearch.compiler.native.limits import named_bytes

LIMIT = "ARCHSEARCH_CACHE_LIMIT"
"""Names the variable with the size: bytes, or a number with K, M or G."""

DEFAULT = 2 * 1024**3
"""Bytes: some 60,000 libraries."""

RECENT = 600.0
"""Seconds before the last use of any library: what was used in them is never removed, a process may be about to load it."""

EVERY = 256
"""Libraries that a process makes between two looks at the folder; the first look comes with the first."""

SHARE = 0.9
"""What is left of the limit, so that not every look finds something to remove."""


class KeptLibrary(NamedTuple):
    """A library in the folder.

    Attributes:
        used: When it was used last, in seconds since 1970.
        size: In bytes, as the disk counts them.
        path: The file.
    """

    used: float
    size: int
    path: Path


def limit() -> int:
    """Return how many bytes the compiled libraries may take.

    Raises:
        InputError: ARCHSEARCH_CACHE_LIMIT is no size.
    """
    return named_bytes(LIMIT, DEFAULT)


def mark_used(path: Path) -> None:
    """Note that a library is used now."""
    with contextlib.suppress(OSError):  # it may have gone, or the disk may be read-only
        os.utime(path)


def evict(folder: Path, most: int) -> int:
    """Remove the libraries that were used longest ago until the others fit; return how many bytes that frees.

    Args:
        folder: The folder of all libraries.
        most: Bytes that they may take.
    """
    kept = sorted(_libraries(folder))
    total = sum(library.size for library in kept)
    if total <= most:
        return 0
    freed, before = 0, kept[-1].used - RECENT
    for library in kept:
        if total - freed <= SHARE * most or library.used > before:
            break
        with contextlib.suppress(OSError):
            library.path.unlink()
            freed += library.size
    _sweep(folder, before)
    return freed


def _sweep(folder: Path, before: float) -> None:
    """Remove the places where nothing has lain for a while; nobody is about to put something there."""
    for place in _entries(folder):
        with contextlib.suppress(OSError):
            if place.stat(follow_symlinks=False).st_mtime < before:
                os.rmdir(place.path)  # fails where something lies


def _libraries(folder: Path) -> Iterator[KeptLibrary]:
    for place in _entries(folder):
        for entry in _entries(place.path) if place.is_dir(follow_symlinks=False) else ():
            with contextlib.suppress(OSError):
                status = entry.stat(follow_symlinks=False)
                if entry.name.endswith(".so") and not entry.name.startswith("."):
                    yield KeptLibrary(status.st_mtime, status.st_blocks * 512, Path(entry.path))


def _entries(folder: str | Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:
        return []
