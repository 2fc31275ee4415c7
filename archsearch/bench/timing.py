"""Times of calls that take turns."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping, Sequence
from statistics import median, quantiles

Call = Callable[[], object]

TURN = 0.01
"""Seconds that a turn measures, at least one call."""


def interleaved(
    calls: Mapping[str, Call], rounds: int, turn: float = TURN, clock: Callable[[], float] = time.perf_counter
) -> dict[str, float]:
    """Return the milliseconds of one call of each, the medians over the rounds.

    Args:
        calls: What is measured, by name.
        rounds: Turns of each.
        turn: Seconds that a turn measures.
        clock: Tells the time in seconds.
    """
    return {name: median(times) for name, times in turns(calls, rounds, turn, clock).items()}


def spread(times: Sequence[float]) -> dict[str, float]:
    """Return `ms`, the median of times, and `low` and `high`, their quarter and three-quarter points."""
    low, middle, high = quantiles(times, n=4, method="inclusive") if len(times) > 1 else [times[0]] * 3
    return {"ms": middle, "low": low, "high": high}


def turns(
    calls: Mapping[str, Call], rounds: int, turn: float = TURN, clock: Callable[[], float] = time.perf_counter
) -> dict[str, list[float]]:
    """Return the milliseconds of one call of each, round by round.

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
    return {name: [1000 * seconds for seconds in times] for name, times in taken.items()}


def _turn(call: Call, seconds: float, clock: Callable[[], float]) -> float:
    """Return the median seconds of the calls of one turn."""
    call()
    times: list[float] = []
    while sum(times) < seconds:
        began = clock()
        call()
        times.append(max(clock() - began, 1e-9))
    return median(times)
