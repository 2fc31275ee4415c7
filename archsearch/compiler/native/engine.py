"""The native engine: a cell as compiled C++, called with the addresses of tensors."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from archsearch.cell import Cell
from archsearch.compiler.differentiable import Gradients, Inputs
from archsearch.compiler.generated import Generated
from archsearch.compiler.native.buffers import Buffers
from archsearch.compiler.native.call import Call, CompiledLayer, compile_layer, gemm, has_tiles
from archsearch.compiler.native.pages import in_large_pages
from archsearch.compiler.native.prepared import Prepared
from archsearch.compiler.native.source import source
from archsearch.compiler.native.stretches import is_long, way
from archsearch.compiler.native.toolchain import toolchain
from archsearch.compiler.readable import readable, unwatched

__all__ = ["Native", "NativeRounded", "NativeSplit", "native_description", "gemm"]

FORMS = 4
"""Forms of call that stay prepared; the one that was used longest ago goes first."""


def native_description(parts: int = 0) -> str:
    """Return what decides this engine's bits besides its version: compiler and instruction set.

    Args:
        parts: Of the engine that multiplies bfloat16, see `gemm`.

    Raises:
        BuildError: There is no working compiler, or the processor does not multiply bfloat16.
    """
    product = gemm(False, parts)[1]  # builds a library, the whole way
    tools = toolchain()
    return f"{tools.name}, {tools.instructions}" + (", AMX" if has_tiles(product) else "")


class Native(Generated):
    """A cell as compiled C++, for the CPU; it is compiled when it is first run.

    Attributes:
        text: The C++.
        tapes: Memory that lives from forward to backward.
        works: Memory for one call.
        prepared: Calls without gradients by their forms; one that is at work is not among them.
        parts: How many bfloat16 numbers stand for a float32 one in matrix products, see `gemm`.
    """

    devices = ("cpu",)
    parts = 0

    def __init__(self, cell: Cell) -> None:
        super().__init__(cell)
        self.text = source(cell)
        self.tapes, self.works = Buffers(), Buffers()
        self.prepared: OrderedDict[object, Prepared] = OrderedDict()

    def forward(self, inputs: Inputs) -> tuple[tuple[Tensor, ...], Any]:
        """Return output (T, B, n) and last states (B, n), and the functions that made them with their tape."""
        built = self._built(inputs.x)
        results, tape = _Call(self, built, inputs).forward()
        return results, (built, tape)

    def backward(
        self, inputs: Inputs, memory: Any, gradients: Gradients, needed: Sequence[bool]
    ) -> Gradients:
        """Return the gradients, and take back the tape.

        Args:
            inputs: See `Generated.backward`, as for all others.
            memory: Functions and tape.
            gradients: See there.
            needed: See there.
        """
        built, tape = memory
        return _Call(self, built, inputs).backward(tape, gradients, needed)

    def quickly(
        self, given: tuple[Tensor, ...], weights: tuple[Tensor, ...], axes: str, width: int
    ) -> list[Tensor] | None:
        """Return output and last states of a call from which nothing is learned.

        Args:
            given: See `LayerFunction`, as for all others, and for shapes.
            weights: See there.
            axes: See there.
            width: See there.
        """
        if not unwatched() or torch._C._len_torch_function_stack():
            return None
        if torch.is_grad_enabled() and any([tensor.requires_grad for tensor in (*given, *weights)]):
            return None
        form = axes, given[0].shape, len(given)
        call = self.prepared.pop(form, None)  # another thread finds none, and prepares its own
        if call is not None and not call.reads(given, weights):
            self.prepared.clear()  # the others hold on to weights of before as well
            call = None
        call = call or self._prepare(given, weights, axes, width)
        if call is None:
            return None
        made = call(*given)
        self.prepared[form] = call
        if len(self.prepared) > FORMS:
            self.prepared.popitem(last=False)
        return made

    def _prepare(
        self, given: tuple[Tensor, ...], weights: tuple[Tensor, ...], axes: str, width: int
    ) -> Prepared | None:
        """Return a call for tensors of such shapes, whatever these are; None where there is none."""
        x, *states = given
        plain = [*given, *weights]
        if not self._runs_on(x) or not readable(plain, [each.shape for each in plain], x.dtype, x.device):
            return None
        sizes = dict(zip(axes, x.shape, strict=True))
        steps, batch = sizes.get("t", 1), sizes.get("b", 1)
        if is_long(steps, batch):  # the long way goes in stretches, and keeps no tape
            return None
        state = x.new_empty((1, batch, width) if "b" in axes else (1, width))
        if any([each.shape != state.shape for each in states]) or not all(
            [each.is_contiguous() for each in plain]
        ):
            return None
        if axes == "bti" and steps > 1 < batch:  # the code takes the time first
            return None
        sequence = x.reshape(steps, batch, sizes["i"])
        inputs = Inputs(
            reset=None,
            x=sequence,
            wide=sequence if self.cell.needs_projection else None,
            states=tuple([each.view(batch, width) for each in states or (state,) * len(self.cell.next)]),
            weights=weights,
        )
        if not self.reads(inputs):
            return None
        return Prepared(self._built(x), inputs, given, state)

    def values(self, inputs: Inputs) -> tuple[Tensor, ...]:
        """Return output (T, B, n) and last states (B, n) where nobody goes backward."""
        results, tape = _Call(self, self._built(inputs.x), inputs, back=False).forward()
        self.tapes.give_back(tape)
        return results

    def _built(self, x: Tensor) -> CompiledLayer:
        """Return the functions for numbers of the type of x, (T, B, I)."""
        return compile_layer(self.text, x.dtype == torch.float64, toolchain(), self.parts)


class NativeRounded(Native):
    """The same with matrix products that round float32 numbers to bfloat16, and sum in float32; float64 stays as it is."""

    parts = 1


class NativeSplit(Native):
    """The same with float32 numbers as sums of two bfloat16 ones: three products for one, nearly as close as float32."""

    parts = 2


class _Call:
    """One call of compiled functions: tensors that `Generated.reads` has let through, contiguous.

    Attributes:
        engine: Whose functions are called.
        built: They.
        inputs: The tensors.
        sizes: T, B, H, I.
        way: How they run over the sequence.
    """

    def __init__(self, engine: Native, built: CompiledLayer, inputs: Inputs, back: bool = True) -> None:
        self.engine, self.built = engine, built
        self.inputs = Inputs(
            reset=None if inputs.reset is None else inputs.reset.contiguous().view(torch.uint8),
            x=inputs.x.contiguous(),
            wide=_contiguous(inputs.wide),
            states=tuple([state.contiguous() for state in inputs.states]),
            weights=tuple([weight.contiguous() for weight in inputs.weights]),
        )
        self.sizes = *inputs.x.shape[:2], inputs.states[0].shape[1], inputs.x.shape[2]
        self.way = way(engine.cell, built, self.sizes, inputs.x.element_size(), back)

    def call(self, tape: Tensor, work: Tensor) -> Call:
        """Return the arguments that both directions take; `tape` and `work` have one dimension."""
        inputs, call = self.inputs, Call(self.sizes, self.built.product)
        call.set(x=inputs.x, xr=inputs.wide, reset=inputs.reset, tape=tape, work=work)
        call.lists(w=inputs.weights, s0=inputs.states)
        return call

    def forward(self) -> tuple[tuple[Tensor, ...], Tensor]:
        """Return the output and the last states, and the tape for the way back."""
        x = self.inputs.x
        tape = self.engine.tapes.take(self.way.tape_size, x.dtype)
        work = self.engine.works.take(self.way.work_size, x.dtype)
        out = in_large_pages(x.new_empty(self.sizes[:3]))
        after = [torch.empty_like(state) for state in self.inputs.states]
        call = self.call(tape, work)
        call.set(out=out)
        call.lists(sT=after)
        call.run(self.way.forward)
        self.engine.works.give_back(work)
        return (out, *after), tape

    def backward(self, tape: Tensor, gradients: Gradients, needed: Sequence[bool]) -> Gradients:
        """Return the gradients that are needed, of x, (T, B, I), and so on; uses the tape up, which has one dimension."""
        inputs = self.inputs
        work = self.engine.works.take(self.way.work_size, inputs.x.dtype)
        tensors = inputs.tensors
        reached = [True] * (len(tensors) - len(inputs.weights)) + self.engine.reached
        made = [
            in_large_pages(torch.empty_like(tensor))
            if need and reach
            else None  # None where none reaches, as torch has it
            for tensor, need, reach in zip(tensors, needed, reached, strict=True)
        ]
        dx, *others = made
        dwide = None if inputs.wide is None else others.pop(0)
        count = len(inputs.states)
        dout, *dafter = [_contiguous(gradient) for gradient in gradients]
        call = self.call(tape, work)
        call.set(dout=dout, dx=dx, dxr=dwide)
        call.lists(dsT=dafter, ds0=others[:count], dw=others[count:])
        call.run(self.way.backward)
        self.engine.works.give_back(work)
        self.engine.tapes.give_back(tape)
        return made


def _contiguous(tensor: Tensor | None) -> Tensor | None:
    return None if tensor is None else tensor.contiguous()
