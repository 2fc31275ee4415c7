"""Where workers train: the CUDA devices or the CPU's cores, found out without loading torch where it can help nothing."""

from __future__ import annotations

import ctypes
import importlib
import os
import sys

from archsearch.compiler.engine_names import trains_stacks
from archsearch.errors import InputError

DRIVER = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"


def cuda_devices() -> list[str]:
    """Return the names of the CUDA devices that torch can use here."""
    try:
        ctypes.CDLL(DRIVER)
    except OSError:
        return []
    torch = importlib.import_module("torch")
    if not torch.cuda.is_available():
        return []
    return [f"cuda:{number}" for number in range(torch.cuda.device_count())]


def cpu_cores() -> int:
    """Return how many CPU cores this process may use; ARCHSEARCH_CORES says otherwise.

    Raises:
        InputError: ARCHSEARCH_CORES is no positive number.
    """
    said = os.environ.get("ARCHSEARCH_CORES")
    if said is None:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if not said.isdecimal() or int(said) < 1:
        raise InputError(f"ARCHSEARCH_CORES is {said!r}; it must be a positive number")
    return int(said)


def worker_devices(device: str, workers: int | None) -> tuple[str, ...]:
    """Return one device per worker.

    Args:
        device: "auto", which is all CUDA devices or else the CPU, "cpu", or CUDA devices separated by commas.
        workers: How many workers; None for one per core, or one per CUDA device.

    Raises:
        InputError: More workers than cores, none at all, or an unknown device.
    """
    if workers is not None and workers < 1:
        raise InputError(f"--workers {workers}: a search needs at least 1 worker")
    if device == "auto":
        device = ",".join(cuda_devices()) or "cpu"
    if device == "cpu":
        return ("cpu",) * _workers_on_cpu(workers)
    names = tuple(part.strip() for part in device.split(","))
    for name in names:
        if name != "cuda" and not (name.startswith("cuda:") and name[5:].isdecimal()):
            raise InputError(
                f"--device {device}: {name!r} is no device; allowed: auto, cpu, cuda:0, cuda:0,cuda:1 …"
            )
    return tuple(names[index % len(names)] for index in range(workers or len(names)))


def _workers_on_cpu(workers: int | None) -> int:
    if workers is not None and workers > cpu_cores():
        raise InputError(
            f"--workers {workers}: this machine has {cpu_cores()} CPU cores, and every worker keeps one busy; "
            f"give at most {cpu_cores()} (ARCHSEARCH_CORES=N if the count is wrong)"
        )
    return workers or cpu_cores()


def recorded_device(device: str, engine: str) -> str:
    """Return what "auto" means where records are made again: the CPU for those of engines that run there."""
    return "cpu" if device == "auto" and not trains_stacks(engine) else device
