"""Cells in numpy, before training: the states are those of a layer, and the score tells cells apart as it should."""

import numpy as np
import pytest
import torch

from archsearch.cell import Cell, library
from archsearch.compiler import Recurrent
from archsearch.compiler.parameters import titles
from archsearch.search.proxy import hidden_covariance
from archsearch.search.untrained import hidden_states, initial_weights
from tests.helpers.strategies import mutants, rewritten

ALL_OPS = """
cell all_ops(x, h, c, m):
    g = norm(linear(x, diag=1)) + scale(h) * 0.5
    e = scale(norm(c)) - silu(g) / (1 + exp(g))
    c' = max(tanh(c), softplus(x) * e) + leaky_relu(linear(e, bias=none)) + linear(2, bias=none)
    m' = stop(m) + relu(g) + sigmoid(linear(m, bias=1)) + sqrt(1 + sin(c) * cos(g)) - mean(g)
    h' = m' - c' + linear(h, bias=none, heads=2) + linear(c, bias=none, diag=1, heads=2)
"""
SHARED = """
cell shared(x, h, c):
    a = linear(h, diag=0.5)
    c' = tanh(linear(x, like=a', bias=1) + linear(c, bias=none, heads=2))
    b = linear(c', heads=3)
    h' = tanh(linear(c * h, like=b') + linear(x, like=a) + a) + b
"""
CELLS = [
    Cell.parse(ALL_OPS),
    Cell.parse(SHARED),
    *map(library.load, library.names()),
    *(m.child.cell for m in mutants(30)),
]


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.name)
def test_the_states_are_those_of_a_layer_with_the_same_weights(cell: Cell) -> None:
    rng, live = np.random.default_rng(0), cell.canonical()
    weights = initial_weights(live, 6, rng)
    layer = Recurrent(live, 6, 6, dtype=torch.float64, engine="interpreter")
    with torch.no_grad():
        for name, weight in weights.items():
            layer.get_parameter(f"{titles(live)[name]}_l0").copy_(torch.from_numpy(weight))
        x = rng.uniform(-1, 1, (7, 3, 6))
        expected = layer(torch.from_numpy(x))[0].numpy()
    np.testing.assert_allclose(hidden_states(live, weights, x), expected, rtol=1e-9, atol=1e-12)


def test_weights_start_as_those_of_a_layer() -> None:
    live = Cell.parse(ALL_OPS).canonical()
    weights = initial_weights(live, 400, np.random.default_rng(0))
    layer = Recurrent(live, 400, 400, engine="interpreter")
    named = {f"{titles(live)[name]}_l0": weight for name, weight in weights.items()}
    assert set(named) == {name for name, _ in layer.named_parameters()}
    for name, weight in named.items():
        theirs = layer.get_parameter(name).detach().numpy()
        assert weight.shape == theirs.shape
        assert weight.mean() == pytest.approx(theirs.mean(), abs=0.01)
        assert weight.std() == pytest.approx(theirs.std(), rel=0.1)


def test_a_cell_that_forgets_the_input_scores_below_one_that_keeps_it() -> None:
    gru, still = library.load("gru"), Cell.parse("cell still(x, h):\n    h' = h + x * 0 + 1")
    assert hidden_covariance(gru) > hidden_covariance(still)
    assert hidden_covariance(Cell.parse("cell zero(x, h):\n    h' = h * x")) == -np.inf


def test_a_cell_that_overflows_scores_least() -> None:
    assert hidden_covariance(Cell.parse("cell grows(x, h):\n    h' = exp(exp(h + exp(x)))")) == -np.inf


def test_isomorphic_cells_have_one_score() -> None:
    for mutant in mutants(5):
        other = rewritten(mutant.child.cell, np.random.default_rng(1))
        assert hidden_covariance(other) == hidden_covariance(mutant.child.cell)
