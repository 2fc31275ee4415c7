"""Where the boxes of a layered drawing stand in their rows, and where its trunks run straight."""

from __future__ import annotations

import math

SWEEPS = 48
GAP, TRUNK_GAP = 22.0, 9.0
"""Least distance between neighbours in a row, and between a trunk and its neighbour."""
STIFFNESS = (1.0, 2.0, 6.0)
"""How much an edge resists slanting, by how many of its two ends are points of a trunk."""

Extent = tuple[float, float]
"""How far a point reaches to the left and to the right; a point of a trunk has no extent."""


def places(rows: list[list[int]], extents: list[Extent], near: list[list[int]]) -> list[float]:
    """Return the position of every point: as near to its neighbours as its row allows, by weighted least squares.

    Args:
        rows: The points of each row in order.
        extents: The room that each point needs.
        near: The points above and below that each point is joined with.
    """
    x = [0.0] * len(extents)
    packed = [(row, _offsets(row, extents)) for row in rows]
    pulls = [_pulls(point, extents, near[point]) for point in range(len(extents))]
    for row, offsets in packed:
        for point, offset in zip(row, offsets, strict=True):
            x[point] = offset - offsets[-1] / 2
    for sweep in range(SWEEPS):
        for row, offsets in packed if sweep % 2 else reversed(packed):
            wishes = [_wish(x, x[point], pulls[point]) for point in row]
            wanted = [wish - offset for (wish, _), offset in zip(wishes, offsets, strict=True)]
            rising = _nearest_rising(wanted, [weight for _, weight in wishes])
            for point, offset, start in zip(row, offsets, rising, strict=True):
                x[point] = start + offset
    return x


def straightened(
    rows: list[list[int]], extents: list[Extent], paths: list[list[int]], x: list[float]
) -> list[float]:
    """Return the positions with each trunk on as few straight lines as its neighbours leave room for, longest first.

    Args:
        rows: The points of each row, from left to right.
        extents: How far each point reaches.
        paths: The points of each edge.
        x: Where the points are.
    """
    x = list(x)
    room = {point: (row, i) for row in rows for i, point in enumerate(row)}
    trunks = {path[0]: path[1:-1] for path in sorted(paths, key=len)}
    for source, trunk in sorted(trunks.items(), key=lambda item: -len(item[1])):
        while trunk:
            low, high, count = -math.inf, math.inf, 0
            for point in trunk:
                left, right = _room(*room[point], extents, x)
                if max(low, left) > min(high, right):
                    break
                low, high, count = max(low, left), min(high, right), count + 1
            together, trunk = trunk[:count], trunk[count:]
            wish = x[source] if low <= x[source] <= high else sum(x[point] for point in together) / count
            for point in together:
                x[point] = min(max(wish, low), high)
    return x


def _pulls(point: int, extents: list[Extent], near: list[int]) -> list[tuple[int, float]]:
    """Return the points that one is joined with, and how much each edge resists slanting."""
    trunk = _is_trunk(extents[point])
    return [(other, STIFFNESS[trunk + _is_trunk(extents[other])]) for other in near]


def _wish(x: list[float], at: float, pulls: list[tuple[int, float]]) -> tuple[float, float]:
    """Return where a point wants to be and how much it insists."""
    weight = sum([stiffness for _, stiffness in pulls])
    if not weight:
        return at, 0.1
    return sum([x[other] * stiffness for other, stiffness in pulls]) / weight, weight


def _is_trunk(extent: Extent) -> bool:
    return extent == (0.0, 0.0)


def _room(row: list[int], i: int, extents: list[Extent], x: list[float]) -> tuple[float, float]:
    """Return how far the i-th point of a row may move; where it is, it has room."""
    at, left, right = x[row[i]], -math.inf, math.inf
    if i:
        left = x[row[i - 1]] + _offsets(row[i - 1 : i + 1], extents)[1]
    if i + 1 < len(row):
        right = x[row[i + 1]] - _offsets(row[i : i + 2], extents)[1]
    return min(at, left), max(at, right)


def _offsets(row: list[int], extents: list[Extent]) -> list[float]:
    """Return the positions in a row that is packed as closely as allowed, from 0."""
    offsets = [0.0]
    for left, right in zip(row, row[1:], strict=False):
        trunk = _is_trunk(extents[left]) or _is_trunk(extents[right])
        offsets.append(offsets[-1] + extents[left][1] + (TRUNK_GAP if trunk else GAP) + extents[right][0])
    return offsets


def _nearest_rising(wanted: list[float], weights: list[float]) -> list[float]:
    """Return the sequence that never falls and is nearest to `wanted` (pool adjacent violators)."""
    pools: list[tuple[float, float, int]] = []
    for value, weight in zip(wanted, weights, strict=True):
        count = 1
        while pools and pools[-1][0] > value:
            before, its_weight, its_count = pools.pop()
            value = (value * weight + before * its_weight) / (weight + its_weight)
            weight, count = weight + its_weight, count + its_count
        pools.append((value, weight, count))
    return [value for value, _, count in pools for _ in range(count)]
