"""Listens at one address of this machine and shows a run's pages there, until it is stopped."""

from __future__ import annotations

import errno
import secrets
import socket
from collections.abc import Callable
from pathlib import Path

import uvicorn

from archsearch.errors import InputError
from archsearch.reports.dashboard.app import build_app
from archsearch.reports.dashboard.guards import bracketed, is_loopback
from archsearch.reports.dashboard.live import LiveRun

WAITING = 32
"""Requests that wait to be taken."""


def show_run(
    folder: Path, pointer: str, host: str, port: int, with_token: bool, *, said: Callable[[str], object]
) -> None:
    """Show a run's pages until the process is told to stop.

    Args:
        folder: The run's.
        pointer: How a shell command names it.
        host: The address that is listened at.
        port: The port; 0 for any that is free.
        with_token: Whether only who has a token is answered; it is made here and is part of the address.
        said: Takes the address, once it answers.

    Raises:
        InputError: The address cannot be listened at, or others reach it and there is no token.
        StoreError: The run cannot be read.
    """
    if not is_loopback(host) and not with_token:
        raise InputError(
            f"--host {host}: others may reach that address; give --token too, or leave --host away for this machine alone"
        )
    live = LiveRun(folder, pointer)
    live.snapshot()
    token = secrets.token_urlsafe(32) if with_token else None
    with listening(host, port) as listener:
        app = build_app(live, host, token)
        server = uvicorn.Server(
            uvicorn.Config(
                app,
                http="h11",
                ws="none",
                lifespan="off",
                interface="asgi3",
                access_log=False,
                log_level="warning",
                proxy_headers=False,
                server_header=False,
                limit_concurrency=WAITING,
                timeout_graceful_shutdown=2,
            )
        )
        address = f"http://{bracketed(host)}:{listener.getsockname()[1]}/"
        said(address + (f"?token={token}" if token else ""))
        server.run(sockets=[listener])


def listening(host: str, port: int) -> socket.socket:
    """Return a socket that listens at one address.

    Args:
        host: The address.
        port: The port; 0 for any that is free.

    Raises:
        InputError: That is not possible.
    """
    if host in ("", "0.0.0.0", "::", "*"):
        raise InputError(f"--host {host or '(empty)'}: name one address of this machine, not all of them")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(WAITING)
        except BaseException:
            listener.close()
            raise
    except (OSError, UnicodeError) as error:
        if getattr(error, "errno", None) == errno.EADDRINUSE:
            raise InputError(
                f"port {port} of {host} is in use; give another with --port, or --port 0 for any that is free"
            ) from None
        raise InputError(
            f"--host {host} --port {port}: {getattr(error, 'strerror', None) or error}"
        ) from None
    return listener
