"""A layered drawing of an acyclic graph from the bottom up, after Sugiyama, Tagawa and Toda (1981).

Rows by longest path, places in a row by barycentres and exchanges, positions by least squares with the order kept.
All edges of one source share one trunk, which they leave in the row below their target.
"""

from __future__ import annotations

import math
from bisect import bisect_right, insort
from dataclasses import dataclass, field

SWEEPS = 24
GAP, TRUNK_GAP = 22.0, 9.0
"""Least distance between neighbours in a row, and between a trunk and its neighbour."""
STRAIGHT = 6.0
"""How much more an edge between two points of a trunk resists bending than an edge between two boxes."""


@dataclass(frozen=True, slots=True)
class Box:
    """Room for one thing.

    Attributes:
        left, right: How far it reaches from its anchor.
        first, last: Whether it belongs into the bottom row, or into the top row.
    """

    left: float
    right: float
    first: bool = False
    last: bool = False


@dataclass
class Layout:
    """Where everything is.

    Attributes:
        rows: The points of each row from the bottom, in order from the left; a point below `boxes` is a box.
        x: The position of each point.
        paths: For each edge its points, from the source over its trunk to the target.
        boxes: The boxes, and then one empty box per point of a trunk.
    """

    rows: list[list[int]]
    paths: list[list[int]]
    boxes: list[Box]
    x: list[float] = field(default_factory=list)


def arrange(boxes: list[Box], edges: list[tuple[int, int]]) -> Layout:
    """Return a layout of boxes, given with every source before its targets, and the edges between them."""
    ranks = _ranks(boxes, edges)
    layout = _with_trunks(boxes, edges, ranks)
    below, above = _neighbours(layout)
    layout.rows = _ordered(layout.rows, below, above)
    _place(layout, below, above)
    _straighten(layout)
    return layout


def _ranks(boxes: list[Box], edges: list[tuple[int, int]]) -> list[int]:
    """Return the row of each box: as low as its operands allow, or higher where that makes edges shorter."""
    sources: list[set[int]] = [set() for _ in boxes]
    targets: list[set[int]] = [set() for _ in boxes]
    for source, target in edges:
        sources[target].add(source)
        targets[source].add(target)
    ranks: list[int] = []
    for i in range(len(boxes)):
        ranks.append(1 + max((ranks[source] for source in sources[i]), default=-1))
    top = max((rank + (not box.last) for rank, box in zip(ranks, boxes, strict=True)), default=0)
    ranks = [top if box.last else rank for rank, box in zip(ranks, boxes, strict=True)]
    for i in reversed(range(len(boxes))):
        if not boxes[i].first and len(targets[i]) > len(sources[i]):
            ranks[i] = min(ranks[target] for target in targets[i]) - 1
    return ranks


def _with_trunks(boxes: list[Box], edges: list[tuple[int, int]], ranks: list[int]) -> Layout:
    rows: list[list[int]] = [[] for _ in range(max(ranks, default=0) + 1)]
    points = list(boxes)
    trunks: dict[int, list[int]] = {}
    for i, rank in enumerate(ranks):
        rows[rank].append(i)
        reach = max((ranks[target] for source, target in edges if source == i), default=rank)
        trunks[i] = [i]
        for between in range(rank + 1, reach):
            trunks[i].append(len(points))
            rows[between].append(len(points))
            points.append(Box(0.0, 0.0))
    paths = [[*trunks[source][: ranks[target] - ranks[source]], target] for source, target in edges]
    return Layout(rows, paths, points)


def _neighbours(layout: Layout) -> tuple[list[list[int]], list[list[int]]]:
    """Return for each point those it is joined with in the row below and in the row above."""
    below: list[list[int]] = [[] for _ in layout.boxes]
    above: list[list[int]] = [[] for _ in layout.boxes]
    for low, high in sorted({pair for path in layout.paths for pair in zip(path, path[1:], strict=False)}):
        above[low].append(high)
        below[high].append(low)
    return below, above


def _ordered(rows: list[list[int]], below: list[list[int]], above: list[list[int]]) -> list[list[int]]:
    """Return the rows in an order with few crossings: the best of some sweeps up and down."""
    best, fewest = rows, _crossings(rows, below)
    for sweep in range(SWEEPS):
        upwards = sweep % 2 == 0
        rows = [list(row) for row in rows]
        for row in range(len(rows)) if upwards else reversed(range(len(rows))):
            reference = row - 1 if upwards else row + 1
            if 0 <= reference < len(rows):
                place = {point: i for i, point in enumerate(rows[reference])}
                joined = below if upwards else above
                rows[row] = _by_barycentre(rows[row], place, joined)
        _exchange(rows, below, above)
        if (count := _crossings(rows, below)) < fewest:
            best, fewest = rows, count
    return best


def _by_barycentre(row: list[int], place: dict[int, int], joined: list[list[int]]) -> list[int]:
    """Return a row sorted by the mean place of each point's neighbours; points without any stay where they are."""
    keys: dict[int, float] = {}
    for i, point in enumerate(row):
        places = [place[other] for other in joined[point]]
        keys[point] = sum(places) / len(places) if places else i * len(place) / len(row)
    return sorted(row, key=lambda point: keys[point])


def _exchange(rows: list[list[int]], below: list[list[int]], above: list[list[int]]) -> None:
    """Exchange neighbours in a row as long as that saves crossings."""
    place = {point: i for row in rows for i, point in enumerate(row)}
    for row in rows * 2:
        for i in range(len(row) - 1):
            left, right = row[i], row[i + 1]
            now = sum(_inversions(joined[left], joined[right], place) for joined in (below, above))
            then = sum(_inversions(joined[right], joined[left], place) for joined in (below, above))
            if then < now:
                row[i], row[i + 1] = right, left
                place[left], place[right] = i + 1, i


def _inversions(left: list[int], right: list[int], place: dict[int, int]) -> int:
    return sum(place[one] > place[other] for one in left for other in right)


def _crossings(rows: list[list[int]], below: list[list[int]]) -> int:
    total = 0
    for lower, upper in zip(rows, rows[1:], strict=False):
        place = {point: i for i, point in enumerate(lower)}
        seen: list[int] = []
        for point in upper:
            ends = sorted(place[other] for other in below[point])
            total += sum(len(seen) - bisect_right(seen, end) for end in ends)
            for end in ends:
                insort(seen, end)
    return total


def _place(layout: Layout, below: list[list[int]], above: list[list[int]]) -> None:
    """Set positions: every point near its neighbours, weighted, at the distances that its row needs."""
    boxes = layout.boxes
    layout.x = [0.0] * len(boxes)
    for row in layout.rows:
        offsets = _offsets(row, boxes)
        for point, offset in zip(row, offsets, strict=True):
            layout.x[point] = offset - offsets[-1] / 2
    for sweep in range(2 * SWEEPS):
        for row in layout.rows if sweep % 2 else reversed(layout.rows):
            wishes, weights = [], []
            for point in row:
                near = [(other, _stiffness(boxes, point, other)) for other in [*below[point], *above[point]]]
                weight = sum(stiffness for _, stiffness in near)
                wish = sum(layout.x[other] * stiffness for other, stiffness in near)
                wishes.append(wish / weight if weight else layout.x[point])
                weights.append(weight or 0.1)
            offsets = _offsets(row, boxes)
            wanted = [wish - offset for wish, offset in zip(wishes, offsets, strict=True)]
            for point, offset, x in zip(row, offsets, _nearest_rising(wanted, weights), strict=True):
                layout.x[point] = x + offset


def _straighten(layout: Layout) -> None:
    """Move each trunk onto as few straight lines as its neighbours leave room for, the longest trunks first."""
    room = {point: (row, i) for row in layout.rows for i, point in enumerate(row)}
    trunks = {path[0]: path[1:-1] for path in sorted(layout.paths, key=len)}
    for source, trunk in sorted(trunks.items(), key=lambda item: -len(item[1])):
        while trunk:
            low, high = -math.inf, math.inf
            count = 0
            for point in trunk:
                left, right = _room(layout, *room[point])
                if max(low, left) > min(high, right):
                    break
                low, high, count = max(low, left), min(high, right), count + 1
            together, trunk = trunk[:count], trunk[count:]
            wishes = [layout.x[source], sum(layout.x[point] for point in together) / count]
            wish = wishes[0] if low <= wishes[0] <= high else wishes[1]
            for point in together:
                layout.x[point] = min(max(wish, low), high)


def _room(layout: Layout, row: list[int], i: int) -> tuple[float, float]:
    """Return how far the i-th point of a row may move; where it is, it has room."""
    at = layout.x[row[i]]
    left = right = math.inf
    if i:
        left = layout.x[row[i - 1]] + _offsets(row[i - 1 : i + 1], layout.boxes)[1]
    if i + 1 < len(row):
        right = layout.x[row[i + 1]] - _offsets(row[i : i + 2], layout.boxes)[1]
    return min(at, left) if i else -math.inf, max(at, right)


def _stiffness(boxes: list[Box], one: int, other: int) -> float:
    trunks = (boxes[one].right == 0) + (boxes[other].right == 0)
    return (1.0, 2.0, STRAIGHT)[trunks]


def _offsets(row: list[int], boxes: list[Box]) -> list[float]:
    """Return the positions in a row that is packed as closely as allowed, from 0."""
    offsets = [0.0]
    for left, right in zip(row, row[1:], strict=False):
        trunk = boxes[left].right == 0 or boxes[right].right == 0
        gap = TRUNK_GAP if trunk else GAP
        offsets.append(offsets[-1] + boxes[left].right + gap + boxes[right].left)
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
