"""Many distinct compiled cells through one process, as a worker of a long search meets them.

A cell is compiled once; each of the others gets a library of its own from it, since a real compiler takes 0.3 s. All else is
real: each is looked up in the cache, loaded, trained a step, and let go.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import torch

from archsearch.cell import library
from archsearch.compiler import Recurrent
from archsearch.compiler.native import build, call
from archsearch.compiler.native.call import compile_layer
from archsearch.compiler.native.source import source
from archsearch.compiler.native.toolchain import toolchain

TEXT = source(library.load("gru").canonical())


def text_of(number: int) -> str:
    """Return the source of one of many cells."""
    return f"{TEXT}\n// {number:16}"


def mappings() -> int:
    """Return how many pieces of memory this process has mapped; the system allows some 65,000."""
    return len(Path("/proc/self/maps").read_text().splitlines())


def copying_compiler(cache: Path) -> Callable[[list[str], str, float], tuple[int, str, str]]:
    """Compile a cell, and return a compiler that makes a library of its own for every source from it, at once.

    Args:
        cache: The empty folder that ARCHSEARCH_CACHE names.
    """
    compile_layer.cache_clear()
    call.gemm(False)
    compile_layer(TEXT, False, toolchain())
    (first,) = [path for path in cache.rglob("*.so") if b"tape_size" in path.read_bytes()]
    template = first.read_bytes()

    def copied(arguments: list[str], text: str, seconds: float) -> tuple[int, str, str]:
        Path(arguments[-1]).write_bytes(template + text[-20:].encode())
        return 0, "", ""

    return copied


def trained(number: int) -> torch.Tensor:
    """Return what one of many cells computes, of shape (2, 1, 4), after a step forward and backward."""
    layer = Recurrent("gru", 3, 4)
    layer._run.text = text_of(number)
    out = layer(torch.ones(2, 1, 3))[0]
    out.sum().backward()
    return out.detach()


def report(count: int) -> None:
    """Train many cells in this process and print its mappings and its memory as it goes."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["ARCHSEARCH_CACHE"] = folder
        build.run_compiler = copying_compiler(Path(folder))  # type: ignore[assignment]
        began = time.perf_counter()
        for number in range(count):
            trained(number)
            if number + 1 in {100, 300, 1_000, 3_000, 10_000, 30_000, count}:
                memory = psutil.Process().memory_info().rss / 2**20
                seconds = time.perf_counter() - began
                print(
                    f"{number + 1:>6} cells  {mappings()} mappings  {memory:.0f} MiB  {seconds:.0f} s",
                    flush=True,
                )
