"""The network of 1997: its weight counts, and its gradient against the paper's own rule and against torch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from archsearch.studies.lags.experiments import EXPERIMENTS
from archsearch.studies.lags.memory_blocks import Weights, Wiring

Array = NDArray[np.float64]
STEPS = 9
WIRINGS = {
    "blocks of two": Wiring(5, 3, blocks=3, size=2),
    "all biases": Wiring(5, 3, blocks=2, size=2, cell_bias=True, output_bias=True),
    "no biases": Wiring(5, 2, blocks=2, gate_bias=False),
    "no output gates": Wiring(
        5,
        5,
        blocks=1,
        is_recurrent=False,
        has_output_gates=False,
        is_direct=True,
        is_squashed=False,
        gate_bias=False,
    ),
    "cells alone are read": Wiring(4, 3, blocks=2, size=2, output_bias=True, reads_gates=False),
    "recurrent without output gates": Wiring(4, 2, blocks=2, size=3, has_output_gates=False),
}


@pytest.mark.parametrize(
    ("name", "weights"),
    [
        ("reber-4x1", 264),
        ("reber", 276),
        ("2a", 10_504),
        ("2b", 10_504),
        ("2c", 364),
        ("2c-100", 664),
        ("2c-200", 1_264),
        ("2c-500", 3_064),
        ("2c-1000", 6_064),
        ("3a", 102),
        ("3c", 102),
        ("4", 93),
        ("5", 93),
        ("6a", 156),
        ("6b", 308),
    ],
)
def test_every_experiment_has_the_weights_of_the_paper(name: str, weights: int) -> None:
    wiring = EXPERIMENTS[name].wiring
    assert wiring.weights == weights
    drawn = wiring.draw(np.random.default_rng(0), 0.1)
    assert sum(np.count_nonzero(array) for array in drawn.values()) == weights


def network(name: str, sequences: int = 1) -> tuple[Wiring, Weights, Array, Array]:
    """Return a network, input sequences, and their targets at some of the steps."""
    wiring, rng = WIRINGS[name], np.random.default_rng(0)
    weights = wiring.draw(rng, 1.0)
    inputs = rng.normal(size=(STEPS, sequences, wiring.inputs))
    targets = rng.random(size=(STEPS, sequences, wiring.outputs))
    targets[rng.random(targets.shape[:2]) < 0.4] = np.nan  # nothing is asked there
    return wiring, weights, inputs, targets


def gradient_of(wiring: Wiring, weights: Weights, inputs: Any, targets: Array) -> Weights:
    trace = wiring.run(weights, inputs)
    outputs = wiring.outputs_of(weights, trace)
    return wiring.gradient(weights, trace, np.nan_to_num(outputs - targets) * outputs * (1 - outputs))


def logistic(net: Any) -> Any:
    return 1 / (1 + np.exp(-net))


def slope(of: Any) -> Any:
    """Return the derivative of the logistic function."""
    return logistic(of) * (1 - logistic(of))


def forward_mode(wiring: Wiring, weights: Weights, inputs: Array, targets: Array) -> Weights:
    """Return the gradient by the rule of the paper: derivatives of s by weights go along in time, step by step.

    One derivative of s for each cell and each weight into that cell or its input gate:
        ds/dw(t) = ds/dw(t-1) + y_in g'(net_c) y_u(t-1)         of the cell,
        ds/dw(t) = ds/dw(t-1) + f'(net_in) g(net_c) y_u(t-1)    of its input gate.
    """
    w, blocks, size, gates, hidden = weights, wiring.blocks, wiring.size, wiring.gates, wiring.hidden
    recurrent = w.get("y", np.zeros((0, hidden)))
    read = len(recurrent)
    into = np.concatenate([w["x"], recurrent, w["bias"][None]])
    total = np.zeros_like(into)
    out, direct, out_bias = np.zeros_like(w["out"]), 0.0, 0.0
    s, y = np.zeros((blocks, size)), np.zeros(hidden)
    by_cell, by_gate = np.zeros((blocks, size, len(into))), np.zeros((blocks, size, len(into)))
    for x, target in zip(inputs[:, 0], targets[:, 0], strict=True):
        sources = np.concatenate([x, y[hidden - read :], [1.0]])
        net = sources @ into
        net_in, net_out = net[:blocks], net[blocks:gates]
        net_c = net[gates:].reshape(blocks, size)
        g = 4 * logistic(net_c) - 2
        by_cell += (logistic(net_in)[:, None] * 4 * slope(net_c))[..., None] * sources
        by_gate += (slope(net_in)[:, None] * g)[..., None] * sources
        s = s + logistic(net_in)[:, None] * g
        h, h_slope = (2 * logistic(s) - 1, 2 * slope(s)) if wiring.is_squashed else (s, np.ones_like(s))
        y_out = logistic(net_out)[:, None] if wiring.has_output_gates else np.ones((blocks, 1))
        y_c = (y_out * h).ravel()
        net_k = y_c @ w["out"] + w.get("out_bias", 0) + (x @ w["direct"] if wiring.is_direct else 0)
        y = np.concatenate([logistic(net_in), logistic(net_out), y_c])
        if np.isnan(target).any():
            continue
        delta_k = (logistic(net_k) - target) * slope(net_k)
        to_cell = (w["out"] @ delta_k).reshape(blocks, size)
        e_s = y_out * h_slope * to_cell
        cells = (e_s[..., None] * by_cell).reshape(blocks * size, -1)
        total[:, gates:] += cells.T
        total[:, :blocks] += (e_s[..., None] * by_gate).sum(axis=1).T
        if wiring.has_output_gates:
            total[:, blocks:gates] += np.outer(sources, slope(net_out) * (h * to_cell).sum(axis=1))
        out += np.outer(y_c, delta_k)
        direct, out_bias = direct + np.outer(x, delta_k), out_bias + delta_k
    count = wiring.inputs
    found = {"x": total[:count], "bias": total[-1] * wiring.biased, "out": out}
    found["y"], found["direct"], found["out_bias"] = total[count:-1], direct, out_bias
    return {key: found[key] for key in weights}


@pytest.mark.parametrize("name", WIRINGS)
def test_the_gradient_is_that_of_the_rule_of_the_paper(name: str) -> None:
    wiring, weights, inputs, targets = network(name)
    ours, theirs = (rule(wiring, weights, inputs, targets) for rule in (gradient_of, forward_mode))
    assert ours.keys() == theirs.keys() == weights.keys()
    for key in weights:
        assert np.abs(ours[key] - theirs[key]).max() < 1e-10 * max(1.0, np.abs(theirs[key]).max())
        assert np.abs(theirs[key]).max() > 1e-4 or (key == "bias" and not wiring.gate_bias)


@pytest.mark.parametrize("name", WIRINGS)
def test_the_gradient_is_that_of_torch_with_what_recurs_cut_off(name: str) -> None:
    wiring, weights, inputs, targets = network(name)
    w = {key: torch.tensor(weight, requires_grad=True) for key, weight in weights.items()}
    s, y = torch.zeros(wiring.blocks, wiring.size), torch.zeros(wiring.hidden, dtype=torch.float64)
    loss = torch.zeros(())
    for x, target in zip(torch.tensor(inputs[:, 0]), torch.tensor(targets[:, 0]), strict=True):
        net = x @ w["x"] + w["bias"] * torch.tensor(wiring.biased)
        net = net + y.detach()[-wiring.read :] @ w["y"] if wiring.is_recurrent else net
        gates = torch.sigmoid(net[: wiring.gates])
        s = s + gates[: wiring.blocks, None] * (4 * torch.sigmoid(net[wiring.gates :].reshape(s.shape)) - 2)
        h = 2 * torch.sigmoid(s) - 1 if wiring.is_squashed else s
        h = h * gates[wiring.blocks :, None] if wiring.has_output_gates else h
        y = torch.cat([gates, h.flatten()])
        net_k = h.flatten() @ w["out"] + w.get("out_bias", torch.zeros(()))
        net_k = net_k + x @ w["direct"] if wiring.is_direct else net_k
        if not target.isnan().any():
            loss = loss + 0.5 * (torch.sigmoid(net_k) - target).square().sum()
    loss.backward()
    ours = gradient_of(wiring, weights, inputs, targets)
    for key, weight in w.items():
        assert weight.grad is not None
        assert np.abs(ours[key] - weight.grad.numpy()).max() < 1e-10 * max(
            1.0, float(weight.grad.abs().max())
        )


def test_symbols_are_read_like_vectors_with_a_one_in_their_place() -> None:
    wiring, weights, _, targets = network("no output gates", sequences=3)
    symbols = np.random.default_rng(1).integers(wiring.inputs, size=(STEPS, 3))
    by_symbol, by_vector = (
        gradient_of(wiring, weights, inputs, targets) for inputs in (symbols, np.eye(wiring.inputs)[symbols])
    )
    for key in weights:
        assert by_symbol[key] == pytest.approx(by_vector[key], abs=1e-14)


def test_the_gradient_of_sequences_side_by_side_is_the_sum_of_theirs() -> None:
    wiring, weights, inputs, targets = network("all biases", sequences=3)
    together = gradient_of(wiring, weights, inputs, targets)
    alone = [gradient_of(wiring, weights, inputs[:, n, None], targets[:, n, None]) for n in range(3)]
    for key in weights:
        assert together[key] == pytest.approx(sum(one[key] for one in alone), abs=1e-14)


def test_the_biases_of_gates_start_where_they_are_told_and_all_else_within_the_bound() -> None:
    wiring = Wiring(2, 1, blocks=2, size=2, cell_bias=True)
    weights = wiring.draw(np.random.default_rng(0), 0.1, input_bias=(-3, -6), output_bias=(-2, -4))
    assert list(weights["bias"][:4]) == [-3, -6, -2, -4]
    drawn = [weights["bias"][4:], *(weights[key] for key in ("x", "y", "out"))]
    assert all(0 < np.abs(array).max() <= 0.1 for array in drawn)
