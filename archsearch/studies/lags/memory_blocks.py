"""The network of Hochreiter and Schmidhuber (1997): memory cells in blocks that share their gates, and its gradient.

    s(t) = s(t-1) + y_in(t) g(net_c(t)),  y_c(t) = y_out(t) h(s(t))

There is no forget gate, f is the logistic function, g(a) = 4 f(a) - 2 and h(a) = 2 f(a) - 1. The gradient is truncated:
an error that has reached the net input of a gate or cell goes no further back, and s alone carries error through time.
As its weight to itself is 1, what reaches s at a step is the sum of the errors at this step and all later ones, so the
gradient of a sequence takes no second loop over time.

Hidden units are in this order: input gates, output gates, cells by block.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from archsearch.tasks.task import Numbers, Symbols

Weights = dict[str, Numbers]
"""`x` (inputs, hidden), `y` (units that are read, hidden), `bias` (hidden,), `out` (cells, outputs), `direct` (inputs,
outputs), `out_bias` (outputs,); those that the wiring has."""


@dataclass(frozen=True)
class Wiring:
    """What is connected to what.

    Attributes:
        inputs: Input units.
        outputs: Output units.
        blocks: Memory blocks.
        size: Cells of a block.
        is_recurrent: Whether hidden units read hidden units of the step before.
        has_output_gates: Whether blocks have an output gate.
        is_direct: Whether outputs read the inputs as well.
        is_squashed: Whether h is as above, and not the identity.
        gate_bias: Whether gates have a bias.
        cell_bias: Whether cells have one.
        output_bias: Whether outputs have one.
        reads_gates: Whether hidden units read the gates of the step before, and not the cells alone.
    """

    inputs: int
    outputs: int
    blocks: int
    size: int = 1
    is_recurrent: bool = True
    has_output_gates: bool = True
    is_direct: bool = False
    is_squashed: bool = True
    gate_bias: bool = True
    cell_bias: bool = False
    output_bias: bool = False
    reads_gates: bool = True

    @property
    def cells(self) -> int:
        """Memory cells."""
        return self.blocks * self.size

    @property
    def gates(self) -> int:
        """Input and output gates."""
        return self.blocks * (2 if self.has_output_gates else 1)

    @property
    def hidden(self) -> int:
        """Gates and cells."""
        return self.gates + self.cells

    @property
    def read(self) -> int:
        """Hidden units that are read in the next step: the last of them."""
        return (self.hidden if self.reads_gates else self.cells) if self.is_recurrent else 0

    @property
    def weights(self) -> int:
        """How many weights there are, biases included."""
        sources = self.inputs + self.read
        biases = self.gates * self.gate_bias + self.cells * self.cell_bias
        into_output = self.cells + self.inputs * self.is_direct + self.output_bias
        return self.hidden * sources + biases + self.outputs * into_output

    @property
    def biased(self) -> Numbers:
        """1 for each hidden unit that has a bias, else 0; shape (hidden,)."""
        return np.repeat([float(self.gate_bias), float(self.cell_bias)], [self.gates, self.cells])

    def draw(
        self,
        rng: np.random.Generator,
        bound: float,
        input_bias: Sequence[float] = (),
        output_bias: Sequence[float] = (),
    ) -> Weights:
        """Return initial weights: uniform, but for the biases of gates that start at given numbers.

        Args:
            rng: Where they come from.
            bound: Weights are uniform between plus and minus it.
            input_bias: Of the input gate of each block; empty: drawn like the others.
            output_bias: Of the output gates, likewise.
        """
        shapes = {
            "x": (self.inputs, self.hidden),
            "y": (self.read, self.hidden),
            "bias": (self.hidden,),
            "out": (self.cells, self.outputs),
            "direct": (self.inputs, self.outputs),
            "out_bias": (self.outputs,),
        }
        there = {"y": self.is_recurrent, "direct": self.is_direct, "out_bias": self.output_bias}
        drawn = {name: rng.uniform(-bound, bound, size=shape) for name, shape in shapes.items()}
        weights = {name: weight for name, weight in drawn.items() if there.get(name, True)}
        weights["bias"] *= self.biased
        for start, given in ((0, input_bias), (self.blocks, output_bias)):
            weights["bias"][start : start + len(given)] = given
        return weights

    def run(self, weights: Weights, inputs: Symbols | Numbers) -> Trace:
        """Return what a network computes on sequences side by side.

        Args:
            weights: Of the network.
            inputs: Symbols of shape (T, B), or real numbers (T, B, inputs).
        """
        nets = _read(weights["x"], inputs) + weights["bias"]
        steps, count, _ = nets.shape
        by_block = (count, self.blocks, self.size)
        hidden, squashed, states = np.empty_like(nets), *np.empty((2, steps, *by_block))
        state, gates = np.zeros(by_block), self.gates
        for step, (net, now) in enumerate(zip(nets, hidden, strict=True)):
            if self.is_recurrent and step:
                net += hidden[step - 1, :, -self.read :] @ weights["y"]
            net[:] = _logistic(net)
            state = state + net[:, : self.blocks, None] * (4 * net[:, gates:].reshape(by_block) - 2)
            states[step] = state
            squashed[step] = out = 2 * _logistic(state) - 1 if self.is_squashed else state
            if self.has_output_gates:
                out = out * net[:, self.blocks : gates, None]
            now[:, :gates], now[:, gates:] = net[:, :gates], out.reshape(count, self.cells)
        return Trace(inputs, nets, hidden, squashed, states)

    def outputs_of(self, weights: Weights, trace: Trace) -> Numbers:
        """Return the activations of the output units at every step, shape (T, B, outputs)."""
        net = trace.hidden[..., self.gates :] @ weights["out"]
        if self.is_direct:
            net += _read(weights["direct"], trace.inputs)
        if self.output_bias:
            net += weights["out_bias"]
        return _logistic(net)

    def gradient(self, weights: Weights, trace: Trace, errors: Numbers) -> Weights:
        """Return the truncated gradient of the summed squared error, halved.

        Args:
            weights: Of the network.
            trace: What it computed.
            errors: Output less target where there is a target, else 0; times the slope of the output unit, shape
                (T, B, outputs).
        """
        hidden, squashed, gates, blocks = trace.hidden, trace.squashed, self.gates, self.blocks
        opened = hidden[..., :blocks, None]
        logistics = trace.logistics[..., gates:].reshape(squashed.shape)
        at_cells = (errors @ weights["out"].T).reshape(squashed.shape)
        at_states = at_cells * (0.5 * (1 - squashed**2) if self.is_squashed else 1.0)
        if self.has_output_gates:
            at_states = at_states * hidden[..., blocks:gates, None]
        carried = np.flip(np.cumsum(np.flip(at_states, 0), axis=0), 0)
        at_nets = np.empty_like(hidden)
        slopes = hidden[..., :gates] * (1 - hidden[..., :gates])
        at_nets[..., :blocks] = slopes[..., :blocks] * (carried * (4 * logistics - 2)).sum(axis=-1)
        if self.has_output_gates:
            at_nets[..., blocks:gates] = slopes[..., blocks:] * (at_cells * squashed).sum(axis=-1)
        at_nets[..., gates:] = (carried * opened * 4 * logistics * (1 - logistics)).reshape(
            *hidden.shape[:2], self.cells
        )
        found = {
            "x": _outer(trace.inputs, at_nets, self.inputs),
            "y": _outer(hidden[:-1, :, self.hidden - self.read :], at_nets[1:], self.read),
            "bias": at_nets.sum(axis=(0, 1)) * self.biased,
            "out": _outer(hidden[..., gates:], errors, self.cells),
            "direct": _outer(trace.inputs, errors, self.inputs),
            "out_bias": errors.sum(axis=(0, 1)),
        }
        return {name: found[name] for name in weights}


class Trace(NamedTuple):
    """What a network computed, step by step.

    Attributes:
        inputs: As given.
        logistics: f of the net input of each hidden unit, shape (T, B, hidden).
        hidden: The activations of the hidden units, same shape.
        squashed: h(s) of the cells, shape (T, B, blocks, size).
        states: s, same shape.
    """

    inputs: Symbols | Numbers
    logistics: Numbers
    hidden: Numbers
    squashed: Numbers
    states: Numbers


def _logistic(net: Numbers) -> Numbers:
    return 0.5 * np.tanh(0.5 * net) + 0.5


def _read(weights: Numbers, inputs: Symbols | Numbers) -> Numbers:
    """Return what inputs add to the nets of units, shape (T, B, units), for weights of shape (inputs, units)."""
    return weights[inputs] if inputs.dtype.kind == "i" else inputs @ weights


def _outer(sources: Symbols | Numbers, errors: Numbers, count: int) -> Numbers:
    """Return the sum over steps and sequences of source times error, shape (count, units).

    Args:
        sources: Symbols of shape (T, B), or activations (T, B, count).
        errors: Shape (T, B, units).
        count: How many sources there are.
    """
    if sources.dtype.kind == "i":
        total = np.zeros((count, errors.shape[-1]))
        np.add.at(total, sources.astype(np.int64), errors)
        return total
    return np.tensordot(sources, errors, axes=((0, 1), (0, 1)))
