"""How generated functions are called: the structures of `layer.h`, filled with the addresses of tensors."""

from __future__ import annotations

import ctypes
import os
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archsearch.compiler.native.build import BRIEF, HERE, THOROUGH, function, library
from archsearch.compiler.native.toolchain import Toolchain, toolchain
from archsearch.errors import BuildError

if TYPE_CHECKING:
    from torch import Tensor

LAYERS = 256
"""Compiled cells that stay loaded, besides those that somebody holds."""

WIDEST = "AVX-512"
"""The vectors that the products which round are written for, as `Toolchain.instructions` says it."""

TILES = frozenset({"amx_tile", "amx_bf16"})
"""What a processor says that multiplies tiles of bfloat16."""

PRODUCTS = ("pack", "pack_forward", "pack_backward", "run", "run_once")
POINTERS = (
    "x",
    "xr",
    "w",
    "s0",
    "reset",
    "out",
    "sT",
    "tape",
    "work",
    "gemm",
    "dout",
    "dsT",
    "dx",
    "dxr",
    "dw",
    "ds0",
    "index",
)
NUMBERS = ("different", "adding", "brief")


class _Gemm(ctypes.Structure):
    _fields_ = [(name, ctypes.c_void_p) for name in PRODUCTS]


class _Layer(ctypes.Structure):
    _fields_ = [
        *((name, ctypes.c_long) for name in "TBHI"),
        *((name, ctypes.c_void_p) for name in POINTERS),
        *((name, ctypes.c_long) for name in NUMBERS),
    ]


def gemm(double: bool, parts: int = 0) -> tuple[_Gemm, ctypes.CDLL]:
    """Return the host's matrix product, built once, and the library that holds it.

    Args:
        double: Whether its numbers are float64, else float32.
        parts: How many bfloat16 numbers stand for a float32 one that is multiplied, 1 or 2; 0 if it stays as it is.

    Raises:
        BuildError: There is no compiler, it failed, or the processor does not multiply bfloat16.
    """
    return _gemm(double, 0 if double else parts, toolchain())


@cache
def _gemm(double: bool, parts: int, tools: Toolchain) -> tuple[_Gemm, ctypes.CDLL]:
    if parts:
        built = _tiled(parts, tools) or library(_text("gemm_bf16.cpp"), double, _with_bf16(parts, tools))
    else:
        built = library(_text("gemm.cpp"), double)
    pointers = [ctypes.cast(getattr(built, f"gemm_{name}"), ctypes.c_void_p).value for name in PRODUCTS]
    return _Gemm(*pointers), built


def _text(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")


def has_tiles(product: ctypes.CDLL) -> bool:
    """Whether the library of a product multiplies on the processor's tiles."""
    return hasattr(product, "gemm_permitted")


def _tiled(parts: int, tools: Toolchain) -> ctypes.CDLL | None:
    """Return the product on tiles, None where there are none, or `ARCHSEARCH_AMX=0` does not want them."""
    if os.environ.get("ARCHSEARCH_AMX") == "0" or not flags_of_processor() >= TILES:
        return None
    built = library(_text("gemm_tiles.cpp"), False, _with_bf16(parts, tools))
    return built if built.gemm_permitted() else None


def _with_bf16(parts: int, tools: Toolchain) -> tuple[str, ...]:
    """Return how a product that rounds is optimised, for the vectors that cells are compiled for.

    Args:
        parts: See `gemm`.
        tools: The compiler.

    Raises:
        BuildError: They are narrower, or the processor does not multiply bfloat16.
    """
    if tools.instructions != WIDEST or "avx512_bf16" not in flags_of_processor():
        raise BuildError(
            f"the processor, or code for {tools.instructions}, has no AVX512-BF16, by which bfloat16 is multiplied"
        )
    return (*THOROUGH, "-mavx512bf16", f"-DPARTS={parts}")


@cache
def flags_of_processor() -> frozenset[str]:
    """Return what the processor says that it can do, nothing where the system does not tell."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return frozenset()
    return frozenset(next((line for line in lines if line.startswith("flags")), "").split())


@dataclass(frozen=True)
class CompiledLayer:
    """A cell's compiled functions; its library stays in memory as long as one of them is held.

    Attributes:
        forward: Takes a `_Layer`.
        backward: Alike.
        sizes: From T, B, H, I to the numbers that the tape and the memory for one call have.
        forward_sizes: The same where nobody goes backward.
        product: The host's matrix product.
    """

    forward: Callable[..., Any]
    backward: Callable[..., Any]
    sizes: Callable[..., tuple[int, int]]
    forward_sizes: Callable[..., tuple[int, int]]
    product: _Gemm


@lru_cache(LAYERS)
def compile_layer(text: str, double: bool, tools: Toolchain, parts: int = 0) -> CompiledLayer:
    """Return the functions of a cell's source.

    Args:
        text: The source.
        double: Whether its numbers are float64, else float32.
        tools: The compiler, part of the key, since tests change it.
        parts: See `gemm`.

    Raises:
        BuildError: There is no compiler, or it failed.
    """
    built = library(text, double, BRIEF)
    tape_size, work_size, forward_size = (
        function(built, f"{name}_size", ctypes.c_long, *[ctypes.c_long] * 4)
        for name in ("tape", "work", "forward")
    )
    forward, backward = (function(built, name, None, ctypes.c_void_p) for name in ("forward", "backward"))

    @lru_cache(64)
    def sizes(*shape: int) -> tuple[int, int]:
        return tape_size(*shape), work_size(*shape)

    def forward_sizes(*shape: int) -> tuple[int, int]:
        return tape_size(*shape), forward_size(*shape)

    product, _ = gemm(double, parts)
    return CompiledLayer(
        forward=forward, backward=backward, sizes=sizes, forward_sizes=forward_sizes, product=product
    )


class Call:
    """The arguments of one call; holds on to all that its pointers point to.

    Args:
        sizes: T, B, H, I.
        product: The host's matrix product.

    Attributes:
        layer: The structure that a function is given.
        held: What its pointers point to.
    """

    def __init__(self, sizes: tuple[int, ...], product: _Gemm) -> None:
        self.layer = _Layer(*sizes)
        self.layer.gemm = ctypes.addressof(product)
        self.held: list[Any] = [product]

    def set(self, **tensors: Tensor | None) -> None:
        """Point at contiguous tensors, each of the shape that `layer.h` says; None points nowhere."""
        for name, tensor in tensors.items():
            if tensor is not None:
                setattr(self.layer, name, tensor.data_ptr())
        self.held.append(tensors)

    def lists(self, **lists: Sequence[Tensor | None]) -> None:
        """Point at lists of contiguous tensors, each of the shape that `layer.h` says; None points nowhere."""
        for name, tensors in lists.items():
            pointers = array("Q", [0 if tensor is None else tensor.data_ptr() for tensor in tensors])
            setattr(self.layer, name, pointers.buffer_info()[0])
            self.held += (pointers, tensors)

    def run(self, function: Callable[..., Any]) -> None:
        """Call a generated function."""
        function(ctypes.byref(self.layer))
