"""The native engine: a cell as compiled C++, called with the addresses of tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from archsearch.cell import Cell
from archsearch.compiler.differentiable import Gradients, Inputs
from archsearch.compiler.generated import Generated
from archsearch.compiler.native.buffers import Buffers
from archsearch.compiler.native.call import Call, CompiledLayer, compile_layer, gemm
from archsearch.compiler.native.pages import in_large_pages
from archsearch.compiler.native.source import source
from archsearch.compiler.native.stretches import way
from archsearch.compiler.native.toolchain import toolchain

__all__ = ["Native", "native_description", "gemm"]


def native_description() -> str:
    """Return what decides this engine's bits besides its version: compiler and instruction set.

    Raises:
        BuildError: There is no working compiler.
    """
    gemm(False)  # builds a library, the whole way
    tools = toolchain()
    return f"{tools.name}, {tools.instructions}"


class Native(Generated):
    """A cell as compiled C++, for the CPU; it is compiled when it is first run.

    Attributes:
        text: The C++.
        tapes: Memory that lives from forward to backward.
        works: Memory for one call.
    """

    devices = ("cpu",)

    def __init__(self, cell: Cell) -> None:
        super().__init__(cell)
        self.text = source(cell)
        self.tapes, self.works = Buffers(), Buffers()

    def forward(self, inputs: Inputs) -> tuple[tuple[Tensor, ...], Any]:
        """Return output (T, B, n) and last states (B, n), and the functions that made them with their tape."""
        built = self._built(inputs)
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

    def values(self, inputs: Inputs) -> tuple[Tensor, ...]:
        """Return output (T, B, n) and last states (B, n) where nobody goes backward."""
        results, tape = _Call(self, self._built(inputs), inputs, back=False).forward()
        self.tapes.give_back(tape)
        return results

    def _built(self, inputs: Inputs) -> CompiledLayer:
        """Return the functions for numbers of the type of x, (T, B, I)."""
        return compile_layer(self.text, inputs.x.dtype == torch.float64, toolchain())


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
