"""A whole model in native code: one call trains it on many windows, or evaluates it. CPU, one thread, no dropout."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import torch
from torch import Tensor

from archsearch.cell import Cell
from archsearch.cell.graph import is_input_linear
from archsearch.compiler.native.build import library
from archsearch.compiler.native.call import compile_layer, gemm
from archsearch.compiler.native.source import source
from archsearch.compiler.native.toolchain import Toolchain, toolchain
from archsearch.compiler.parameters import parameter_names
from archsearch.compiler.readable import Shape, readable
from archsearch.training.flat import flat_layout, flat_views
from archsearch.training.update import UpdateRule
from archsearch.training.windows import Batch

HERE = Path(__file__).parent
PARTS = ("head.h", "optimiser.h", "model.cpp")


class _Optimiser(ctypes.Structure):
    _fields_ = [("adaptive", ctypes.c_long)] + [
        (name, ctypes.c_double)
        for name in ("rate", "clip", "beta1", "beta2", "epsilon", "decay", "clip_epsilon")
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
STRANGE = 3


@cache
def runtime(double: bool, tools: Toolchain) -> ctypes.CDLL:
    """Return the host's training step, built once; the compiler is part of the key, since tests change it."""
    parts = [
        '#include "layer.h"',
        "#include <cmath>",
        "#include <limits>",
        "#include <utility>",
        "#include <vector>",
    ]
    built = library(
        "\n".join([*parts, *((HERE / part).read_text(encoding="utf-8") for part in PARTS)]), double
    )
    built.model_size.restype, built.model_size.argtypes = ctypes.c_long, [ctypes.c_long] * 5
    built.train.restype = ctypes.c_long
    return built


class NativeModel:
    """Embedding, layers of one cell and output layer over flat buffers; see `training.model.Model` for what it computes.

    Attributes:
        dtype: float32 or float64.
        batch: B of every window.
        runtime: The training step's library.
        product: The matrix product's functions.
        cell: The cell's library.
        parameters: Views of the weights, named as in the torch model; drawn by nobody.
        gradients: Views of the last step's gradients, alike.
        flat: All weights, shape (P,).
        gradient: All gradients, alike.
        first: AdamW's first moments, alike.
        second: AdamW's second moments, alike.
        pointers: Where each layer's weights and gradients lie.
        states: The states that a window begins with, and room for those after it.
        model: All of this, as the runtime takes it.
        buffers: Memory for the longest window so far; none before the first.
        steps: Updates so far; set by who takes over another model's memory.
    """

    def __init__(
        self,
        cell: Cell,
        symbols: int,
        width: int,
        layers: int,
        batch: int,
        dtype: torch.dtype = torch.float32,
        *,
        parts: int = 0,
    ) -> None:
        """Compile the cell and lay out its parameters.

        Args:
            cell: Any cell.
            symbols: Size of the alphabet, V.
            width: n of embedding and layers.
            layers: How many.
            batch: B of every window.
            dtype: float32 or float64.
            parts: How many bfloat16 numbers stand for a float32 one in matrix products; 0 if it stays as it is.

        Raises:
            BuildError: The compiler failed.
        """
        cell = cell.canonical()
        self.dtype, self.batch = dtype, batch
        double = dtype == torch.float64
        self.runtime, self.product = runtime(double, toolchain()), gemm(double, parts)[0]
        self.cell = compile_layer(source(cell), double, toolchain())
        layout, moved = flat_layout(cell, symbols, width, layers)
        size = max(parameter.end for parameter in layout)
        self.flat, self.gradient, self.first, self.second = (self._zeros(size) for _ in range(4))
        self.parameters, weights = flat_views(self.flat, layout)
        self.gradients, gradients = flat_views(self.gradient, layout)
        per_layer = len(parameter_names(cell))
        array = ctypes.c_void_p * max(1, per_layer * layers)
        self.pointers = [array(*addresses[2:]) for addresses in (weights, gradients)]
        self.states = [self._zeros(max(1, layers * len(cell.state_nodes) * batch * width)) for _ in range(2)]
        self.model = _Model(
            symbols=symbols,
            width=width,
            layers=layers,
            states=len(cell.state_nodes),
            learned=per_layer,
            B=batch,
            T=0,
            gemm=ctypes.addressof(self.product),
            forward=_address(self.cell.forward),
            backward=_address(self.cell.backward),
            linear=any(is_input_linear(node, cell.x.handle) for node in cell.ops),
            raw=cell.needs_projection,
            embedding=weights[0],
            dembedding=gradients[0],
            output=weights[1],
            doutput=gradients[1],
            w=ctypes.addressof(self.pointers[0]),
            dw=ctypes.addressof(self.pointers[1]),
            weights=self.flat.data_ptr(),
            gradient=self.gradient.data_ptr(),
            first=self.first.data_ptr(),
            second=self.second.data_ptr(),
            count=moved,
            carried=self.states[0].data_ptr(),
            after=self.states[1].data_ptr(),
        )

    @torch.no_grad()
    def load(self, weights: Mapping[str, Tensor]) -> None:
        """Take over the weights of a torch model, named and shaped as there.

        Raises:
            ValueError: One has another shape.
        """
        for name, view in self.parameters.items():
            if weights[name].shape != view.shape:
                shapes = f"{list(weights[name].shape)}, not {list(view.shape)}"
                raise ValueError(f"the model's {name} has the shape {shapes}")
            view.copy_(weights[name])

    @property
    def steps(self) -> int:
        """How many updates were made."""
        return int(self.model.step)

    @steps.setter
    def steps(self, count: int) -> None:
        self.model.step = count

    def memory(self) -> dict[str, Tensor]:
        """Return views of what decides the steps to come.

        Those are the weights and both moments, shape (P,), and the states to begin with.
        """
        carried = next(states for states in self.states if states.data_ptr() == self.model.carried)
        return {"weights": self.flat, "first": self.first, "second": self.second, "carried": carried}

    def train(self, windows: Sequence[Batch], rule: UpdateRule) -> tuple[list[float], str | None]:
        """Take one training step per window, going on with the states that the last call left.

        Args:
            windows: The data.
            rule: How the weights move.

        Returns:
            The losses, and None; or the losses up to and including the step that failed, and why it did.
        """
        array, held = self._windows(windows)
        optimiser = _Optimiser(
            adaptive=rule.adaptive,
            rate=rule.rate,
            clip=rule.clip,
            beta1=rule.betas[0],
            beta2=rule.betas[1],
            epsilon=rule.epsilon,
            decay=rule.decay,
            clip_epsilon=rule.clip_epsilon,
        )
        losses, report = (ctypes.c_double * len(windows))(), _Report()
        count = ctypes.c_long(len(windows))
        model, told = ctypes.byref(self.model), ctypes.byref(optimiser)
        arguments = (model, array, count, told, losses, ctypes.byref(report))
        done = self.runtime.train(*arguments)
        del held
        _check(report)
        if report.trouble:
            return losses[: done + 1], f"{TROUBLES[report.trouble]} {report.value} at step {self.steps + 1}"
        return losses[:], None

    def evaluate(self, windows: Sequence[Batch]) -> tuple[int, float]:
        """Return how many answers are right and the summed NLL in nats, the state carried over from zero."""
        array, held = self._windows(windows)
        count, right, report = ctypes.c_long(len(windows)), ctypes.c_long(), _Report()
        self.runtime.evaluate(
            ctypes.byref(self.model), array, count, ctypes.byref(right), ctypes.byref(report)
        )
        del held
        _check(report)
        return right.value, report.value

    def _windows(self, windows: Sequence[Batch]) -> tuple[ctypes.Array[ctypes.c_int64], list[Tensor]]:
        """Return windows as the runtime takes them, and what they point to; makes room for the longest."""
        fields: list[int] = []
        held: list[Tensor] = []
        longest = 0
        for window in windows:
            steps, batch = window.inputs.shape
            count = window.targets.shape[0]
            scored = window.scored
            if batch != self.batch or count != (steps * batch if scored is None else scored.shape[0]):
                size = f"a window of {batch} streams, {steps} steps and {count} targets"
                raise ValueError(f"{size} for batches of {self.batch}")
            fields.append(_address_of(window.inputs, (steps, batch), torch.int64, held))
            fields.append(_address_of(window.targets, (count,), torch.int64, held))
            fields.append(_address_of(scored, (count,), torch.int64, held))
            fields.append(_address_of(window.reset, (steps, batch), torch.bool, held))
            fields += (steps, count)
            longest = max(longest, steps)
        self._make_room(longest)
        return (ctypes.c_int64 * len(fields))(*fields), held

    def _make_room(self, longest: int) -> None:
        model = self.model
        if longest <= model.T:
            return
        sizes = longest, self.batch, model.width, model.width
        tape, work = self.cell.sizes(*sizes)
        model.T, model.tape_size = longest, tape
        arrays = self.runtime.model_size(model.symbols, model.width, model.layers, self.batch, longest)
        counts = tape * model.layers, work, arrays
        self.buffers = [torch.empty(count, dtype=self.dtype, device="cpu") for count in counts]
        model.tape, model.work, model.arrays = (buffer.data_ptr() for buffer in self.buffers)

    def _zeros(self, size: int) -> Tensor:
        return torch.zeros(size, dtype=self.dtype, device="cpu")


def _check(report: _Report) -> None:
    if report.trouble == STRANGE:
        raise IndexError(f"a window has {report.value:.0f}, which is no symbol or position")


def _address_of(tensor: Tensor | None, shape: Shape, dtype: torch.dtype, held: list[Tensor]) -> int:
    """Return where a tensor's numbers lie in order, 0 for None, keeping hold of a copy if one is needed."""
    if tensor is None:
        return 0
    if tensor.dtype != dtype:
        raise TypeError(f"a window's tensor is {tensor.dtype}, not {dtype}")
    if not readable([tensor], [shape], dtype, torch.device("cpu")):
        kind = f"{type(tensor).__name__} of shape {list(tensor.shape)} on {tensor.device}"
        raise TypeError(f"a window's tensor is a {kind}, not a plain one of shape {list(shape)} on the CPU")
    if not tensor.is_contiguous():
        tensor = tensor.contiguous()
        held.append(tensor)
    return tensor.data_ptr()


def _address(function: object) -> int | None:
    return ctypes.cast(function, ctypes.c_void_p).value  # type: ignore[arg-type]
