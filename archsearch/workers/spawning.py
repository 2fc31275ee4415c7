"""Starts worker processes: fresh interpreters that know nothing of the program that started them."""

from __future__ import annotations

import atexit
import os
import signal
import socket
import struct
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from types import ModuleType
from typing import Any

import multiprocess
from multiprocess import resource_tracker

from archsearch.errors import ArchsearchError
from archsearch.workers.entry import STOPPING
from archsearch.workers.guard import marked

HALF_A_MESSAGE = 2
"""Seconds that the rest of a message may take."""

NAME = "archsearch-worker-"


def spawn(
    main: Callable[..., None], place: int, device: str, data: str | None, *, patience: int = HALF_A_MESSAGE
) -> tuple[Any, Connection]:
    """Start a worker process; return it and the driver's end of the pipe to it.

    Args:
        main: What it runs: `entry.enter`, or what takes its place in tests.
        place: Its place in the pool, part of its name.
        device: "cpu" or a CUDA device.
        data: The folder of the tasks' files.
        patience: Seconds that the rest of a message may take, either way.

    Raises:
        ArchsearchError: The system gives no process.
    """
    context = multiprocess.get_context("spawn")
    ours, theirs = context.Pipe()
    _bound_waiting(ours, patience)
    arguments = (theirs, device, data, os.getpid())
    process = context.Process(target=main, args=arguments, daemon=True, name=f"{NAME}{place}")
    resource_tracker.ensure_running()  # process.start() would do it, and would let the signals through again
    try:
        with _signals_held_back(), _main_module_hidden(), marked():
            process.start()
    except OSError as error:
        raise ArchsearchError(f"a worker process cannot be started: {error.strerror}") from None
    theirs.close()
    return process, ours


@contextmanager
def _signals_held_back() -> Iterator[None]:
    """Hold back what ends a search, here and in the process that is started, until that ignores it."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _main_module_hidden() -> Iterator[None]:
    """Keep the process that is started from importing the user's script, which would search again in each worker."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def _bound_waiting(pipe: Connection, patience: int) -> None:
    """Let no read or write of a message that has begun wait for ever."""
    with socket.socket(fileno=os.dup(pipe.fileno())) as end:
        for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            end.setsockopt(socket.SOL_SOCKET, option, struct.pack("@ll", patience, 0))


@atexit.register  # runs before multiprocess's own, which would wait for workers that ignore its polite request
def _end_all() -> None:
    for process in multiprocess.active_children():
        if process.name.startswith(NAME):
            process.kill()


def cause_of_death(exit_code: int | None) -> str:
    """Return an exit code in words; None is a process that closed its pipe and lives on."""
    if exit_code is None:
        return "it closed its pipe"
    if exit_code >= 0:
        return f"exit code {exit_code}"
    try:
        return signal.Signals(-exit_code).name
    except ValueError:
        return f"signal {-exit_code}"
