"""The native engine: a cell as compiled C++, called through one autograd function."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from archsearch.cell import Cell
from archsearch.compiler.native.build import HERE, library
from archsearch.compiler.native.source import parameter_names, source
from archsearch.compiler.parameters import PROJECTION

States = tuple[Tensor, ...]
Pointers = Sequence[Tensor | None]


class _Gemm(ctypes.Structure):
    _fields_ = [(name, ctypes.c_void_p) for name in ("pack", "pack_forward", "pack_backward", "run")]


class _Layer(ctypes.Structure):
    _fields_ = (
        [(name, ctypes.c_long) for name in "TBHI"]
        + [(name, ctypes.c_void_p) for name in ("x", "xr", "w", "s0", "reset", "out", "sT", "tape", "work", "gemm")]
        + [(name, ctypes.c_void_p) for name in ("dout", "dsT", "dx", "dxr", "dw", "ds0", "index")]
        + [("different", ctypes.c_long)]
    )


@lru_cache(maxsize=2)
def gemm(double: bool) -> tuple[_Gemm, ctypes.CDLL]:
    """Return the host's matrix product, built once."""
    built = library((HERE / "gemm.cpp").read_text(encoding="utf-8"), double)
    names = [name for name, _ in _Gemm._fields_]
    pointers = [ctypes.cast(getattr(built, f"gemm_{name}"), ctypes.c_void_p).value for name in names]
    return _Gemm(*pointers), built


class Native:
    """A cell in canonical form, compiled when it is first run; see `engines.Engine`."""

    def __init__(self, cell: Cell) -> None:
        self.names = parameter_names(cell)
        self.reads_x = cell.needs_projection
        self.text = source(cell)
        self.libraries: dict[bool, ctypes.CDLL] = {}
        self.free: dict[tuple[str, int, torch.dtype], list[Tensor]] = {}

    def built(self, double: bool) -> ctypes.CDLL:
        """Return the cell's library for a precision."""
        if double not in self.libraries:
            built = library(self.text, double)
            for name in ("tape_size", "work_size"):
                function = getattr(built, name)
                function.restype, function.argtypes = ctypes.c_long, [ctypes.c_long] * 4
            self.libraries[double] = built
        return self.libraries[double]

    def take(self, kind: str, size: int, dtype: torch.dtype) -> Tensor:
        """Return a buffer, used again where one is free: fresh memory costs a page fault per 4 KiB."""
        free = self.free.setdefault((kind, size, dtype), [])
        return free.pop() if free else torch.empty(size, dtype=dtype)

    def give_back(self, kind: str, buffer: Tensor) -> None:
        """Keep a buffer for the next call."""
        self.free[kind, buffer.numel(), buffer.dtype].append(buffer)

    def __call__(
        self, weights: Mapping[str, Tensor], x: Tensor, states: States, reset: Tensor | None
    ) -> tuple[Tensor, States]:  # fmt: skip
        """Run one layer over a sequence; see `engines.Engine`."""
        raw = None
        if self.reads_x:
            raw = torch.nn.functional.linear(x, weights[PROJECTION]) if PROJECTION in weights else x
        ordered = [weights[name] for name in self.names]
        out, *after = _Sequence.apply(self, reset, len(states), x, raw, *states, *ordered)
        return out, tuple(after)


class _Sequence(torch.autograd.Function):
    """One layer over a whole sequence."""

    @staticmethod
    def forward(ctx: Any, engine: Native, reset: Tensor | None, count: int, x: Tensor, raw: Tensor | None, *rest: Tensor) -> Any:
        x, raw = x.contiguous(), None if raw is None else raw.contiguous()
        tensors = [tensor.contiguous() for tensor in rest]
        states, weights = tensors[:count], tensors[count:]
        steps, batch, inputs = x.shape
        width = states[0].shape[-1]
        built = engine.built(x.dtype == torch.float64)
        sizes = steps, batch, width, inputs
        tape = engine.take("tape", built.tape_size(*sizes), x.dtype)
        work = engine.take("work", built.work_size(*sizes), x.dtype)
        out = x.new_empty(steps, batch, width)
        after = [x.new_empty(batch, width) for _ in states]
        mask = None if reset is None else reset.contiguous().view(torch.uint8)
        call = _Call(sizes, x.dtype)
        call.set(x=x, xr=raw, w=weights, s0=states, reset=mask, out=out, sT=after, tape=tape, work=work)
        call.run(built.forward)
        engine.give_back("work", work)
        ctx.engine, ctx.tape, ctx.sizes, ctx.mask, ctx.count = engine, tape, sizes, mask, count
        ctx.save_for_backward(x, raw, *tensors)
        return (out, *after)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dout: Tensor | None, *dafter: Tensor | None) -> Any:
        if ctx.tape is None:
            raise RuntimeError("Trying to backward through a native layer a second time: its buffers were overwritten by the first")
        x, raw, *tensors = ctx.saved_tensors
        states, weights = tensors[: ctx.count], tensors[ctx.count :]
        engine, tape = ctx.engine, ctx.tape
        ctx.tape = None
        built = engine.built(x.dtype == torch.float64)
        work = engine.take("work", built.work_size(*ctx.sizes), x.dtype)
        dout = x.new_zeros(*x.shape[:2], states[0].shape[-1]) if dout is None else dout.contiguous()
        dlast = [None if one is None else one.contiguous() for one in dafter]
        dx = torch.zeros_like(x) if ctx.needs_input_grad[3] else None
        draw = torch.empty_like(raw) if raw is not None and ctx.needs_input_grad[4] else None
        dstates = [torch.empty_like(state) for state in states]
        dweights = [torch.zeros_like(weight) for weight in weights]
        call = _Call(ctx.sizes, x.dtype)
        call.set(
            x=x, xr=raw, w=weights, s0=states, reset=ctx.mask, tape=tape, work=work, dout=dout, dsT=dlast, dx=dx, dxr=draw,
            dw=dweights, ds0=dstates,
        )  # fmt: skip
        call.run(built.backward)
        engine.give_back("work", work)
        engine.give_back("tape", tape)
        return None, None, None, dx, draw, *dstates, *dweights


class _Call:
    """The arguments of one call; holds on to all that its pointers point to."""

    def __init__(self, sizes: tuple[int, ...], dtype: torch.dtype) -> None:
        self.layer = _Layer(*sizes)
        self.held: list[Any] = []
        product = gemm(dtype == torch.float64)[0]
        self.layer.gemm = ctypes.addressof(product)

    def set(self, **arrays: Tensor | Pointers | None) -> None:
        """Point at tensors, or at lists of them."""
        for name, value in arrays.items():
            if isinstance(value, Tensor) or value is None:
                setattr(self.layer, name, None if value is None else value.data_ptr())
                self.held.append(value)
            else:
                pointers = (ctypes.c_void_p * max(1, len(value)))(*(None if one is None else one.data_ptr() for one in value))
                setattr(self.layer, name, ctypes.addressof(pointers))
                self.held.append((pointers, value))

    def run(self, function: Any) -> None:
        """Call a generated function."""
        function(ctypes.byref(self.layer))
