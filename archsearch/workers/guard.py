"""Lets all that a worker has started end with it, however it ends: compilers, and children of a user's task.

They are in the worker's process group. One that has left it, as a daemon does, is known by a mark: the environment that a
process begins with is inherited, and Linux shows it to its owner.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import select
import signal
import time
from collections.abc import Iterator
from pathlib import Path

MARK = "ARCHSEARCH_WORKER"

MOST_FILES = 4096
"""More than the descriptors that a process has when it begins."""

LOOKS, WAIT = 100, 0.01
"""How often marked processes are looked for, which may start others meanwhile, and the seconds between two looks."""


@contextlib.contextmanager
def marked() -> Iterator[None]:
    """Give the process that is started meanwhile a mark of its own."""
    before = os.environ.get(MARK)
    os.environ[MARK] = secrets.token_hex(8)
    try:
        yield
    finally:
        del os.environ[MARK]
        if before is not None:  # this process is itself the child of a worker
            os.environ[MARK] = before


def end_descendants_with_this() -> None:
    """Let all that this process will start end when it does.

    A child that does nothing but wait ends them; it holds no file, so that nobody takes it for this process.
    """
    os.setsid()
    process = os.getpid()
    if os.fork():
        return
    os.setsid()
    alive = _opened(process)
    for begin, end in [(0, MOST_FILES)] if alive is None else [(0, alive), (alive + 1, MOST_FILES)]:
        os.closerange(begin, end)
    if alive is None:
        while os.getppid() == process:
            time.sleep(0.5)
    else:
        select.select([alive], [], [])
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process, signal.SIGKILL)
    _end_marked()
    os._exit(0)


def _opened(process: int) -> int | None:
    """Return a descriptor of a process; None where the system has none, or the process has ended already."""
    with contextlib.suppress(ProcessLookupError):
        return os.pidfd_open(process) if hasattr(os, "pidfd_open") else None
    return None


def _end_marked() -> None:
    """End every process that began with the mark of this one; none where the system does not show them."""
    mark = f"{MARK}={os.environ.get(MARK)}".encode()
    for _ in range(LOOKS):
        found = [process for process in _others() if mark in _environment(process)]
        if not found:
            return
        for process in found:
            with contextlib.suppress(OSError):
                os.kill(process, signal.SIGKILL)
        time.sleep(WAIT)


def _others() -> list[int]:
    """Return the ids of all other processes; none on systems that have no list of them."""
    with contextlib.suppress(OSError):
        return [int(name) for name in os.listdir("/proc") if name.isdecimal() and int(name) != os.getpid()]
    return []


def _environment(process: int) -> list[bytes]:
    """Return what a process began with; nothing of one that has ended or is another user's."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{process}/environ").read_bytes().split(b"\0")
    return []
