"""The stacked engine as one layer: a stack of one lane."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from archsearch.cell import Cell, Node
from archsearch.compiler.blocks import blocks_of, whole_matrix
from archsearch.compiler.differentiable import Gradients, Inputs
from archsearch.compiler.generated import Generated
from archsearch.compiler.parameters import bias_name, weight_name
from archsearch.compiler.program.program import program
from archsearch.compiler.stacked.dialects import dialect_for
from archsearch.compiler.stacked.lanes import Weights, Widths
from archsearch.compiler.stacked.layer import Layer


class Stacked(Generated):
    """A cell as batched products and generated kernels, for any device.

    Attributes:
        program: What is computed.
    """

    devices = ("cpu", "cuda")

    def __init__(self, cell: Cell) -> None:
        super().__init__(cell)
        self.program = program(cell)

    def forward(self, inputs: Inputs) -> tuple[tuple[Tensor, ...], Any]:
        """Return output (T, B, n) and last states (B, n), and the layer with its weights."""
        x, width, weights = inputs.x, inputs.states[0].shape[1], _weights(self, inputs.weights)
        layer = Layer(
            program=self.program,
            dialect=dialect_for(x),
            shape=(1, *x.shape[:2], width),
            inputs=x.shape[2],
            widths=Widths.of([width], width, x.dtype, x.device),
            like=x,
        )
        wide = None if inputs.wide is None else _lane(inputs.wide)
        states = [_lane(state) for state in inputs.states]
        out, after = layer.forward(weights, _lane(x), wide, states, inputs.reset)
        return (out[0].clone(), *[state[0].clone() for state in after]), (layer, weights)

    def backward(
        self, inputs: Inputs, memory: Any, gradients: Gradients, needed: Sequence[bool]
    ) -> Gradients:
        """Return the gradients.

        Args:
            inputs: See `Generated.backward`, as for all others.
            memory: The layer and its weights.
            gradients: See there.
            needed: See there.
        """
        layer, weights = memory
        dweights = _weights(self, [torch.empty_like(weight) for weight in inputs.weights])
        dout, *dlast = [None if gradient is None else _lane(gradient) for gradient in gradients]
        dx, dwide, dstates = layer.backward(weights, dweights, dout, dlast, inputs.reset)
        others = [] if dwide is None else [dwide]
        made = [dx[0], *[gradient[0].clone() for gradient in (*others, *dstates)]]
        for gradient, reached in zip(_unpacked(self, dweights), self.reached, strict=True):
            made.append(gradient if reached else None)  # None where none reaches, as torch has it
        return [gradient if need else None for gradient, need in zip(made, needed, strict=True)]


def _lane(tensor: Tensor) -> Tensor:
    return tensor.contiguous().unsqueeze(0)


def _weights(engine: Stacked, tensors: Sequence[Tensor]) -> Weights:
    """Return a layer's parameters as a stack of one lane has them."""
    of = dict(zip(engine.names, tensors, strict=True))
    ops = engine.cell.ops
    matrices = {node.handle: _matrix(node, of) for node in ops if node.op == "linear"}
    products = [
        torch.cat([matrices[linear].t() for linear in product.linears], 1).unsqueeze(0)
        for product in engine.program.plan.products
    ]
    biases = {
        node.handle: of[bias_name(node.handle)].view(1, 1, -1) for node in ops if bias_name(node.handle) in of
    }
    vectors = {node.handle: of[weight_name(node.handle)].view(1, 1, -1) for node in ops if node.op == "scale"}
    return Weights(products, biases, vectors)


def _matrix(node: Node, weights: Mapping[str, Tensor]) -> Tensor:
    """Return what a linear map multiplies with, (n, fan_in), of a layer's weights."""
    whole = whole_matrix(weights[weight_name(node.owner)], node.heads)
    return whole.t() if node.transposed else whole


def _unpacked(engine: Stacked, gradients: Weights) -> list[Tensor]:
    """Return gradients in the order and the shapes of the parameters."""
    found = {bias_name(handle): bias.flatten() for handle, bias in gradients.biases.items()}
    found |= {weight_name(handle): vector.flatten() for handle, vector in gradients.vectors.items()}
    for product, block in zip(engine.program.plan.products, gradients.products, strict=True):
        parts = block[0].chunk(len(product.linears), 1)
        for node, part in zip(map(engine.cell.node, product.linears), parts, strict=True):
            name, own = weight_name(node.owner), blocks_of(part if node.transposed else part.t(), node.heads)
            found[name] = found[name] + own if name in found else own
    return [found[name] for name in engine.names]
