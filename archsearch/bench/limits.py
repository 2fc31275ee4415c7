"""What holds a row back: the time that each limit alone would need for its counted work, and the largest of them.

compute   operations / the core's peak
a level   the bytes that must come from it / how fast a core reads it, for L1, L2 … and memory; writes count as reads
calls     what the same call takes with one sequence of the narrowest layer: what is paid for a call and for each step
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from archsearch.bench.bandwidth import MemoryLevel
from archsearch.bench.counting import CountedWork, Traffic

COMPUTE, CALLS = "compute", "calls"


class Roofs(msgspec.Struct, frozen=True):
    """How fast a core is.

    Attributes:
        peak_gflops: In registers.
        levels: Caches and memory, the nearest first.
    """

    peak_gflops: float
    levels: Sequence[MemoryLevel]

    def source(self, traffic: Traffic) -> str:
        """Return the name of the smallest level that holds what is touched until the same is wanted again."""
        return next(level.name for level in self.levels if level.size is None or traffic.span <= level.size)


class RowLimits(msgspec.Struct, frozen=True):
    """Where a row stands.

    Attributes:
        bytes: That come from each level in one call.
        ms: Milliseconds that each limit alone needs.
        limit: The name of the largest.
        share: Of the row's time that this one explains; the nearer to 1, the less there is to gain below it.
    """

    bytes: dict[str, int]
    ms: dict[str, float]
    limit: str
    share: float


def row_limits(work: CountedWork, calls_ms: float, ms: float, roofs: Roofs) -> RowLimits:
    """Return what holds a row back.

    Args:
        work: What it has to do.
        calls_ms: What it pays for being called.
        ms: What it takes.
        roofs: Of the machine.
    """
    moved = {
        level.name: sum(one.bytes for one in work.traffic if roofs.source(one) == level.name)
        for level in roofs.levels
    }
    needed = {COMPUTE: work.flops / roofs.peak_gflops / 1e6}
    needed |= {level.name: moved[level.name] / level.gbs / 1e6 for level in roofs.levels}
    needed[CALLS] = calls_ms
    limit = max(needed, key=lambda name: needed[name])
    return RowLimits(moved, needed, limit, needed[limit] / ms)
