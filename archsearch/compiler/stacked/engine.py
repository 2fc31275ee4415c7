"""The stacked engine as one layer: a stack of one lane, called through one autograd function."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from archsearch.cell import Cell
from archsearch.compiler.differentiable import differentiated
from archsearch.compiler.native.source import parameter_names
from archsearch.compiler.native.weights import reached_from
from archsearch.compiler.parameters import PROJECTION, bias_name, weight_name
from archsearch.compiler.reference import Interpreter
from archsearch.compiler.stacked.dialects import dialect_for
from archsearch.compiler.stacked.lanes import Weights, Widths
from archsearch.compiler.stacked.layer import Layer
from archsearch.compiler.stacked.program import program

States = tuple[Tensor, ...]


class Stacked:
    """A cell in canonical form, as batched products and generated kernels; see `engines.Engine`.

    It runs float32 and float64 on any device. All else - other types, autocast, export - goes to the interpreter.
    """

    def __init__(self, cell: Cell) -> None:
        self.cell, self.program = cell, program(cell)
        self.names = parameter_names(cell)
        reached = reached_from(cell, cell.next)
        self.reached = [int(name.rpartition("_n")[2]) in reached for name in self.names]
        self.interpreter = Interpreter(cell)

    def __reduce__(self) -> tuple[type[Stacked], tuple[Cell]]:
        """Copy and pickle the cell alone."""
        return Stacked, (self.cell,)

    def __call__(
        self, weights: Mapping[str, Tensor], x: Tensor, states: States, reset: Tensor | None
    ) -> tuple[Tensor, States]:  # fmt: skip
        """Run one layer over a sequence; see `engines.Engine`."""
        if torch.compiler.is_compiling() and not torch.compiler.is_exporting():
            run: Callable[..., tuple[Tensor, States]] = torch._dynamo.disable(self.run)
            return run(weights, x, states, reset)
        return self.run(weights, x, states, reset)

    def run(
        self, weights: Mapping[str, Tensor], x: Tensor, states: States, reset: Tensor | None
    ) -> tuple[Tensor, States]:  # fmt: skip
        """Do so outside what torch compiles."""
        if not _runs([x, *states, *weights.values()]):
            return self.interpreter(weights, x, states, reset)
        wide = None
        if self.cell.needs_projection:
            wide = torch.nn.functional.linear(x, weights[PROJECTION]) if PROJECTION in weights else x
        tensors = [*states, *(weights[name] for name in self.names)]
        out, *after = _Sequence.apply(self, reset, len(states), x, wide, *tensors)
        return out, tuple(after)


def _runs(tensors: list[Tensor]) -> bool:
    """Whether tensors are what the kernels read: of one type and device, float32 or float64, not empty, not traced."""
    x = tensors[0]
    if x.device.type not in ("cpu", "cuda") or x.dtype not in (torch.float32, torch.float64) or not x.numel():
        return False
    if torch.is_autocast_enabled(x.device.type) or torch.compiler.is_exporting():
        return False
    return all(one.device == x.device and one.dtype == x.dtype for one in tensors)


class _Sequence(torch.autograd.Function):
    """One layer over a whole sequence."""

    @staticmethod
    def forward(
        ctx: Any, engine: Stacked, reset: Tensor | None, count: int, x: Tensor, wide: Tensor | None, *rest: Tensor
    ) -> tuple[Tensor, ...]:
        states, weights = rest[:count], _weights(engine, rest[count:])
        steps, batch, inputs = x.shape
        width = states[0].shape[-1]
        widths = Widths.of([width], width, x.dtype, x.device)
        shape = 1, steps, batch, width
        layer = Layer(engine.program, dialect_for(x), shape, inputs, widths, x)
        out, after = layer.forward(
            weights, _lane(x), None if wide is None else _lane(wide), [_lane(state) for state in states], reset
        )  # fmt: skip
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
            found = differentiated(engine.interpreter, engine.names, reset, count, given, [dout, *dlast], needed)
            return None, None, None, *found
        gradients = _weights(engine, [torch.empty_like(one) for one in rest[count:]])
        last = [None if one is None else _lane(one) for one in dlast]
        dx, dwide, dstates = layer.backward(ctx.weights, gradients, None if dout is None else _lane(dout), last, reset)
        own = [None if one is None else one[0].clone() for one in (dwide, *dstates)]
        parameters = zip(_unpacked(engine, gradients), engine.reached, strict=True)
        results = [dx[0], *own, *(one if reached else None for one, reached in parameters)]  # None, as torch has it
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
    biases = {node.handle: of[bias_name(node.handle)].view(1, 1, -1) for node in ops if bias_name(node.handle) in of}
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
