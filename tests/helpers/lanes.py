"""One layer of a stack on drawn numbers, forward and backward, in whatever way it is computed."""

from __future__ import annotations

import torch
from torch import Tensor

from archsearch.cell import Cell
from archsearch.compiler.program.program import program
from archsearch.compiler.stacked import torch_dialect, triton_dialect
from archsearch.compiler.stacked.lanes import Weights, Widths
from archsearch.compiler.stacked.layer import Dialect, Layer

WIDTHS, WIDE = [5, 12, 1], 12
EVERY = """
cell every(x, h, c, d):
    a = sigmoid(linear(x) + linear(h)) * tanh(scale(c) - linear(x))
    b = max(leaky_relu(a), relu(linear(h))) + max(c, c)
    c' = norm(b) / (1.5 + exp(a)) + softplus(30 * a)
    d' = 0.5
    h' = silu(linear(norm(c'))) - stop(d) + norm(x) + sqrt(2 + sin(a)) * cos(b) - mean(a)
"""
"""Every op but shared matrices, and states of all kinds."""


def run(
    cell: Cell,
    dialect: Dialect,
    spoiled: bool = False,
    persistent: bool = False,
) -> list[Tensor]:
    """Return outputs, states and gradients of a stack of three lanes of several widths, with resets.

    Args:
        cell: What is run.
        dialect: What kernels are compiled in.
        spoiled: Whether x holds what is not finite.
        persistent: Whether the loop over time is one kernel each way.
    """
    generator = torch.Generator().manual_seed(0)

    def drawn(*shape: int) -> Tensor:
        inside = torch.arange(shape[-1]) < widths.width.view(-1, *[1] * (len(shape) - 1))
        return torch.randn(shape, generator=generator) * inside

    done = program(cell.canonical())
    widths = Widths.of(WIDTHS, WIDE, torch.float32, torch.device("cpu"))
    shape = lanes, steps, batch, _ = len(WIDTHS), 4, 3, WIDE
    layer = Layer(done, dialect, shape, WIDE, widths, torch.zeros(1), persistent)
    assert (layer.loop is not None) == persistent
    masked = [
        drawn(lanes, WIDE, WIDE).transpose(1, 2).contiguous() * ~widths.outside
        for product in done.plan.products
        for _ in product.linears
    ]
    products, start = [], 0
    for product in done.plan.products:
        products.append(torch.cat(masked[start : start + len(product.linears)], 2))
        start += len(product.linears)
    ops = cell.canonical().ops
    biases = {node.handle: drawn(lanes, 1, WIDE) for node in ops if node.op == "linear"}
    vectors = {node.handle: drawn(lanes, 1, WIDE) for node in ops if node.op == "scale"}
    weights = Weights(products, biases, vectors)
    gradients = Weights(
        [torch.full_like(one, 7.0) for one in products],
        {k: torch.zeros_like(v) for k, v in biases.items()},
        {k: torch.zeros_like(v) for k, v in vectors.items()},
    )
    x = drawn(*shape)
    states = [drawn(lanes, batch, WIDE) for _ in done.cell.states]
    reset = torch.rand(steps, batch, generator=generator) < 0.3
    if spoiled:
        x[0, 1, 1, 2] = float("nan")
        x[1, 2, 0, 3] = float("inf")
    output, last = layer.forward(weights, x, x, states, reset)
    found = [output.clone(), *(one.clone() for one in last)]
    given = [drawn(lanes, batch, WIDE) for _ in last]
    dx, dwide, dstates = layer.backward(weights, gradients, drawn(*shape), given, reset)
    found += [dx, *dstates, *gradients.products, *gradients.biases.values(), *gradients.vectors.values()]
    return found if dwide is None else [*found, dwide]


def compare(cell: Cell, spoiled: bool = False, persistent: bool = False) -> None:
    """Fail where what Triton computes is not what plain torch does; see `run`."""
    ours = run(cell, triton_dialect.compile_kernel, spoiled, persistent)
    for found, expected in zip(ours, run(cell, torch_dialect.compile_kernel, spoiled), strict=True):
        most = expected.nan_to_num(0, 0, 0).abs().max().item()
        torch.testing.assert_close(found, expected, rtol=2e-5, atol=2e-5 * (1 + most), equal_nan=True)
