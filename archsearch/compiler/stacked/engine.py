"""The stacked engine as one layer: a stack of one lane, called through one autograd function."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from archsearch.cell import Cell
from archsearch.compiler.differentiable import differentiated
from archsearch.compiler.generated import Generated, States
from archsearch.compiler.parameters import bias_name, weight_name
from archsearch.compiler.program.program import program
from archsearch.compiler.stacked.dialects import dialect_for
from archsearch.compiler.stacked.lanes import Weights, Widths
from archsearch.compiler.stacked.layer import Layer


class Stacked(Generated):
    """A cell as batched products and generated kernels, for any device."""

    devices = ("cpu", "cuda")

    def __init__(self, cell: Cell) -> None:
        super().__init__(cell)
        self.program = program(cell)

    def sequence(
        self, reset: Tensor | None, x: Tensor, wide: Tensor | None, states: States, weights: list[Tensor]
    ) -> tuple[Tensor, ...]:
        """Run it; see `Generated`."""
        found: tuple[Tensor, ...] = _Sequence.apply(self, reset, len(states), x, wide, *states, *weights)
        return found


class _Sequence(torch.autograd.Function):
    """One layer over a whole sequence."""

    @staticmethod
    def forward(
        ctx: Any,
        engine: Stacked,
        reset: Tensor | None,
        count: int,
        x: Tensor,
        wide: Tensor | None,
        *rest: Tensor,
    ) -> tuple[Tensor, ...]:
        states, weights = rest[:count], _weights(engine, rest[count:])
        steps, batch, inputs = x.shape
        width = states[0].shape[-1]
        widths = Widths.of([width], width, x.dtype, x.device)
        shape = 1, steps, batch, width
        layer = Layer(engine.program, dialect_for(x), shape, inputs, widths, x)
        out, after = layer.forward(
            weights,
            _lane(x),
            None if wide is None else _lane(wide),
            [_lane(state) for state in states],
            reset,
        )
        ctx.engine, ctx.count, ctx.layer, ctx.weights = engine, count, layer, weights
        ctx.save_for_backward(reset, x, wide, *rest)
        ctx.set_materialize_grads(False)
        return out[0].clone(), *(one[0].clone() for one in after)

    @staticmethod
    def backward(ctx: Any, dout: Tensor | None, *dlast: Tensor | None) -> tuple[Tensor | None, ...]:
        reset, x, wide, *rest = ctx.saved_tensors
        engine, count, layer = ctx.engine, ctx.count, ctx.layer
        needed = ctx.needs_input_grad[3:]
        if torch.is_grad_enabled():  # create_graph=True: what is returned will be differentiated
            given = [x, wide, *rest]
            found = differentiated(
                engine.interpreter, engine.names, reset, count, given, [dout, *dlast], needed
            )
            return None, None, None, *found
        gradients = _weights(engine, [torch.empty_like(one) for one in rest[count:]])
        last = [None if one is None else _lane(one) for one in dlast]
        dx, dwide, dstates = layer.backward(
            ctx.weights, gradients, None if dout is None else _lane(dout), last, reset
        )
        own = [None if one is None else one[0].clone() for one in (dwide, *dstates)]
        parameters = zip(_unpacked(engine, gradients), engine.reached, strict=True)
        results = [
            dx[0],
            *own,
            *(one if reached else None for one, reached in parameters),
        ]  # None, as torch has it
        return None, None, None, *(one if need else None for one, need in zip(results, needed, strict=True))


def _lane(tensor: Tensor) -> Tensor:
    return tensor.contiguous().unsqueeze(0)


def _weights(engine: Stacked, tensors: Sequence[Tensor]) -> Weights:
    """Return a layer's parameters as a stack of one lane has them."""
    of = dict(zip(engine.names, tensors, strict=True))
    products = [
        torch.cat([of[weight_name(linear)].t() for linear in product.linears], 1).unsqueeze(0)
        for product in engine.program.plan.products
    ]
    ops = engine.cell.ops
    biases = {
        node.handle: of[bias_name(node.handle)].view(1, 1, -1) for node in ops if bias_name(node.handle) in of
    }
    vectors = {node.handle: of[weight_name(node.handle)].view(1, 1, -1) for node in ops if node.op == "scale"}
    return Weights(products, biases, vectors)


def _unpacked(engine: Stacked, gradients: Weights) -> list[Tensor]:
    """Return gradients in the order and the shapes of the parameters."""
    found = {bias_name(handle): bias.flatten() for handle, bias in gradients.biases.items()}
    found |= {weight_name(handle): vector.flatten() for handle, vector in gradients.vectors.items()}
    for product, block in zip(engine.program.plan.products, gradients.products, strict=True):
        parts = block[0].chunk(len(product.linears), 1)
        found |= {weight_name(linear): part.t() for linear, part in zip(product.linears, parts, strict=True)}
    return [found[name] for name in engine.names]
