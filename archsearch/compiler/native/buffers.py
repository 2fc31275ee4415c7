"""Memory that is used again: fresh memory costs a page fault per 4 KiB."""

from __future__ import annotations

import threading

import torch
from torch import Tensor

from archsearch.compiler.native.pages import in_large_pages

KEPT = 4
"""Buffers that lie ready; the one that has lain longest goes first."""

SLACK = 2
"""A buffer serves sizes down to this part of its own."""


class Buffers:
    """Free tensors, each of shape (numbers,), for any number of threads.

    Attributes:
        free: Those that lie ready, the longest first.
        lock: Held while they change.
    """

    def __init__(self) -> None:
        self.free: list[Tensor] = []
        self.lock = threading.Lock()

    def take(self, size: int, dtype: torch.dtype) -> Tensor:
        """Return a buffer of shape (numbers,), at least `size` of them, whatever they are."""
        with self.lock:
            for position, buffer in enumerate(self.free):
                if buffer.dtype == dtype and size <= buffer.numel() <= max(SLACK * size, 1024):
                    return self.free.pop(position)
        # whatever the default device is
        return in_large_pages(torch.empty(size, dtype=dtype, device="cpu"))

    def give_back(self, buffer: Tensor) -> None:
        """Keep a buffer, shape (numbers,), for who takes it next."""
        with self.lock:
            self.free.append(buffer)
            del self.free[:-KEPT]
