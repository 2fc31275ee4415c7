"""Where workers go in a cluster: one per core or GPU, over the nodes in turn."""

from __future__ import annotations

from typing import Any

from archsearch.workers.cluster.seating import seats_on


def node(name: str, alive: bool = True, **resources: float) -> dict[str, Any]:
    return {"NodeID": name, "NodeManagerAddress": f"{name}.here", "Alive": alive, "Resources": resources}


def places(*nodes: dict[str, Any], device: str = "auto", workers: int | None = None) -> list[tuple[str, int]]:
    return [(seat.node, seat.place) for seat in seats_on(nodes, device, workers)]


def test_there_is_a_worker_per_core_of_every_node_that_lives() -> None:
    nodes = node("a", CPU=2.0), node("b", CPU=1.0), node("c", alive=False, CPU=4.0), node("d", memory=1e9)
    assert places(*nodes) == [("a", 0), ("b", 0), ("a", 1)]
    assert {(seat.device, seat.share) for seat in seats_on(nodes, "auto", None)} == {("cpu", 0.0)}


def test_fewer_workers_than_cores_are_spread_over_the_nodes() -> None:
    nodes = node("a", CPU=8.0), node("b", CPU=8.0)
    assert places(*nodes, workers=3) == [("a", 0), ("b", 0), ("a", 1)]


def test_where_there_are_gpus_they_train_alone_unless_the_cores_are_asked_for() -> None:
    nodes = node("a", CPU=16.0, GPU=2.0), node("b", CPU=16.0)
    assert places(*nodes) == [("a", 0), ("a", 1)]
    assert len(places(*nodes, device="cpu")) == 32
    assert {(seat.device, seat.share) for seat in seats_on(nodes, "auto", None)} == {("cuda:0", 1.0)}


def test_more_workers_than_gpus_share_them() -> None:
    seats = seats_on([node("a", GPU=2.0), node("b", GPU=1.0)], "auto", 5)
    assert [(seat.node, seat.place) for seat in seats] == [("a", 0), ("b", 0), ("a", 1), ("b", 1), ("a", 2)]
    assert {seat.share for seat in seats} == {0.5}


def test_workers_share_the_memory_of_their_node_with_their_neighbours() -> None:
    seats = seats_on([node("a", CPU=3.0), node("b", CPU=1.0)], "cpu", None)
    assert {(seat.node, seat.neighbours) for seat in seats} == {("a", 3), ("b", 1)}
