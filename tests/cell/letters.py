"""A layer's weights under the letters of the papers, for comparisons with equations written elsewhere."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from archsearch.cell import Cell, Node
from archsearch.compiler import Recurrent

Array = np.ndarray[Any, np.dtype[np.float64]]


def letters(layer: Recurrent) -> SimpleNamespace:
    """Return the weights of a layer with one level, each named after the line of the cell in which it stands.

    In the line of a gate `i` the matrix on x is `W_ix`, that on h (or on `r * h`, or `tanh(h)`) `W_ih`, the
    learned vector `p_i`, the bias `b_i`; the biases of a line that has two are `b_ix` and `b_ih`, and so are
    the vectors of a line that has several, `p_i1` the one on a number. Where a line has two matrices on one operand,
    as in DARTS and ENAS, the one in the difference is `V_...`. The projection of x is `P`, the identity where there is
    none.
    """
    cell = layer.cell.canonical()
    projected = cell.needs_projection and layer.input_size != layer.hidden_size
    found = {"P": array(layer.parameters_of(cell.x.handle)[0]) if projected else np.eye(layer.hidden_size)}
    biases: dict[str, dict[str, Array]] = {}
    vectors: dict[str, dict[str, Array]] = {}
    for node in filter(lambda node: node.learns, cell.ops):
        (line, path), operand = _line(cell, node), _operand(cell, node)
        weight, bias = layer.parameters_of(node.handle)
        if node.op == "scale":
            vectors.setdefault(line, {})[operand] = array(weight)
        else:
            matrix = weight.T if node.transposed else weight
            found[f"{'V' if 'sub' in path[:-1] else 'W'}_{line}{operand}"] = array(matrix)
        if bias is not None:
            biases.setdefault(line, {})[operand] = array(bias)
    for letter, lines in (("b", biases), ("p", vectors)):
        for line, of_line in lines.items():
            several = len(of_line) > 1
            found |= {f"{letter}_{line}{operand if several else ''}": one for operand, one in of_line.items()}
    return SimpleNamespace(**found)


def array(tensor: Tensor) -> Array:
    """Return a copy of a tensor in float64."""
    return tensor.detach().numpy().astype(np.float64)


def _line(cell: Cell, node: Node) -> tuple[str, list[str]]:
    """Return the name of the line that a node stands in, and the ops from there up to the line's value."""
    path: list[str] = []
    while not node.name and node.handle not in cell.next:
        (reader,) = cell.consumers[node.handle]
        node = cell.node(reader)
        path.append(node.op)
    return node.name or cell.states[cell.next.index(node.handle)], path


def _operand(cell: Cell, node: Node) -> str:
    """Return the name of what a node reads; of a nameless expression, that of the state in it."""
    while not (node := min(map(cell.node, node.inputs), key=lambda read: read.op != "state")).name:
        if node.handle in cell.next:
            return cell.states[cell.next.index(node.handle)]
        if node.op == "number":
            return f"{node.value:g}"
    return node.name


def randomised(layer: Recurrent, seed: int) -> Recurrent:
    """Draw all weights of a layer from U[-1, 1], those that start as constants too."""
    rng = np.random.default_rng(seed)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.copy_(torch.from_numpy(rng.uniform(-1, 1, parameter.shape)))
    return layer


def state_of(vectors: tuple[Array, ...]) -> Tensor | tuple[Tensor, ...]:
    """Return one vector per state as the state, without a batch, of a layer with one level."""
    tensors = tuple(torch.from_numpy(vector)[None] for vector in vectors)
    return tensors if len(tensors) > 1 else tensors[0]


def vectors_of(state: Tensor | tuple[Tensor, ...]) -> tuple[Array, ...]:
    """Return the state, without a batch, of a layer with one level as one vector per state."""
    return tuple(array(tensor[0]) for tensor in (state if isinstance(state, tuple) else (state,)))
