"""The fastest that one core multiplies and adds: a loop that lives in registers, compiled as the matrix product is."""

from __future__ import annotations

import ctypes
from pathlib import Path

from archsearch.bench.timing import Call
from archsearch.compiler.native.build import library

COUNT = 100_000
"""Rounds of the loop in one call, about a millisecond."""


def peak_call() -> tuple[Call, int]:
    """Return a call of the loop, and its floating-point operations (a multiply-add is two).

    Raises:
        BuildError: There is no compiler, or it failed.
    """
    built = library(Path(__file__).with_name("peak.cpp").read_text(encoding="utf-8"), False)
    built.peak_run.restype, built.peak_run.argtypes = ctypes.c_float, [ctypes.c_long, ctypes.c_float, ctypes.c_float]
    built.peak_flops.restype, built.peak_flops.argtypes = ctypes.c_long, [ctypes.c_long]
    return lambda: built.peak_run(COUNT, 0.999, 0.001), built.peak_flops(COUNT)
