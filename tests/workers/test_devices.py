"""Which devices workers get: all GPUs where there are any, else the CPU's cores."""

import ctypes
import sys

import pytest
import torch

from archsearch.workers import devices
from archsearch.workers.devices import cuda_devices, recorded_device, worker_devices


@pytest.fixture(autouse=True)
def cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARCHSEARCH_CORES", "3")


def gpus(monkeypatch: pytest.MonkeyPatch, count: int, usable: bool = True) -> None:
    """Let there be a driver and so many GPUs, for a torch that can use them or not."""
    monkeypatch.setattr(ctypes, "CDLL", lambda name: name)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: usable)


def test_auto_is_one_worker_per_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    gpus(monkeypatch, 2)
    assert worker_devices("auto", None) == ("cuda:0", "cuda:1")
    assert worker_devices("auto", 3) == ("cuda:0", "cuda:1", "cuda:0")
    assert worker_devices("cpu", None) == ("cpu",) * 3


def test_auto_is_the_cpu_where_torch_cannot_use_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    gpus(monkeypatch, 1, usable=False)
    assert worker_devices("auto", None) == ("cpu",) * 3


def test_without_a_driver_torch_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "DRIVER", "libno-such-driver.so.1")
    monkeypatch.setitem(sys.modules, "torch", None)
    assert cuda_devices() == [] and worker_devices("auto", 2) == ("cpu", "cpu")


def test_what_was_recorded_on_a_cpu_is_made_again_there() -> None:
    assert recorded_device("auto", "native 1 (g++ 12.2.0, AVX-512)") == "cpu"
    assert recorded_device("auto", "stacked 1 (tf32, triton 3.9.0, lanes 1)") == "auto"
    assert recorded_device("cuda:1", "native 1") == "cuda:1"
