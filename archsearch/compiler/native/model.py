"""A whole model in native code: one call trains it on many windows, or evaluates it. CPU, one thread, no dropout."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Protocol

import torch
from torch import Tensor

from archsearch.cell import Cell
from archsearch.cell.graph import is_input_linear
from archsearch.compiler.native.build import HERE, library
from archsearch.compiler.native.engine import gemm
from archsearch.compiler.native.source import parameter_names, source
from archsearch.compiler.parameters import learned

ALIGNED = 16
"""Parameters begin at multiples of so many numbers; what lies between stays zero."""

PARTS = ("head.h", "optimiser.h", "model.cpp")


class WindowData(Protocol):
    """One window: int64 `inputs` (T, B), `targets` (scored,), their positions in T·B or None for all, bool `reset` (T, B)."""

    @property
    def inputs(self) -> Tensor: ...
    @property
    def targets(self) -> Tensor: ...
    @property
    def scored(self) -> Tensor | None: ...
    @property
    def reset(self) -> Tensor | None: ...


@dataclass(frozen=True, slots=True)
class Optimiser:
    """What an update does, with torch's defaults.

    Attributes:
        adaptive: AdamW, else SGD.
        rate: Learning rate.
        clip: Largest global norm of the gradient.
        betas: AdamW's decay of the moments.
        epsilon: AdamW's.
        decay: AdamW's decay of the weights.
    """

    adaptive: bool
    rate: float
    clip: float
    betas: tuple[float, float] = (0.9, 0.999)
    epsilon: float = 1e-8
    decay: float = 0.01


class _Window(ctypes.Structure):
    _fields_ = [(name, ctypes.c_void_p) for name in ("inputs", "targets", "scored", "reset")] + [
        (name, ctypes.c_long) for name in ("T", "count")
    ]


class _Optimiser(ctypes.Structure):
    _fields_ = [("adaptive", ctypes.c_long)] + [
        (name, ctypes.c_double) for name in ("rate", "clip", "beta1", "beta2", "epsilon", "decay")
    ]


class _Report(ctypes.Structure):
    _fields_ = [("trouble", ctypes.c_long), ("value", ctypes.c_double)]


class _Model(ctypes.Structure):
    _fields_ = (
        [(name, ctypes.c_long) for name in ("symbols", "width", "layers", "states", "learned", "B", "T")]
        + [(name, ctypes.c_void_p) for name in ("gemm", "forward", "backward")]
        + [(name, ctypes.c_long) for name in ("linear", "raw")]
        + [(name, ctypes.c_void_p) for name in ("embedding", "dembedding", "output", "doutput", "w", "dw")]
        + [(name, ctypes.c_void_p) for name in ("weights", "gradient", "first", "second")]
        + [("count", ctypes.c_long)]
        + [(name, ctypes.c_void_p) for name in ("carried", "after", "tape", "work")]
        + [("tape_size", ctypes.c_long), ("arrays", ctypes.c_void_p), ("step", ctypes.c_long)]
    )


TROUBLES = {1: "loss", 2: "gradient norm"}


@cache
def runtime(double: bool) -> ctypes.CDLL:
    """Return the host's training step, built once."""
    parts = ['#include "layer.h"', "#include <cmath>", "#include <limits>", "#include <utility>", "#include <vector>"]
    built = library("\n".join([*parts, *((HERE / part).read_text(encoding="utf-8") for part in PARTS)]), double)
    built.model_size.restype, built.model_size.argtypes = ctypes.c_long, [ctypes.c_long] * 5
    built.train.restype = ctypes.c_long
    return built


class NativeModel:
    """Embedding, layers of one cell and output layer over flat buffers; see `training.model.Model` for what it computes.

    Attributes:
        parameters: Views of the weights, named as in the torch model; drawn by nobody.
        gradients: Views of the last step's gradients, alike.
        flat: All weights.
        steps: Updates so far.
    """

    def __init__(
        self, cell: Cell, symbols: int, width: int, layers: int, batch: int, dtype: torch.dtype = torch.float32
    ) -> None:
        """Compile the cell and lay out its parameters.

        Args:
            cell: Any cell.
            symbols: Size of the alphabet, V.
            width: n of embedding and layers.
            layers: How many.
            batch: B of every window.
            dtype: float32 or float64.

        Raises:
            BuildError: The compiler failed.
        """
        cell = cell.canonical()
        self.dtype, self.batch = dtype, batch
        double = dtype == torch.float64
        self.runtime, self.product = runtime(double), gemm(double)[0]
        self.cell = library(source(cell), double)
        for function in (self.cell.tape_size, self.cell.work_size):
            function.restype, function.argtypes = ctypes.c_long, [ctypes.c_long] * 4
        shapes = _shapes(cell, symbols, width, layers)
        self.flat, self.gradient, self.first, self.second = (self._zeros(_total(shapes)) for _ in range(4))
        self.parameters, weights = _views(self.flat, shapes)
        self.gradients, gradients = _views(self.gradient, shapes)
        per_layer = len(parameter_names(cell))
        self.pointers = [(ctypes.c_void_p * max(1, per_layer * layers))(*of[2:]) for of in (weights, gradients)]
        self.states = [self._zeros(max(1, layers * len(cell.state_nodes) * batch * width)) for _ in range(2)]
        self.model = _Model(
            symbols=symbols, width=width, layers=layers, states=len(cell.state_nodes), learned=per_layer, B=batch, T=0,
            gemm=ctypes.addressof(self.product), forward=_address(self.cell.forward), backward=_address(self.cell.backward),
            linear=any(is_input_linear(node, cell.x.handle) for node in cell.ops), raw=cell.needs_projection,
            embedding=weights[0], dembedding=gradients[0], output=weights[1], doutput=gradients[1],
            w=ctypes.addressof(self.pointers[0]), dw=ctypes.addressof(self.pointers[1]), weights=self.flat.data_ptr(),
            gradient=self.gradient.data_ptr(), first=self.first.data_ptr(), second=self.second.data_ptr(),
            count=self.flat.numel(), carried=self.states[0].data_ptr(), after=self.states[1].data_ptr(),
        )  # fmt: skip

    @property
    def steps(self) -> int:
        """How many updates were made."""
        return int(self.model.step)

    def train(self, windows: Sequence[WindowData], optimiser: Optimiser) -> tuple[list[float], str | None]:
        """Take one training step per window, going on with the states that the last call left.

        Returns:
            The losses, and None; or the losses up to and including the step that failed, and why it did.
        """
        array, held = self._windows(windows)
        betas = optimiser.betas
        told = _Optimiser(optimiser.adaptive, optimiser.rate, optimiser.clip, *betas, optimiser.epsilon, optimiser.decay)
        losses, report = (ctypes.c_double * len(windows))(), _Report()
        references = (ctypes.byref(self.model), array, ctypes.c_long(len(windows)), ctypes.byref(told), losses, ctypes.byref(report))
        done = self.runtime.train(*references)
        del held
        if report.trouble:
            return losses[: done + 1], f"{TROUBLES[report.trouble]} {report.value} at step {self.steps + 1}"
        return losses[:], None

    def evaluate(self, windows: Sequence[WindowData]) -> tuple[int, float]:
        """Return how many answers are right and the summed NLL in nats, the state carried over from zero."""
        array, held = self._windows(windows)
        nll, right = ctypes.c_double(), ctypes.c_long()
        self.runtime.evaluate(
            ctypes.byref(self.model), array, ctypes.c_long(len(windows)), ctypes.byref(nll), ctypes.byref(right)
        )  # fmt: skip
        del held
        return right.value, nll.value

    def _windows(self, windows: Sequence[WindowData]) -> tuple[ctypes.Array[_Window], list[Tensor | None]]:
        """Return windows as the runtime takes them, and what they point to; makes room for the longest."""
        self._make_room(max(len(window.inputs) for window in windows))
        held: list[Tensor | None] = []
        array = (_Window * len(windows))()
        for entry, window in zip(array, windows, strict=True):
            tensors = [window.inputs.contiguous(), window.targets.contiguous(), window.scored, window.reset]
            if tensors[3] is not None:
                tensors[3] = tensors[3].contiguous()
            held += tensors
            entry.inputs, entry.targets, entry.scored, entry.reset = (None if t is None else t.data_ptr() for t in tensors)
            entry.T, entry.count = len(window.inputs), len(window.targets)
        return array, held

    def _make_room(self, longest: int) -> None:
        model = self.model
        if longest <= model.T:
            return
        sizes = longest, self.batch, model.width, model.width
        model.T, model.tape_size = longest, self.cell.tape_size(*sizes)
        arrays = self.runtime.model_size(model.symbols, model.width, model.layers, self.batch, longest)
        wanted = model.tape_size * model.layers, self.cell.work_size(*sizes), arrays
        self.room = [torch.empty(size, dtype=self.dtype) for size in wanted]
        model.tape, model.work, model.arrays = (part.data_ptr() for part in self.room)

    def _zeros(self, size: int) -> Tensor:
        return torch.zeros(size, dtype=self.dtype)


def _shapes(cell: Cell, symbols: int, width: int, layers: int) -> list[tuple[str, tuple[int, ...]]]:
    """Return names and shapes in the order of the flat buffer; the output's bias is the last column of its weight."""
    found: list[tuple[str, tuple[int, ...]]] = [("embedding", (symbols, width)), ("output", (symbols, width + 1))]
    for layer in range(layers):
        found += [(f"layers.{item.name}_l{layer}", item.shape) for item in learned(cell, width, width)]
    return found


def _total(shapes: list[tuple[str, tuple[int, ...]]]) -> int:
    return sum(_room(shape) for _, shape in shapes)


def _room(shape: tuple[int, ...]) -> int:
    return -(-torch.Size(shape).numel() // ALIGNED) * ALIGNED


def _views(flat: Tensor, shapes: list[tuple[str, tuple[int, ...]]]) -> tuple[dict[str, Tensor], list[int]]:
    """Return the named views of a flat buffer, and where each part begins in memory."""
    views: dict[str, Tensor] = {}
    pointers, start = [], 0
    for name, shape in shapes:
        part = flat[start : start + torch.Size(shape).numel()].view(shape)
        if name == "output":
            views |= {"weight": part[:, :-1], "bias": part[:, -1]}
        else:
            views[name] = part
        pointers.append(part.data_ptr())
        start += _room(shape)
    return views, pointers


def _address(function: object) -> int | None:
    return ctypes.cast(function, ctypes.c_void_p).value  # type: ignore[arg-type]
