"""Cells in JAX, as tuned by hand: `jax.lax.scan` under `jit`. Used where JAX is installed, needed nowhere.

What depends on x alone is computed before the scan for all steps at once, maps of one operand are one product (whole, also
where they have heads, and with matrices of their own, also where they share one: it is the time that is asked for), and the
scan is unrolled as far as is fastest.
"""

from __future__ import annotations

import importlib
import operator
import os
from collections.abc import Callable, Sequence
from functools import cache
from importlib.util import find_spec
from typing import Any

import numpy as np

from archsearch.bench.shapes import LayerShape
from archsearch.bench.timing import Call, interleaved
from archsearch.cell import Cell, Node
from archsearch.cell.ops import LEAKY_SLOPE, NORM_EPSILON

UNROLLS = (1, 5, 7, 35)
"""Steps of the scan that one round of its loop makes."""

SETTINGS = 4
"""Settings of one cell that `stacked_call` trains side by side."""

ONE_THREAD = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"


def is_installed() -> bool:
    """Whether JAX can be imported."""
    return find_spec("jax") is not None


@cache
def load_jax() -> Any:
    """Return JAX, on the CPU and on one thread."""
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {ONE_THREAD}"
    jax = importlib.import_module("jax")
    jax.config.update("jax_cpu_enable_async_dispatch", False)
    return jax


def tuned_call(cell: Cell, shape: LayerShape) -> tuple[Call, int]:
    """Return forward and backward of a layer with the fastest unrolling, and which that is."""
    calls = {str(unroll): scan_call(cell, shape, unroll) for unroll in UNROLLS if unroll <= shape.steps}
    times = interleaved(calls, rounds=3)
    best = min(times, key=times.__getitem__)
    return calls[best], int(best)


def scan_call(cell: Cell, shape: LayerShape, unroll: int) -> Call:
    """Return forward and backward of a layer: the gradients of its parameters and of its input.

    Args:
        cell: The cell.
        shape: Batch, steps and width of the layer.
        unroll: Time steps of one turn of the scan.
    """
    scan = _Scan(cell.canonical(), shape, unroll)
    return _compiled(_both(scan), *scan.drawn(0))


def stacked_call(cell: Cell, shape: LayerShape, unroll: int) -> Call:
    """Return the same for SETTINGS layers of their own weights and inputs at once, by `vmap`.

    Args:
        cell: The cell.
        shape: Batch, steps and width of each layer.
        unroll: Time steps of one turn of the scan.
    """
    jax, scan = load_jax(), _Scan(cell.canonical(), shape, unroll)
    drawn = [scan.drawn(seed) for seed in range(SETTINGS)]
    return _compiled(jax.vmap(_both(scan)), *jax.tree.map(lambda *parts: jax.numpy.stack(parts), *drawn))


def _both(scan: _Scan) -> Callable[..., Any]:
    def outputs_and_gradients(weights: Any, x: Any, gradient: Any) -> Any:
        output, back = load_jax().vjp(scan, weights, x)
        return output, back(gradient)

    return outputs_and_gradients


def _compiled(function: Callable[..., Any], *arguments: Any) -> Call:
    jax = load_jax()
    jitted = jax.jit(function)
    return lambda: jax.block_until_ready(jitted(*arguments))


@cache
def _functions() -> dict[str, Callable[..., Any]]:
    """Return what computes each op but `linear`."""
    jax = load_jax()
    jnp = jax.numpy
    return {
        "add": operator.add,
        "sub": operator.sub,
        "mul": operator.mul,
        "div": operator.truediv,
        "scale": operator.mul,
        "max": jnp.maximum,
        "tanh": jnp.tanh,
        "sigmoid": jax.nn.sigmoid,
        "relu": jax.nn.relu,
        "exp": jnp.exp,
        "sqrt": jnp.sqrt,
        "sin": jnp.sin,
        "cos": jnp.cos,
        "softplus": jax.nn.softplus,
        "silu": jax.nn.silu,
        "leaky_relu": lambda a: jax.nn.leaky_relu(a, LEAKY_SLOPE),
        "norm": lambda a: a * jax.lax.rsqrt((a * a).mean(-1, keepdims=True) + NORM_EPSILON),
        "mean": lambda a: jnp.broadcast_to(a.mean(-1, keepdims=True), a.shape),
        "stop": jax.lax.stop_gradient,
    }


class _Scan:
    """A cell over a sequence.

    Args:
        cell: In canonical form.
        shape: Batch, steps and width.
        unroll: Time steps of one turn of the scan.

    Attributes:
        cell: As given.
        shape: As given.
        unroll: As given.
        size: T, B and H.
        numbers: Handle -> value of the number nodes.
        before: The nodes that are known before the first step.
        during: The others.
        crossing: Handles of what the others read of those before.
        maps: Handle of an operand -> the linear maps of it.
    """

    def __init__(self, cell: Cell, shape: LayerShape, unroll: int) -> None:
        self.cell, self.shape, self.unroll = cell, shape, unroll
        self.size = shape.steps, shape.batch, shape.width
        self.numbers = {node.handle: node.value for node in cell.nodes if node.op == "number"}
        known = {cell.x.handle, *self.numbers}
        for node in cell.ops:
            known |= {node.handle} if known.issuperset(node.inputs) else set()
        self.before = [node for node in cell.ops if node.handle in known]
        self.during = [node for node in cell.ops if node.handle not in known]
        read = {source for node in self.during for source in node.inputs} | set(cell.next)
        self.crossing = sorted(read & known - set(self.numbers))
        self.maps: dict[int, list[Node]] = {}
        for node in cell.ops:
            if node.op == "linear":
                self.maps.setdefault(node.inputs[0], []).append(node)

    def drawn(self, seed: int) -> tuple[Any, Any, Any]:
        """Return parameters, an input, and a gradient of the output."""
        draw, jnp = np.random.default_rng(seed), load_jax().numpy
        x, gradient = (jnp.asarray(draw.standard_normal(self.size), np.float32) for _ in range(2))
        return self._weights(draw), x, gradient

    def _weights(self, draw: np.random.Generator) -> dict[str, Any]:
        """Return drawn parameters: a matrix and perhaps a bias for each operand that is mapped, and the learned vectors."""
        width, bound = self.shape.width, self.shape.width**-0.5
        jnp, weights = load_jax().numpy, dict[str, Any]()
        for operand, nodes in self.maps.items():
            weights[f"w{operand}"] = jnp.asarray(
                draw.uniform(-bound, bound, (width, width * len(nodes))), np.float32
            )
            if any(node.argument("bias") is not None for node in nodes):
                weights[f"b{operand}"] = jnp.zeros(width * len(nodes), np.float32)
        for node in self.cell.ops:
            if node.op == "scale":
                weights[f"s{node.handle}"] = jnp.asarray(draw.uniform(-bound, bound, width), np.float32)
        return weights

    def __call__(self, weights: dict[str, Any], x: Any) -> Any:
        """Return the outputs of all steps."""
        jax = load_jax()
        whole = {**self.numbers, self.cell.x.handle: x}
        self._compute(self.before, whole, weights)
        states = [node.handle for node in self.cell.state_nodes]

        def step(state: Any, inputs: Any) -> Any:
            values = dict(zip([*self.crossing, *states], [*inputs, *state], strict=True)) | self.numbers
            self._compute(self.during, values, weights)
            after = tuple(values[handle] for handle in self.cell.next)
            return after, after[0]

        start = (jax.numpy.zeros(self.size[1:], np.float32),) * len(states)
        inputs = tuple(whole[handle] for handle in self.crossing)
        return jax.lax.scan(step, start, inputs, length=self.shape.steps, unroll=self.unroll)[1]

    def _compute(self, nodes: Sequence[Node], values: dict[int, Any], weights: dict[str, Any]) -> None:
        for node in nodes:
            if node.op != "linear":
                learned = [weights[f"s{node.handle}"]] if node.op == "scale" else []
                values[node.handle] = _functions()[node.op](
                    *(values[source] for source in node.inputs), *learned
                )
            elif node.handle not in values:
                operand = node.inputs[0]
                product = values[operand] @ weights[f"w{operand}"] + weights.get(f"b{operand}", 0)
                parts = load_jax().numpy.split(product, len(self.maps[operand]), -1)
                values |= {
                    linear.handle: part for linear, part in zip(self.maps[operand], parts, strict=True)
                }
