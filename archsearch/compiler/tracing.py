"""The values of a cell's nodes over a sequence, layer by layer: what goes on inside a layer that has been trained."""

from __future__ import annotations

from collections.abc import Collection

from torch import Tensor

from archsearch.compiler.interpreter import Interpreter
from archsearch.compiler.parameters import PROJECTION, bias_name, learned, weight_name
from archsearch.compiler.recurrent import Recurrent

LayerStates = list[tuple[Tensor, ...]]
"""For each layer its states in canonical order, each of shape (B, n)."""


def trace(
    layer: Recurrent, x: Tensor, states: LayerStates | None, handles: Collection[int]
) -> tuple[list[dict[int, Tensor]], Tensor, LayerStates]:
    """Return the values of some nodes in every layer, the last layer's output, and the states after the last step.

    The interpreter computes them, without dropout; a layer in one direction is meant.

    Args:
        layer: What is looked into.
        x: Its input, shape (T, B, I), T at least 1.
        states: What the last window left; None for zeros.
        handles: Nodes of `layer.cell.canonical()`, of any kind but `linear`.

    Returns:
        For each layer the node values by handle, each of shape (T, B, n); the output, of that shape; the states.
    """
    cell = layer.cell.canonical()
    interpreter, output = Interpreter(cell), cell.next[0]
    zeros = x.new_zeros(x.shape[1], layer.hidden_size)
    before = states or [(zeros,) * len(cell.state_nodes)] * layer.num_layers
    found, after = [], []
    for level, own in enumerate(before):
        wanted = {*handles, output}
        values, left = interpreter.trace(weights_of(layer, level), x, own, wanted)
        x = values[output]
        found.append({handle: values[handle] for handle in handles})
        after.append(left)
    return found, x, after


def weights_of(layer: Recurrent, level: int) -> dict[str, Tensor]:
    """Return what a layer learns, matrices of shape (n, fan_in) and vectors (n,), under the names that engines have for it.

    Args:
        layer: The layers.
        level: Which of them, from 0.
    """
    cell = layer.cell.canonical()
    size = layer.hidden_size if level else layer.input_size
    names = {item.name for item in learned(cell, size, layer.hidden_size)}
    found: dict[str, Tensor] = {}
    for node in [cell.x, *cell.ops]:
        name = PROJECTION if node is cell.x else weight_name(node.owner)
        if name in names:
            weight, bias = layer.parameters_of(node.handle, level)
            found[name] = weight.detach()
            if bias is not None:
                found[bias_name(node.handle)] = bias.detach()
    return found
