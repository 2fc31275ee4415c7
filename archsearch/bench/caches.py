"""How large the caches of a core are: as the system says, or where reading slows down."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

SYSTEM = Path("/sys/devices/system/cpu/cpu0/cache")

SWEPT = tuple(1 << power for power in range(14, 28))
"""Bytes of the arrays that are read where the system says nothing: 16 KiB to 128 MiB."""

SLOWER = 0.75
"""An array twice as large is read at less than this share of the speed: a cache has ended."""

MOST = 3
"""Levels at most."""


def told_sizes(folder: Path = SYSTEM) -> dict[str, int]:
    """Return the bytes of each level that holds data, such as L2, as Linux says; nothing elsewhere."""
    sizes: dict[int, int] = {}
    for cache in sorted(folder.glob("index*")):
        try:
            level, kind, size = (
                (cache / name).read_text(encoding="ascii").strip() for name in ("level", "type", "size")
            )
        except OSError:
            continue
        if kind != "Instruction" and level.isdigit() and size.removesuffix("K").isdigit():
            sizes[int(level)] = int(size.removesuffix("K")) << 10
    return {f"L{level}": sizes[level] for level in sorted(sizes)}


def swept_sizes(speeds: Mapping[int, float]) -> dict[str, int]:
    """Return the same from how fast arrays are read: a level ends where a run of falls begins.

    Args:
        speeds: For each number of bytes, each twice the one before, how fast they are read.
    """
    sizes = sorted(speeds)
    falls = [speeds[twice] < SLOWER * speeds[size] for size, twice in zip(sizes, sizes[1:], strict=False)]
    begins = [fall and not before for fall, before in zip(falls, [False, *falls], strict=False)]
    ends = [size for size, begin in zip(sizes, begins, strict=False) if begin]
    return {f"L{level}": size for level, size in enumerate(ends[:MOST], 1)}
