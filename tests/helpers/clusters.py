"""A Ray cluster on this machine, on loopback alone, whose nodes tests start and kill; and outposts with fake workers.

As a program (`python -m tests.helpers.clusters`) this file is the parent of the nodes' processes, told by lines what to do.
"""

from __future__ import annotations

import importlib
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from typing import Any

import psutil

from archsearch.workers import pool
from archsearch.workers.cluster import bridge
from archsearch.workers.cluster.outpost import Outpost
from tests.helpers import fakes

STORE = 80_000_000
"""Bytes of a node's object store, about the least that Ray allows."""


class FakeOutpost(Outpost):
    """An outpost whose worker is that of `fakes`."""

    def __init__(self, *given: Any) -> None:
        pool._main = fakes.main
        super().__init__(*given)


def fake_bridge(pipe: Connection, device: str, data: str | None, driver: int) -> None:
    """Be the bridge of a driver whose outposts are fake."""
    bridge.Outpost = FakeOutpost  # type: ignore[misc]
    bridge.begin_bridge(pipe, device, data, driver)


class Cluster:
    """Nodes of one core each, numbered from 0, which is the head.

    Args:
        environment: Of the nodes.

    Attributes:
        variables: What a driver needs besides to get in.
        parent: The process that starts and kills nodes.
        address: Of the head.
        orphans: What killed nodes had started, which may outlive them.
    """

    def __init__(self, environment: dict[str, str]) -> None:
        self.variables = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
        alone = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0", "RAY_USAGE_STATS_ENABLED": "0"}
        self.parent = subprocess.Popen(
            [sys.executable, "-m", "tests.helpers.clusters"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**environment, **self.variables, **alone},
            text=True,
        )
        self.address = self._told("start")
        self.orphans: list[psutil.Process] = []

    def _told(self, line: str) -> str:
        assert self.parent.stdin is not None and self.parent.stdout is not None
        print(line, file=self.parent.stdin, flush=True)
        return self.parent.stdout.readline().strip()

    def start(self) -> None:
        """Start one node more."""
        assert self._told("start")

    def kill(self, number: int) -> None:
        """Kill the daemons of a node, as the loss of its machine would; what they started ends itself."""
        self.orphans += self._everything()
        assert self._told(f"kill {number}")

    @property
    def actors(self) -> list[psutil.Process]:
        """The processes of actors that have a worker process."""
        return [
            each
            for each in self._everything()
            if f"ray::{FakeOutpost.__name__}" in " ".join(_line(each)) and each.children()
        ]

    def stop(self) -> None:
        """End everything."""
        everything = [*self.orphans, *self._everything()]
        self.parent.kill()
        self.parent.communicate()
        for process in everything:
            with suppress(psutil.NoSuchProcess):  # nor another one that has its id by now
                process.kill()

    def _everything(self) -> list[psutil.Process]:
        return psutil.Process(self.parent.pid).children(recursive=True)


def _line(process: psutil.Process) -> list[str]:
    """Return the command line of a process; none of one that has ended."""
    with suppress(psutil.Error):
        return process.cmdline()
    return []


@contextmanager
def cluster(environment: dict[str, str], nodes: int) -> Iterator[Cluster]:
    """Give a cluster of some nodes; at the end no process of it is left."""
    made = Cluster(environment)
    try:
        for _ in range(nodes - 1):
            made.start()
        yield made
    finally:
        made.stop()


def main() -> None:
    """Start and kill nodes as the lines of standard input say; answer each with the address of the head."""
    utils: Any = importlib.import_module("ray.cluster_utils")
    made, nodes = utils.Cluster(), []
    for line in sys.stdin:
        if line.startswith("start"):
            nodes.append(made.add_node(object_store_memory=STORE, include_dashboard=False))
        else:
            processes = nodes[int(line.split()[1])].live_processes()
            for _, process in processes:
                process.send_signal(signal.SIGKILL)
            for _, process in processes:  # a raylet that nobody has taken leave of looks alive to its workers
                process.wait()
        print(made.address, flush=True)


if __name__ == "__main__":
    main()
