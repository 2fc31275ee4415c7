"""Long sequences in stretches of time, with the bits of one run over all steps; see `stretches.cpp`.

What a stretch works on stays in cache, where one run over all steps fetches every array from memory several times. That
pays where the loop over time has no products, as its way back is run twice. A tape beyond a limit is not kept at all, but
made again from the states that stretches begin with.
"""

from __future__ import annotations

import ctypes
from array import array
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache, partial
from typing import Any

from archsearch.cell import Cell
from archsearch.compiler.native.build import HERE, function, library
from archsearch.compiler.native.call import CompiledLayer
from archsearch.compiler.native.limits import named_bytes
from archsearch.compiler.native.toolchain import Toolchain, toolchain
from archsearch.compiler.parameters import parameter_names, weight_name
from archsearch.compiler.program import Zone
from archsearch.compiler.program.program import program

ROWS = 1280
"""Steps times sequences of a stretch: few enough for the caches, and many enough for products at full speed."""

CACHE = 32 << 20
"""Bytes of tape and work that caches may hold: below, one run over all steps is as fast."""

LIMIT = "ARCHSEARCH_TAPE"
"""Names the variable with the bytes of a tape that are kept; a longer one is made again, stretch by stretch."""

DEFAULT = 1 << 30
"""What holds where it is not set."""


class _Stretches(ctypes.Structure):
    """`Stretches` of `stretches.cpp`.

    Attributes:
        held: What its pointers point to.
    """

    held: tuple[Any, ...]
    _fields_ = [
        *((name, ctypes.c_long) for name in ("steps", "keeps", "tape", "work", "states", "weights")),
        *((name, ctypes.c_void_p) for name in ("looped", "forward", "backward")),
    ]


@dataclass(frozen=True)
class Way:
    """How a layer runs over a sequence.

    Attributes:
        forward: Takes a `Layer` of `layer.h`.
        backward: Alike.
        tape_size: How many numbers the memory from forward to backward has.
        work_size: How many that for one call has.
    """

    forward: Callable[..., Any]
    backward: Callable[..., Any]
    tape_size: int
    work_size: int


def is_long(steps: int, batch: int) -> bool:
    """Whether a sequence of so many steps is longer than one stretch."""
    return steps > max(1, ROWS // batch)


def way(cell: Cell, built: CompiledLayer, sizes: tuple[int, int, int, int], number: int, back: bool) -> Way:
    """Return how a layer runs over a sequence: at once, or in stretches.

    Args:
        cell: In canonical form.
        built: Its functions.
        sizes: T, B, H, I.
        number: Bytes of a number.
        back: Whether it may go back.

    Raises:
        InputError: ARCHSEARCH_TAPE is no size.
    """
    tape, work = built.sizes(*sizes)
    if is_long(sizes[0], sizes[1]) and not (back and _shares(cell)):
        in_cache = (tape + work) * number <= CACHE
        if tape * number > named_bytes(LIMIT, DEFAULT) or not (back or in_cache):
            return _in_stretches(cell, built, sizes, number, keeps=False)
        if _scans(cell) and not in_cache:
            return _in_stretches(cell, built, sizes, number, keeps=True)
    return Way(built.forward, built.backward, tape, work)


@lru_cache(256)
def _shares(cell: Cell) -> bool:
    """Whether maps share a matrix: its gradient is a sum over all steps for one map, and then for the next."""
    return any(node.like is not None for node in cell.ops)


@lru_cache(256)
def _scans(cell: Cell) -> bool:
    """Whether the way back through the loop over time is short and leaves the tape as it is."""
    made = program(cell, row_by_row=True)
    places = {accumulator.place.zone for accumulator in made.plan.accumulators}
    return not made.plan.has_core_products and places <= {Zone.PROLOGUE}


def _in_stretches(
    cell: Cell, built: CompiledLayer, sizes: tuple[int, int, int, int], number: int, keeps: bool
) -> Way:
    """Return how a layer runs in stretches.

    Args:
        cell: In canonical form.
        built: Its functions.
        sizes: T, B, H, I.
        number: Bytes of a number.
        keeps: Whether the tapes of all stretches are kept.
    """
    driver = _driver(number == 8, toolchain())
    steps, batch, width, size = sizes
    length = max(1, ROWS // batch)
    tape, work = built.sizes(length, batch, width, size)
    made, names = program(cell, row_by_row=True), parameter_names(cell)
    summed = {weight_name(handle) for handle in made.looped}
    looped = array("B", [name in summed for name in names])
    stretches = _Stretches(
        steps=length,
        keeps=keeps,
        tape=tape,
        work=work,
        states=len(cell.state_nodes),
        weights=len(names),
        looped=looped.buffer_info()[0],
        forward=_address(built.forward),
        backward=_address(built.backward),
    )
    stretches.held = driver, looped, built
    here = ctypes.byref(stretches)
    numbers = [
        function(driver, f"stretches_{name}", ctypes.c_long, ctypes.c_void_p, *[ctypes.c_long] * 3)
        for name in ("tape", "work")
    ]
    forward, backward = (
        partial(function(driver, f"{name}_in_stretches", None, *[ctypes.c_void_p] * 2), here)
        for name in ("forward", "backward")
    )
    tape_size, work_size = (count(here, steps, batch, width) for count in numbers)
    return Way(forward=forward, backward=backward, tape_size=tape_size, work_size=work_size)


def _address(function: object) -> int | None:
    return ctypes.cast(function, ctypes.c_void_p).value  # type: ignore[arg-type]


@cache
def _driver(double: bool, tools: Toolchain) -> ctypes.CDLL:
    """Return what runs stretches, built once per host; the compiler is part of the key, since tests change it."""
    return library((HERE / "stretches.cpp").read_text(encoding="utf-8"), double)
