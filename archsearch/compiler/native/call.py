"""How generated functions are called: the structures of `layer.h`, filled with the addresses of tensors."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from functools import cache
from typing import Any

import torch
from torch import Tensor

from archsearch.compiler.native.build import HERE, library
from archsearch.compiler.native.toolchain import Toolchain, toolchain

PRODUCTS = ("pack", "pack_forward", "pack_backward", "run")
POINTERS = (
    "x", "xr", "w", "s0", "reset", "out", "sT", "tape", "work", "gemm", "dout", "dsT", "dx", "dxr", "dw", "ds0", "index",
)  # fmt: skip


class _Gemm(ctypes.Structure):
    _fields_ = [(name, ctypes.c_void_p) for name in PRODUCTS]


class _Layer(ctypes.Structure):
    _fields_ = [
        *((name, ctypes.c_long) for name in "TBHI"),
        *((name, ctypes.c_void_p) for name in POINTERS),
        ("different", ctypes.c_long),
    ]


def gemm(double: bool) -> tuple[_Gemm, ctypes.CDLL]:
    """Return the host's matrix product, built once, and the library that holds it.

    Raises:
        BuildError: There is no compiler, or it failed.
    """
    return _gemm(double, toolchain())


@cache
def _gemm(double: bool, tools: Toolchain) -> tuple[_Gemm, ctypes.CDLL]:
    built = library((HERE / "gemm.cpp").read_text(encoding="utf-8"), double)
    pointers = [ctypes.cast(getattr(built, f"gemm_{name}"), ctypes.c_void_p).value for name in PRODUCTS]
    return _Gemm(*pointers), built


class Call:
    """The arguments of one call; holds on to all that its pointers point to.

    Args:
        sizes: T, B, H, I.
        dtype: float32 or float64.
    """

    def __init__(self, sizes: tuple[int, ...], dtype: torch.dtype) -> None:
        self.layer = _Layer(*sizes)
        self.held: list[Any] = []
        self.layer.gemm = ctypes.addressof(gemm(dtype == torch.float64)[0])

    def set(self, **arrays: Tensor | Sequence[Tensor | None] | None) -> None:
        """Point at contiguous tensors, or at lists of them; None points nowhere."""
        for name, value in arrays.items():
            if isinstance(value, Tensor):
                setattr(self.layer, name, value.data_ptr())
            elif value is not None:
                addresses = (None if one is None else one.data_ptr() for one in value)
                pointers = (ctypes.c_void_p * max(1, len(value)))(*addresses)
                setattr(self.layer, name, ctypes.addressof(pointers))
                self.held.append(pointers)
            self.held.append(value)

    def run(self, function: Any) -> None:
        """Call a generated function."""
        function(ctypes.byref(self.layer))
