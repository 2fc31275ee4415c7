"""What goes on inside a layer: the values of its nodes are those that its output is made of."""

from __future__ import annotations

import pytest
import torch

from archsearch.compiler import Recurrent
from archsearch.compiler.tracing import trace


@pytest.mark.parametrize("name", ["lstm", "gru", "gru_x", "mut1", "fgr"])
def test_the_traced_output_is_the_layers_own(name: str) -> None:
    layer, x = Recurrent(name, 5, 4, num_layers=2, engine="interpreter"), torch.randn(7, 3, 5)
    with torch.no_grad():
        _, output, _ = trace(layer, x, None, ())
        assert torch.allclose(output, layer(x)[0], atol=1e-6)


def test_a_trace_goes_on_from_the_states_that_the_last_one_left() -> None:
    layer, x = Recurrent("lstm", 5, 4, num_layers=2, engine="interpreter"), torch.randn(9, 3, 5)
    with torch.no_grad():
        _, first, states = trace(layer, x[:4], None, ())
        _, second, _ = trace(layer, x[4:], states, ())
        assert torch.allclose(torch.cat([first, second]), layer(x)[0], atol=1e-6)


def test_gates_and_states_of_an_lstm_are_what_its_formula_says() -> None:
    layer, x = Recurrent("lstm", 5, 4, engine="interpreter"), torch.randn(6, 3, 5)
    cell = layer.cell.canonical()
    nodes = {node.name: node.handle for node in cell.nodes if node.name}
    h, c = cell.next if cell.states[0] == "h" else cell.next[::-1]
    wanted = (nodes["i"], nodes["f"], nodes["g"], nodes["o"], h, c)
    with torch.no_grad():
        (values,), _, _ = trace(layer, x, None, wanted)
    i, f, g, o, h, c = (values[handle] for handle in wanted)
    assert torch.allclose(c[1:], f[1:] * c[:-1] + i[1:] * g[1:], atol=1e-6)
    assert torch.allclose(h, o * torch.tanh(c), atol=1e-6)


def test_a_gate_that_x_alone_decides_is_traced_over_the_whole_sequence() -> None:
    layer, x = Recurrent("mut1", 4, 4, engine="interpreter"), torch.randn(6, 3, 4)
    sigmoids = [node.handle for node in layer.cell.canonical().ops if node.op == "sigmoid"]
    with torch.no_grad():
        (values,), _, _ = trace(layer, x, None, sigmoids)
    assert all(values[handle].shape == (6, 3, 4) for handle in sigmoids)
