"""The Triton dialect: each kernel as one launch, for float32 on CUDA.

A program instance has a tile of one lane's rows and columns; where a kernel needs whole rows, all columns.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
from collections.abc import Iterator
from functools import cache, lru_cache
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from archsearch.cache_folder import cache_folder
from archsearch.compiler.program.kernels import Kernel, Line
from archsearch.compiler.source_function import made
from archsearch.compiler.stacked.torch_dialect import Run

TILE, COLUMNS = 1024, 128
"""Numbers of a tile, and its columns at most where rows may be parted: fixed, since trying sizes out would decide bits."""


OPTIONS = {"num_warps": 4, "enable_fp_fusion": True}
"""Said to Triton, since its defaults change with its versions."""


@cache
def triton() -> ModuleType | None:
    """Return Triton, None where it is missing; what it compiles goes where all that may be deleted is."""
    if importlib.util.find_spec("triton") is None:
        return None
    os.environ.setdefault("TRITON_CACHE_DIR", str(cache_folder() / "triton"))
    return importlib.import_module("triton")


def installed() -> str | None:
    """Return Triton's version, None where it is missing."""
    module = triton()
    return None if module is None else str(module.__version__)


@cache
def functions(module: str = "archsearch.compiler.stacked.triton_functions") -> dict[str, Any]:
    """Return what a module that needs Triton has, by name: what printed kernels call, or kernels that are written out."""
    assert triton() is not None, "nobody asks for this dialect without Triton"
    found = vars(importlib.import_module(module))
    return {name: value for name, value in found.items() if not name.startswith("__")}


def launch(jitted: Any, grid: tuple[int, ...], *arguments: Any, **constants: int | str) -> None:
    """Launch a kernel.

    Args:
        jitted: What Triton made of it; it compiles it at the first call.
        grid: How many program instances there are.
        arguments: The kernel's; the first is a tensor.
        constants: Arguments that are compiled in, and options other than `OPTIONS`.
    """
    with torch.cuda.device_of(arguments[0]):  # Triton launches on the current device
        jitted[grid](*arguments, **{**OPTIONS, **constants})


@lru_cache(1024)
def compile_kernel(kernel: Kernel) -> Run:
    """Return the function that launches a kernel."""
    space = functions()
    jitted = space["triton"].jit(made(kernel.name, printed(kernel), space))

    def run(outside: Tensor, width: Tensor, *views: Tensor) -> None:
        lanes, _, wide = outside.shape
        rows = max(view.shape[1] for view in views)
        columns = power(wide) if kernel.reduces else min(COLUMNS, power(wide))
        tall = max(1, TILE // columns)
        grid = -(-rows // tall), -(-wide // columns), lanes
        places = [
            part
            for view in views
            for part in (view, view.stride(0), view.stride(1) if view.shape[1] > 1 else 0)
        ]
        launch(jitted, grid, width, *places, rows, wide, ROWS=tall, COLUMNS=columns)

    return run


def power(size: int) -> int:
    """Return the smallest power of two that is at least `size`."""
    return 1 << max(0, size - 1).bit_length()


def printed(kernel: Kernel) -> str:
    """Return a kernel as Triton code."""
    places = "".join(f"a{n}, a{n}_lane, a{n}_row, " for n in range(len(kernel.arguments)))
    head = f"def {kernel.name}(width, {places}rows, wide, ROWS: tl.constexpr, COLUMNS: tl.constexpr):"
    return "\n    ".join([head, *beginning(), *(_line(kernel, line) for line in kernel.lines)]) + "\n"


def beginning() -> Iterator[str]:
    """Yield the lines that say which rows and columns of which lane a program instance has."""
    yield "lane = tl.program_id(2).to(tl.int64)"
    yield "row = tl.program_id(0) * ROWS + tl.arange(0, ROWS)[:, None]"
    yield "column = tl.program_id(1) * COLUMNS + tl.arange(0, COLUMNS)[None, :]"
    yield "own = tl.load(width + lane)"
    yield "there = (row < rows) & (column < wide)"
    yield "inside = there & (column < own)"


def _line(kernel: Kernel, line: Line) -> str:
    match line.kind:
        case "load":
            return f"{line.name} = tl.load({_place(kernel, line)}, other=0.0)"
        case "store":
            return f"tl.store({_place(kernel, line, stored(kernel, line))})"
        case _:
            return f"{line.name} = {computed(line)}"


def computed(line: Line) -> str:
    """Return the value of a line that neither loads nor stores."""
    match line.kind:
        case "number":
            return f"tl.full([ROWS, COLUMNS], {line.text}, own.dtype)"
        case "root" | "mean":
            return f"{line.kind}({line.text}, inside, own)"
        case _:
            return line.text


def stored(kernel: Kernel, line: Line) -> str:
    """Return the value that a line stores: zeros beyond the lane's own width; a product would spread what is not finite."""
    return line.text if kernel.argument(line).narrow else f"tl.where(inside, {line.text}, 0.0)"


def _place(kernel: Kernel, line: Line, value: str = "") -> str:
    """Return the address of an argument, the value to be stored there, and where there is anything."""
    name = f"a{line.argument}"
    narrow = kernel.arguments[line.argument].narrow
    address = f"{name} + lane * {name}_lane + row * {name}_row{'' if narrow else ' + column'}"
    return ", ".join(part for part in (address, value, f"mask={'row < rows' if narrow else 'there'}") if part)
