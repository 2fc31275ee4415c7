"""Runs a cell with its initial weights in numpy: what its first state is at every step, before anything is trained.

The rows of `OPS` say what an op computes; here is what they call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from archsearch.cell import OPS, Cell, Node
from archsearch.cell.ops import LEAKY_SLOPE, NORM_EPSILON, UGI
from archsearch.compiler.parameters import Learned, bias_name, check_width, learned, weight_name
from archsearch.compiler.source_function import made

Array = NDArray[np.float64]


def _sigmoid(a: Array) -> Array:
    return 0.5 * (1 + np.tanh(0.5 * a))


FUNCTIONS: Mapping[str, Callable[..., Array]] = {
    "tanh_": np.tanh,
    "sigmoid": _sigmoid,
    "relu": lambda a: np.maximum(a, 0),
    "max_": np.maximum,
    "leaky_relu": lambda a: np.where(a > 0, a, LEAKY_SLOPE * a),
    "exp_": np.exp,
    "sqrt_": np.sqrt,
    "sin_": np.sin,
    "cos_": np.cos,
    "softplus": lambda a: np.logaddexp(0, a),
    "silu": lambda a: a * _sigmoid(a),
    "average_of": lambda a: np.broadcast_to(np.mean(a, -1, keepdims=True), a.shape),
    "root_of": lambda a: 1 / np.sqrt(np.mean(a * a, -1, keepdims=True) + NORM_EPSILON),
}
"""What the rules of `OPS` call, on arrays of any shape whose last axis is a row."""


@cache
def _computes(op: str) -> Callable[..., Array]:
    """Return the function of an element-wise op: of what it learns, then of its operands."""
    names = ("a", "b")[: OPS[op].arity]
    expression = OPS[op].rule.forward.format(*names, w="w", root="root_of(a)", average="average_of(a)")
    return made("computed", f"def computed(w, {', '.join(names)}):\n    return {expression}\n", FUNCTIONS)


def initial_weights(cell: Cell, width: int, rng: np.random.Generator) -> dict[str, Array]:
    """Return what a layer of a canonical form learns, as it starts, by name: shape (n, n) or (n,).

    Args:
        cell: In canonical form.
        width: n, also of x.
        rng: Where chance comes from.
    """
    check_width(cell, width)
    items = learned(cell, width, width)
    spread = [item for item in items if item.start is not None and abs(item.start) == UGI]
    gates = _spread(width, rng) if spread else np.empty(0)
    return {item.name: _drawn(item, rng, gates) for item in items}


def _spread(width: int, rng: np.random.Generator) -> Array:
    """Return the biases of uniform gate initialisation, shape (n,)."""
    u = rng.uniform(1 / max(width, 2), 1 - 1 / max(width, 2), width)
    spread: Array = np.log(u) - np.log1p(-u)
    return spread


def _drawn(item: Learned, rng: np.random.Generator, gates: Array) -> Array:
    if item.start is not None and abs(item.start) == UGI:
        return gates if item.start > 0 else -gates
    if item.start is not None:
        return np.full(item.shape, item.start)
    drawn: Array = rng.uniform(-1, 1, item.shape) / np.sqrt(item.shape[0])
    if not item.diagonal:
        return drawn
    return drawn + item.diagonal * np.tile(np.eye(item.shape[0] // item.heads), (item.heads, 1))


def hidden_states(cell: Cell, weights: Mapping[str, Array], x: Array) -> Array:
    """Return the first state after every step, shape (T, B, n), from zero states.

    Args:
        cell: In canonical form.
        weights: What it learns, by name: shape (n, n) or (n,).
        x: The input, as wide as the layer, shape (T, B, n).
    """
    return np.stack([values[cell.output] for values in values_of_steps(cell, weights, x)])


def values_of_steps(cell: Cell, weights: Mapping[str, Array], x: Array) -> Iterator[dict[int, Array]]:
    """Yield the values of all nodes at every step by their handles, shape (B, n) each, from zero states.

    Args:
        cell: In canonical form.
        weights: What it learns, by name: shape (n, n) or (n,).
        x: The input, as wide as the layer, shape (T, B, n).
    """
    states = [np.zeros(x.shape[1:])] * len(cell.next)
    for now in x:
        values = {node.handle: np.full_like(now, node.value) for node in cell.nodes if node.op == "number"}
        values[cell.x.handle] = now
        values.update(zip((node.handle for node in cell.state_nodes), states, strict=True))
        with np.errstate(all="ignore"):
            for node in cell.ops:
                values[node.handle] = _value(node, weights, [values[source] for source in node.inputs])
        states = [values[handle] for handle in cell.next]
        yield values


def _value(node: Node, weights: Mapping[str, Array], operands: Sequence[Array]) -> Array:
    weight = weights.get(weight_name(node.owner))
    if node.op != "linear":
        return _computes(node.op)(weight, *operands)
    assert weight is not None
    products = [
        part @ (block if node.transposed else block.T)
        for part, block in zip(
            np.split(operands[0], node.heads, -1), np.split(weight, node.heads), strict=True
        )
    ]
    return np.concatenate(products, -1) + weights.get(bias_name(node.handle), 0.0)
