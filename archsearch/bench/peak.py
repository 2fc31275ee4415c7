"""The fastest that one core multiplies and adds: a loop that lives in registers, compiled as the matrix product is."""

from __future__ import annotations

import ctypes
import time
from pathlib import Path

from archsearch.compiler.native.build import library

COUNT = 100_000
"""Rounds of the loop in one call, about a millisecond."""


def peak_gflops(calls: int = 30) -> float:
    """Return the peak in GFLOP/s, a multiply-add counted as two: the fastest call, since nothing makes a core faster.

    Raises:
        BuildError: There is no compiler, or it failed.
    """
    built = library(Path(__file__).with_name("peak.cpp").read_text(encoding="utf-8"), False)
    built.peak_run.restype, built.peak_run.argtypes = (
        ctypes.c_float,
        [ctypes.c_long, ctypes.c_float, ctypes.c_float],
    )
    built.peak_flops.restype, built.peak_flops.argtypes = ctypes.c_long, [ctypes.c_long]
    times = []
    for _ in range(calls):
        began = time.perf_counter()
        built.peak_run(COUNT, 0.999, 0.001)
        times.append(time.perf_counter() - began)
    return float(built.peak_flops(COUNT) / min(times) / 1e9)
