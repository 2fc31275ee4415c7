"""The native engine: a cell as compiled C++, called through one autograd function."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from archsearch.cell import Cell
from archsearch.compiler.differentiable import differentiated
from archsearch.compiler.generated import Generated, States
from archsearch.compiler.native.buffers import Buffers
from archsearch.compiler.native.call import Call, CompiledLayer, compile_layer, gemm
from archsearch.compiler.native.source import source
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
    """A cell as compiled C++, for the CPU; it is compiled when it is first run."""

    devices = ("cpu",)

    def __init__(self, cell: Cell) -> None:
        super().__init__(cell)
        self.text = source(cell)
        self.tapes, self.works = Buffers(), Buffers()

    def sequence(
        self, reset: Tensor | None, x: Tensor, wide: Tensor | None, states: States, weights: list[Tensor]
    ) -> tuple[Tensor, ...]:
        """Run it; see `Generated`."""
        tensors = (x, *states, *weights) if wide is None else (x, wide, *states, *weights)
        learns = torch.is_grad_enabled() and any(one.requires_grad for one in tensors)
        found: tuple[Tensor, ...] = _Sequence.apply(
            self, learns, reset, len(states), x, wide, *states, *weights
        )
        return found


class _Sequence(torch.autograd.Function):
    """One layer over a whole sequence."""

    @staticmethod
    def forward(
        ctx: Any,
        engine: Native,
        learns: bool,
        reset: Tensor | None,
        count: int,
        x: Tensor,
        raw: Tensor | None,
        *rest: Tensor,
    ) -> tuple[Tensor, ...]:
        built = compile_layer(engine.text, x.dtype == torch.float64, toolchain())
        out, after, tape = _Given(engine, built, reset, count, x, raw, rest).forward()
        if learns:
            ctx.engine, ctx.built, ctx.count, ctx.tape = engine, built, count, tape
            ctx.save_for_backward(reset, x, raw, *rest)
            ctx.set_materialize_grads(False)
        else:
            engine.tapes.give_back(tape)
        return (out, *after)

    @staticmethod
    def backward(ctx: Any, dout: Tensor | None, *dafter: Tensor | None) -> tuple[Tensor | None, ...]:
        reset, x, raw, *rest = ctx.saved_tensors
        engine, count = ctx.engine, ctx.count
        if torch.is_grad_enabled():  # create_graph=True: what is returned will be differentiated
            found = differentiated(
                engine.interpreter,
                engine.names,
                reset,
                count,
                [x, raw, *rest],
                [dout, *dafter],
                ctx.needs_input_grad[4:],
            )
            return None, None, None, None, *found
        given = _Given(engine, ctx.built, reset, count, x, raw, rest)
        tape, ctx.tape = ctx.tape, None
        if (
            tape is None
        ):  # the graph was retained, and an earlier pass has overwritten what the forward pass left
            _, _, tape = given.forward()
        return None, None, None, None, *given.backward(tape, dout, dafter, ctx.needs_input_grad[4:])


class _Given:
    """The tensors of one call, contiguous, and the functions that run on them."""

    def __init__(
        self,
        engine: Native,
        built: CompiledLayer,
        reset: Tensor | None,
        count: int,
        x: Tensor,
        raw: Tensor | None,
        rest: Sequence[Tensor],
    ) -> None:
        tensors = [tensor.contiguous() for tensor in rest]
        self.engine, self.built = engine, built
        self.x, self.raw = x.contiguous(), None if raw is None else raw.contiguous()
        self.states, self.weights = tensors[:count], tensors[count:]
        self.mask = None if reset is None else reset.contiguous().view(torch.uint8)
        self.sizes = *x.shape[:2], tensors[0].shape[-1], x.shape[2]
        self.tape_size, self.work_size = built.sizes(*self.sizes)

    def call(self, tape: Tensor, work: Tensor) -> Call:
        """Return the arguments that both directions take."""
        call = Call(self.sizes, self.built.product)
        call.set(x=self.x, xr=self.raw, reset=self.mask, tape=tape, work=work)
        call.lists(w=self.weights, s0=self.states)
        return call

    def forward(self) -> tuple[Tensor, list[Tensor], Tensor]:
        """Return the output, the last states, and the tape for the way back."""
        tape = self.engine.tapes.take(self.tape_size, self.x.dtype)
        work = self.engine.works.take(self.work_size, self.x.dtype)
        out = self.x.new_empty(self.sizes[:3])
        after = [torch.empty_like(state) for state in self.states]
        call = self.call(tape, work)
        call.set(out=out)
        call.lists(sT=after)
        call.run(self.built.forward)
        self.engine.works.give_back(work)
        return out, after, tape

    def backward(
        self, tape: Tensor, dout: Tensor | None, dafter: Sequence[Tensor | None], needed: Sequence[bool]
    ) -> list[Tensor | None]:
        """Return the gradients that are needed, of x, of x as wide as the layer, of states and weights; uses the tape up."""
        work = self.engine.works.take(self.work_size, self.x.dtype)
        tensors = (self.x, self.raw, *self.states, *self.weights)
        reached = [True] * (
            len(tensors) - len(self.weights)
        ) + self.engine.reached  # None elsewhere, as torch has it
        wanted = [
            torch.empty_like(tensor) if tensor is not None and need and reach else None
            for tensor, need, reach in zip(tensors, needed, reached, strict=True)
        ]
        dx, draw, *others = wanted
        count = len(self.states)
        call = self.call(tape, work)
        call.set(dout=_contiguous(dout), dx=dx, dxr=draw)
        call.lists(dsT=[_contiguous(one) for one in dafter], ds0=others[:count], dw=others[count:])
        call.run(self.built.backward)
        self.engine.works.give_back(work)
        self.engine.tapes.give_back(tape)
        return wanted


def _contiguous(gradient: Tensor | None) -> Tensor | None:
    return None if gradient is None else gradient.contiguous()
