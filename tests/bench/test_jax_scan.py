"""The scan in JAX computes what the interpreter does; skipped where JAX is not installed, which nothing asks for."""

import numpy as np
import pytest
import torch

from archsearch.bench import LayerShape
from archsearch.bench.jax_scan import (
    SETTINGS,
    UNROLLS,
    _Scan,
    is_installed,
    load_jax,
    stacked_call,
    tuned_call,
)
from archsearch.cell import library
from archsearch.compiler import Recurrent

pytestmark = pytest.mark.skipif(not is_installed(), reason="JAX is not installed")
TINY = LayerShape(2, 6, 5)


@pytest.mark.parametrize("name", library.names())
def test_the_scan_equals_the_interpreter(name: str) -> None:
    layer = Recurrent(name, TINY.width, TINY.width, engine="interpreter")
    x = torch.randn(TINY.steps, TINY.batch, TINY.width, generator=torch.Generator().manual_seed(0))
    scan = _Scan(layer.cell.canonical(), TINY, unroll=5)
    weights = {}
    for operand, nodes in scan.maps.items():
        pairs = [layer.parameters_of(node.handle) for node in nodes]
        weights[f"w{operand}"] = np.concatenate([weight.detach().numpy().T for weight, _ in pairs], 1)
        none = torch.zeros(TINY.width)
        weights[f"b{operand}"] = np.concatenate(
            [(none if bias is None else bias).detach().numpy() for _, bias in pairs]
        )
    for node in scan.cell.ops:
        if node.op == "scale":
            weights[f"s{node.handle}"] = layer.parameters_of(node.handle)[0].detach().numpy()
    with torch.no_grad():
        expected = layer(x)[0].numpy()
    np.testing.assert_allclose(load_jax().jit(scan)(weights, x.numpy()), expected, rtol=1e-4, atol=1e-5)


def test_the_fastest_unrolling_is_taken() -> None:
    call, unroll = tuned_call(library.load("gru"), TINY)
    output, (weights, x) = call()  # type: ignore[misc]
    assert unroll in UNROLLS and unroll <= TINY.steps
    assert output.shape == x.shape == (6, 2, 5) and weights


def test_stacked_layers_are_each_what_they_are_alone() -> None:
    scan = _Scan(library.load("gru").canonical(), TINY, 5)
    weights, x, _ = scan.drawn(1)
    output, _ = stacked_call(scan.cell, TINY, 5)()  # type: ignore[misc]
    assert output.shape == (SETTINGS, 6, 2, 5)
    np.testing.assert_allclose(output[1], load_jax().jit(scan)(weights, x), rtol=1e-4, atol=1e-5)
