"""Large memory in large pages: a fresh page of 4 KiB costs more than to fill it, and those of 2 MiB are 512 times fewer."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from typing import Any

from torch import Tensor

LARGE = 4 << 20
"""Bytes from which memory asks for large pages."""

PAGE = 4096
HUGE_PAGES = 14
"""Linux's MADV_HUGEPAGE."""


def in_large_pages(tensor: Tensor) -> Tensor:
    """Return a fresh tensor, of any shape; on Linux its memory may lie in large pages from now on."""
    size = tensor.nbytes
    if size >= LARGE and _advise is not None:
        address = tensor.data_ptr()
        begin = -(-address // PAGE) * PAGE
        _advise(
            begin, (address + size) // PAGE * PAGE - begin, HUGE_PAGES
        )  # advice: what comes of it is no matter
    return tensor


def _found() -> Callable[..., Any] | None:
    if not sys.platform.startswith("linux"):
        return None
    advise = ctypes.CDLL(None).madvise
    advise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    return advise


_advise = _found()
