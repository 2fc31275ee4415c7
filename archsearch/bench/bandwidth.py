"""How fast one core reads what lies in each of its caches, and in memory."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import msgspec
import torch

from archsearch.bench.caches import SWEPT, swept_sizes, told_sizes
from archsearch.compiler.native.build import library
from archsearch.compiler.native.pages import in_large_pages

CALLS = 10
"""Of each array; the fastest counts, since nothing makes a core faster."""

AT_ONCE = 16 << 20
"""Bytes that a call reads at least."""

BEYOND, MOST_BEYOND = 4, 512 << 20
"""An array is in memory when it is so many times as large as the last cache; but so many bytes are enough."""

MEMORY = "memory"


class MemoryLevel(msgspec.Struct, frozen=True):
    """A cache, or memory.

    Attributes:
        name: L1, L2 … or memory.
        size: Bytes that it holds; None for memory.
        gbs: Billions of bytes that a core reads from it in a second.
    """

    name: str
    size: int | None
    gbs: float


def memory_levels() -> list[MemoryLevel]:
    """Return the levels of this machine, the nearest first: each is read in an array of half its size.

    Raises:
        BuildError: There is no compiler, or it failed.
    """
    built = library(Path(__file__).with_name("bandwidth.cpp").read_text(encoding="utf-8"), False)
    built.bandwidth_read.restype = ctypes.c_float
    built.bandwidth_read.argtypes = [ctypes.c_void_p, ctypes.c_long, ctypes.c_long]
    read = partial(_gbs, built.bandwidth_read, built.bandwidth_unit())
    sizes = told_sizes() or swept_sizes({size: read(size) for size in SWEPT})
    far = min(BEYOND * max(sizes.values(), default=0) or SWEPT[-1], MOST_BEYOND)
    near = [MemoryLevel(name, size, read(size // 2)) for name, size in sizes.items()]
    return [*near, MemoryLevel(MEMORY, None, read(far))]


def _gbs(read: Callable[[int, int, int], float], unit: int, size: int) -> float:
    """Return how fast an array is read.

    Args:
        read: The compiled reader.
        unit: Of what its numbers are a multiple.
        size: Bytes.
    """
    count = max(size // 4 // unit, 1) * unit
    array = in_large_pages(torch.empty(count)).fill_(1.0)  # what was never written lies in one page
    times = max(AT_ONCE // array.nbytes, 1)
    taken = []
    for _ in range(CALLS):
        began = time.perf_counter()
        read(array.data_ptr(), count, times)
        taken.append(time.perf_counter() - began)
    return array.nbytes * times / min(taken) / 1e9
