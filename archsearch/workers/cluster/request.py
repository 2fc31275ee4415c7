"""What a person says of the cluster that is to train."""

from __future__ import annotations

import importlib.util
import ipaddress
import os
from dataclasses import dataclass

from archsearch.errors import InputError

AUTO = "auto"
"""The cluster that RAY_ADDRESS names, as Ray sets it for the jobs that it runs, or else one of our own."""


@dataclass(frozen=True)
class ClusterRequest:
    """A cluster that is to train.

    Attributes:
        head: HOST:PORT of its head; empty for one of our own on this machine alone.
        device: "auto" for GPUs where there are some, else CPU cores; "cpu".
        workers: How many at most; None for one per core or GPU.
    """

    head: str
    device: str = "auto"
    workers: int | None = None

    @property
    def named(self) -> str:
        """What people call it."""
        return f"the Ray cluster at {self.head}" if self.head else "the Ray cluster on this machine"

    @property
    def warning(self) -> str:
        """What to say of a cluster that others can reach; empty for one that they cannot."""
        if not self.head or is_of_this_machine(self.head):
            return ""
        return (
            f"{self.named} can be reached from the network: whoever has its token can run programs on all of its nodes, "
            "and Ray encrypts nothing by default. Keep it in a network that you trust"
        )


def cluster_request(said: str, device: str, workers: int | None) -> ClusterRequest:
    """Return what `--cluster`, `--device` and `--workers` ask for.

    Args:
        said: "auto" or HOST:PORT.
        device: "auto" or "cpu".
        workers: How many at most; None for all that there is room for.

    Raises:
        InputError: It is neither, or Ray is not installed.
    """
    if importlib.util.find_spec("ray") is None:
        raise InputError("--cluster needs Ray, which is not installed: pip install archsearch[cluster]")
    if device not in ("auto", "cpu"):
        raise InputError(
            f"--device {device}: on a cluster it is auto (its GPUs, else its CPU cores) or cpu; Ray says which GPU is whose"
        )
    if workers is not None and workers < 1:
        raise InputError(f"--workers {workers}: a search needs at least 1 worker")
    head = os.environ.get("RAY_ADDRESS", "") if said == AUTO else said
    host, _, port = head.rpartition(":")
    if head and not (host and "/" not in host and port.isdecimal() and 0 < int(port) < 1 << 16):
        whose = "RAY_ADDRESS is" if said == AUTO else "--cluster"
        raise InputError(
            f"{whose} {head!r}: it is auto or HOST:PORT, as 'ray start --head' prints it. The search runs on a node of "
            "the cluster; from elsewhere 'ray job submit' brings it there"
        )
    return ClusterRequest(head, device, workers)


def is_of_this_machine(head: str) -> bool:
    """Whether a HOST:PORT is of this machine alone."""
    host = head.rpartition(":")[0].strip("[]")
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
