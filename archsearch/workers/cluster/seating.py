"""Says where in a cluster workers go: one per core or GPU, the nodes in turn, several to a GPU where more are wanted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import chain
from math import ceil
from typing import Any, NamedTuple


class Seat(NamedTuple):
    """Where a worker may be.

    Attributes:
        node: The node's id.
        place: Which of the node's.
        address: The node's.
        share: Of a GPU; 0 for a worker on a core.
        neighbours: How many are on the node.
    """

    node: str
    place: int
    address: str
    share: float
    neighbours: int

    @property
    def device(self) -> str:
        """Where it trains; Ray shows a worker nothing but the GPU that it was given."""
        return "cuda:0" if self.share else "cpu"


def seats_on(nodes: Iterable[Mapping[str, Any]], device: str, workers: int | None) -> list[Seat]:
    """Return the seats of a cluster, in the order in which they are taken.

    Args:
        nodes: As Ray describes them.
        device: "auto" for GPUs where there are some, else CPU cores; "cpu".
        workers: How many at most; None for one per core or GPU.
    """
    alive = [node for node in nodes if node["Alive"]]
    gpus = sum(_count(node, "GPU") for node in alive) if device == "auto" else 0
    shared = max(1, ceil((workers or 0) / gpus)) if gpus else 1
    rows = [_row(node, "GPU" if gpus else "CPU", shared) for node in alive]
    longest = max(map(len, rows), default=0)
    in_turn = chain.from_iterable(
        (row[index] for row in rows if index < len(row)) for index in range(longest)
    )
    return list(in_turn)[:workers]


def _row(node: Mapping[str, Any], resource: str, shared: int) -> list[Seat]:
    """Return the seats of a node."""
    count = _count(node, resource) * shared
    share = 1 / shared if resource == "GPU" else 0.0
    return [Seat(node["NodeID"], place, node["NodeManagerAddress"], share, count) for place in range(count)]


def _count(node: Mapping[str, Any], resource: str) -> int:
    return int(node["Resources"].get(resource, 0))
