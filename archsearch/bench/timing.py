"""Times of calls that take turns."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping
from statistics import median

Call = Callable[[], object]

TURN = 0.01
"""Seconds that a turn measures, at least one call."""


def interleaved(
    calls: Mapping[str, Call], rounds: int, turn: float = TURN, clock: Callable[[], float] = time.perf_counter
) -> dict[str, float]:
    """Return the milliseconds of one call of each, the medians over the rounds.

    Every round gives every call a turn, in alternating order. A turn begins with one call that is not measured: it brings
    back into the caches what the others have driven out, as in a loop that trains one cell.

    Args:
        calls: What is measured, by name.
        rounds: Turns of each.
        turn: Seconds that a turn measures.
        clock: Tells the time in seconds.
    """
    for call in calls.values():
        call()  # compiles, allocates
    taken: dict[str, list[float]] = {name: [] for name in calls}
    collects = gc.isenabled()
    gc.disable()
    try:
        for number in range(rounds):
            names = list(calls) if number % 2 == 0 else list(calls)[::-1]
            for name in names:
                taken[name].append(_turn(calls[name], turn, clock))
            gc.collect()
    finally:
        if collects:
            gc.enable()
    return {name: 1000 * median(times) for name, times in taken.items()}


def _turn(call: Call, seconds: float, clock: Callable[[], float]) -> float:
    """Return the median seconds of the calls of one turn."""
    call()
    times: list[float] = []
    while sum(times) < seconds:
        began = clock()
        call()
        times.append(max(clock() - began, 1e-9))
    return median(times)
