"""Joins a Ray cluster, or starts one of our own: with a token, on loopback, without a dashboard."""

from __future__ import annotations

import importlib
import os
import secrets
import socket
from typing import Any

from archsearch.errors import InputError
from archsearch.workers.cluster.letters import Begin
from archsearch.workers.cluster.request import is_of_this_machine

LEAST_STORE = 100 * 2**20
"""Bytes of the object store of a cluster of our own, which holds the files of tasks and nothing else."""

CONNECT = 5.0
"""Seconds that a head has to take a connection."""

TOKEN = (
    "'ray get-auth-token --generate' makes one, in ~/.ray/auth_token; every node and the search need the same, as that "
    "file, as RAY_AUTH_TOKEN_PATH or as RAY_AUTH_TOKEN"
)
"""Where the secret of a cluster comes from."""


def join(begin: Begin, luggage: int) -> Any:
    """Return the module `ray`, which has joined a cluster.

    Args:
        begin: What was asked for.
        luggage: Bytes of the files of tasks.

    Raises:
        InputError: There is no such cluster, or it does not let us in.
    """
    os.environ["RAY_AUTH_MODE"] = "token"
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    if not begin.address or is_of_this_machine(begin.address):
        # Where Ray means to run on one machine alone, as this says, it listens on loopback and nowhere else.
        os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
    if begin.address:
        return _join_other(begin.address)
    return _start_own(begin.cores, max(LEAST_STORE, 2 * luggage))


def head_of(address: str) -> tuple[str, int]:
    """Return host and port of HOST:PORT."""
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)


def _start_own(cores: int, store: int) -> Any:
    """Start a cluster that ends with this process, and whose token no one else has."""
    os.environ.pop("RAY_AUTH_TOKEN_PATH", None)
    os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)
    ray: Any = importlib.import_module("ray")
    ray.init(
        address="local",
        num_cpus=cores,
        object_store_memory=store,
        include_dashboard=False,
        dashboard_host="127.0.0.1",
        log_to_driver=False,
        configure_logging=False,
    )
    return ray


def _join_other(address: str) -> Any:
    try:
        socket.create_connection(head_of(address), CONNECT).close()
    except OSError as error:
        raise InputError(
            f"nobody answers there ({error.strerror or error}); 'ray start --head' begins one"
        ) from None
    ray: Any = importlib.import_module("ray")
    try:
        ray.init(address=address, log_to_driver=False, configure_logging=False)
    except ray.exceptions.AuthenticationError:
        raise InputError(f"there is no token here; {TOKEN}") from None
    except (ConnectionError, ValueError, RuntimeError) as error:
        words = " ".join(str(error).split())[:300]
        raise InputError(
            f"it does not let this process in ({words}). Its token is another, or this machine is none of its nodes "
            f"('ray start --address={address}' makes it one). Of the token: {TOKEN}"
        ) from None
    return ray
