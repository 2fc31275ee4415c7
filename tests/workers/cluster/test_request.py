"""What `--cluster` may say, and what is said of clusters that others can reach."""

from __future__ import annotations

import importlib.util

import pytest

from archsearch.errors import InputError
from archsearch.workers.cluster.request import ClusterRequest, cluster_request


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    monkeypatch.delenv("RAY_ADDRESS", raising=False)


def test_without_ray_the_way_to_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"not installed: pip install archsearch\[cluster\]"):
        cluster_request("auto", "auto", None)


def test_auto_is_the_cluster_of_the_job_or_one_of_our_own(monkeypatch: pytest.MonkeyPatch) -> None:
    assert cluster_request("auto", "cpu", 3) == ClusterRequest("", "cpu", 3)
    monkeypatch.setenv("RAY_ADDRESS", "10.0.0.7:6379")
    assert cluster_request("auto", "auto", None).head == "10.0.0.7:6379"


@pytest.mark.parametrize("said", ["somewhere", "ray://10.0.0.7:10001", "10.0.0.7:", ":6379", "a:99999"])
def test_what_is_no_address_is_refused(said: str) -> None:
    with pytest.raises(InputError, match="it is auto or HOST:PORT"):
        cluster_request(said, "auto", None)


@pytest.mark.parametrize(("device", "workers"), [("cuda:0", None), ("cpu", 0)])
def test_devices_of_this_machine_and_no_workers_are_refused(device: str, workers: int | None) -> None:
    with pytest.raises(InputError, match="--device cuda:0: on a cluster|--workers 0"):
        cluster_request("auto", device, workers)


def test_a_cluster_on_the_network_comes_with_a_warning_and_one_on_loopback_without() -> None:
    assert "whoever has its token can run programs" in ClusterRequest("10.0.0.7:6379").warning
    quiet = [ClusterRequest(head) for head in ("", "127.0.0.1:6379", "localhost:6379", "[::1]:6379")]
    assert not any(request.warning for request in quiet)
