"""Where a worker process begins: it ends with its driver, keeps standard output clean, and serves.

Torch is imported here and nowhere in the driver.
"""

from __future__ import annotations

import ctypes
import importlib
import os
import signal
import time
import traceback
from multiprocessing.connection import Connection
from threading import Thread

from archsearch.workers import messages
from archsearch.workers.guard import end_descendants_with_this
from archsearch.workers.messages import Failed

STOPPING = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
"""Signals that a whole group of processes gets when a person or the host ends a search. They are the driver's business:
it ends its workers, and what they were training is no death."""

PR_SET_PDEATHSIG = 1


def enter(pipe: Connection, device: str, data: str | None, driver: int) -> None:
    """Begin a worker process and serve until the driver is gone.

    Args:
        pipe: To the driver.
        device: "cpu" or a CUDA device such as "cuda:0".
        data: The folder of the tasks' files.
        driver: The driver's process id.
    """
    leave_signals_to_the_driver()
    die_with(driver)
    end_descendants_with_this()
    os.dup2(2, 1)  # a user's task may print
    try:
        process = importlib.import_module("archsearch.workers.process")
    except Exception:
        pipe.send_bytes(messages.encode(Failed(traceback.format_exc(), 1)))
        raise SystemExit(1) from None
    process.serve(pipe, device, data)


def leave_signals_to_the_driver() -> None:
    """Ignore what ends a search, and let the signals through that the driver held back meanwhile."""
    for number in STOPPING:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPING)


def die_with(driver: int) -> None:
    """Let this process end when the driver does, however the driver ends."""
    try:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    except AttributeError:  # not Linux
        Thread(target=_watch, args=(driver,), daemon=True).start()
    if os.getppid() != driver:
        os._exit(1)


def _watch(driver: int) -> None:
    while os.getppid() == driver:
        time.sleep(0.5)
    os._exit(1)
