"""A layered drawing of an acyclic graph from the bottom up, after Sugiyama, Tagawa and Toda (1981).

Rows by longest path, order in a row by barycentres and exchanges; `placement` finds the positions. All edges of one
source share one trunk, which they leave in the row below their target.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from dataclasses import dataclass

from archsearch.exporters.drawing.placement import places, straightened

SWEEPS = 24


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
class Arrangement:
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
    x: list[float]


def arrange(boxes: list[Box], edges: list[tuple[int, int]]) -> Arrangement:
    """Return a layout of boxes, given with every source before its targets, and the edges between them."""
    ranks = _ranks(boxes, edges)
    rows, paths, points = _with_trunks(boxes, edges, ranks)
    below, above = _neighbours(paths, points)
    rows = _ordered(rows, below, above)
    extents = [(box.left, box.right) for box in points]
    near = [low + high for low, high in zip(below, above, strict=True)]
    x = straightened(rows, extents, paths, places(rows, extents, near))
    return Arrangement(rows, paths, points, x)


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


def _with_trunks(
    boxes: list[Box], edges: list[tuple[int, int]], ranks: list[int]
) -> tuple[list[list[int]], list[list[int]], list[Box]]:
    """Return the rows, the path of each edge, and the boxes with a point for every row that a trunk passes."""
    rows: list[list[int]] = [[] for _ in range(max(ranks, default=0) + 1)]
    points = list(boxes)
    trunks: dict[int, list[int]] = {}
    reaches = dict[int, int]()
    for source, target in edges:
        reaches[source] = max(reaches.get(source, 0), ranks[target])
    for i, rank in enumerate(ranks):
        rows[rank].append(i)
        trunks[i] = [i]
        for between in range(rank + 1, reaches.get(i, rank)):
            trunks[i].append(len(points))
            rows[between].append(len(points))
            points.append(Box(0.0, 0.0))
    paths = [[*trunks[source][: ranks[target] - ranks[source]], target] for source, target in edges]
    return rows, paths, points


def _neighbours(paths: list[list[int]], points: list[Box]) -> tuple[list[list[int]], list[list[int]]]:
    """Return for each point those it is joined with in the row below and in the row above."""
    below: list[list[int]] = [[] for _ in points]
    above: list[list[int]] = [[] for _ in points]
    for low, high in sorted({pair for path in paths for pair in zip(path, path[1:], strict=False)}):
        above[low].append(high)
        below[high].append(low)
    return below, above


def _ordered(rows: list[list[int]], below: list[list[int]], above: list[list[int]]) -> list[list[int]]:
    """Return the rows in an order with few crossings: the best of some sweeps up and down."""
    best, fewest = rows, _crossings(rows, below)
    met = set[tuple[tuple[int, ...], ...]]()
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
        if upwards and (order := tuple(map(tuple, rows))) in met:
            break  # all that follows was there before
        elif upwards:
            met.add(order)
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
            if _saved(left, right, below, place) + _saved(left, right, above, place) > 0:
                row[i], row[i + 1] = right, left
                place[left], place[right] = i + 1, i


def _saved(left: int, right: int, joined: list[list[int]], place: dict[int, int]) -> int:
    """Return how many crossings with a neighbouring row an exchange of two neighbours saves."""
    ends = [place[other] for other in joined[right]]
    places = [place[other] for other in joined[left]]
    return sum([(one > other) - (one < other) for one in places for other in ends])


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
