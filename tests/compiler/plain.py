"""The plainest way to run a cell: every node at every step by its row in OPS. And random cells to run."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from archsearch.cell import OPS, Cell, Node
from archsearch.cell.graph import is_input_linear
from archsearch.cell.ops import canonical_arguments
from archsearch.compiler import Recurrent


def run(layer: Recurrent, x: Tensor, states: tuple[Tensor, ...], reset: Tensor) -> tuple[Tensor, ...]:
    """Return the outputs (T, B, n) and the last states (B, n), canonical, of a layer with one level."""
    cell = layer.cell.canonical()
    outputs = []
    for raw, zeroed in zip(x, reset, strict=True):
        states = tuple(torch.where(zeroed[:, None], 0.0, state) for state in states)
        values = dict(zip((node.handle for node in cell.state_nodes), states, strict=True))
        for node in cell.nodes:
            if node.op == "input":
                projected = cell.needs_projection and layer.input_size != layer.hidden_size
                values[0] = raw @ layer.parameters_of(0)[0].T if projected else raw
            elif node.op == "number":
                values[node.handle] = torch.full_like(states[0], node.value)
            elif node.op != "state":
                weight, bias = layer.parameters_of(node.handle) if node.learns else (None, None)
                weight = weight.T if weight is not None and node.transposed else weight
                operands = [raw] if is_input_linear(node, 0) else [values[source] for source in node.inputs]
                values[node.handle] = evaluated(node, operands, weight, bias)
        states = tuple(values[handle] for handle in cell.next)
        outputs.append(states[0])
    return torch.stack(outputs), *states


def evaluated(node: Node, operands: list[Tensor], weight: Tensor | None, bias: Tensor | None) -> Tensor:
    """Return what the op's torch template computes."""
    template = OPS[node.op].torch.format(*(f"v[{i}]" for i in range(len(operands))), w="w", b="b")
    result: Tensor = eval(template, {"torch": torch, "v": operands, "w": weight, "b": bias})
    return result


def random_cell(seed: int, size: int = 20) -> Cell:
    """Return a cell with up to `size` nodes of any ops and one to three states; it may well diverge."""
    rng = np.random.default_rng(seed)
    count = int(rng.integers(1, 4))
    nodes = [Node(0, "input", name="x"), *(Node(i + 1, "state", name=f"s{i}") for i in range(count))]
    nodes.append(Node(len(nodes), "number", args=(("value", 0.5),)))
    ops = [*OPS, *["linear", "add"] * 4]
    while len(nodes) < size + count + 2:
        op = ops[rng.integers(len(ops))]
        oldest = max(0, len(nodes) - 8) if rng.integers(3) else 0
        inputs = tuple(int(i) for i in rng.integers(oldest, len(nodes), size=OPS[op].arity))
        given: dict[str, Any] = {}
        if op == "linear":
            given = {"bias": [None, None, 0.0, 1.0][rng.integers(4)], "diag": float(rng.integers(5) == 0)}
        nodes.append(Node(len(nodes), op, inputs, canonical_arguments(op, given)))
    following = (len(nodes) - 1, *(int(i) for i in rng.integers(count + 2, len(nodes), size=count - 1)))
    return Cell("random", tuple(nodes), following)
