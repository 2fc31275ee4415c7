"""How long the first call of a cell takes: to generate, compile and load it; and where the cache has it, to load it."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from archsearch.cell import Cell
from archsearch.compiler.native.build import BRIEF, library
from archsearch.compiler.native.source import source
from archsearch.compiler.program.program import program

CACHE = "ARCHSEARCH_CACHE"


def compile_seconds(cell: Cell) -> dict[str, float]:
    """Return the seconds that a cell takes `cold`, new to this machine, and `cached`, new to the process.

    The matrix product is no part of it: it is built once per machine, not per cell.

    Raises:
        BuildError: There is no compiler, or it failed.
    """
    with tempfile.TemporaryDirectory() as folder:
        first, second = Path(folder, "first"), Path(folder, "second")
        cold = _seconds(cell, first)
        shutil.copytree(first, second)  # files of their own, which the process has not loaded yet
        return {"cold": cold, "cached": _seconds(cell, second)}


def _seconds(cell: Cell, cache: Path) -> float:
    cell = Cell.parse(cell.text())  # without what the object remembers
    for remembers in (program, source):
        remembers.cache_clear()
    with variable_set(CACHE, str(cache)):
        began = time.perf_counter()
        library(source(cell.canonical()), False, BRIEF)
        return time.perf_counter() - began


@contextmanager
def variable_set(variable: str, value: str) -> Iterator[None]:
    """Let a variable of the environment have a value for a while, such as a folder of what is compiled."""
    before = os.environ.get(variable)
    os.environ[variable] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[variable]
        else:
            os.environ[variable] = before
