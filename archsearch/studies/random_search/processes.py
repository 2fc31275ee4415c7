"""Trials of the random search side by side, in processes of their own; how many there are changes no result."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager

import torch

from archsearch.errors import ArchsearchError
from archsearch.studies.random_search.material import Material
from archsearch.studies.random_search.training import SearchTrial, TrialJob, train_trial


def trained(jobs: Sequence[TrialJob], material: Material, workers: int) -> Iterator[SearchTrial]:
    """Yield trials as they end.

    Args:
        jobs: What is trained.
        material: On what.
        workers: Processes; with one it is done here.

    Raises:
        ArchsearchError: The host has ended a process.
    """
    if workers == 1 or len(jobs) < 2:
        with _one_thread():
            yield from (train_trial(job, material) for job in jobs)
        return
    before = set(multiprocessing.active_children())
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(workers, len(jobs)), context, _enter) as pool:
        try:
            with _interrupts_held_back():
                waited_for = [pool.submit(train_trial, job, material) for job in jobs]
            for ended in as_completed(waited_for):
                yield ended.result()
        except BrokenProcessPool:
            raise ArchsearchError(
                "a process of the study was ended by the host, such as for memory; what has ended is kept, "
                "and the same command with fewer --workers goes on"
            ) from None
        finally:  # an interrupted study waits for nobody
            pool.shutdown(wait=False, cancel_futures=True)
            for process in set(multiprocessing.active_children()) - before:
                process.kill()


@contextmanager
def _one_thread() -> Iterator[None]:
    """Sum in the order in which a process of a study with several sums."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@contextmanager
def _interrupts_held_back() -> Iterator[None]:
    """Hold back Ctrl-C, here and for good in the processes that are started, which leave it to this one."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _enter() -> None:
    """Make a process ready: it has one thread, and ends with the one that started it."""
    torch.set_num_threads(1)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
