"""Gradients through time: the norms are autograd's own, and what theory says of them."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from archsearch.cell import Cell, library
from archsearch.compiler import Recurrent
from archsearch.studies.gradient import DECAYING, STEEPEST, decay_bound
from archsearch.studies.lags.jacobians import log_norms

CAROUSEL = Cell.parse("cell carousel(x, h):\n    h' = h + sigmoid(linear(x)) * tanh(linear(x))\n")
LOGISTIC = Cell.parse("cell logistic(x, h):\n    h' = sigmoid(linear(x) + linear(h, bias=none))\n")
BLIND = Cell.parse("cell blind(x, h):\n    h' = tanh(linear(x) + linear(stop(h), bias=none))\n")


def inputs(steps: int, width: int) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(0).standard_normal((steps, width)))


def logistic_unit(weight: float) -> Recurrent:
    """Return one logistic unit with this weight to itself."""
    layer = Recurrent(LOGISTIC, 1, 1)
    (own,) = [matrix for matrix in layer.matrices() if "_h" in matrix.name]
    with torch.no_grad():
        layer.get_parameter(own.name).fill_(weight)
    return layer


@pytest.mark.parametrize("name", ["tanh_rnn", "gru", "lstm"])
def test_norms_are_those_of_autograd_through_the_whole_sequence(name: str) -> None:
    layer = Recurrent(name, 3, 4, dtype=torch.float64, engine="interpreter")
    x, count = inputs(9, 3), len(library.load(name).states)
    states = tuple(torch.zeros(1, 1, 4, dtype=torch.float64, requires_grad=True) for _ in range(count))
    output, _ = layer(x[:, None], states if count > 1 else states[0])
    rows = [
        torch.cat(torch.autograd.grad(last, states, retain_graph=True), -1).flatten()
        for last in output[-1, 0]
    ]
    expected = math.log10(torch.linalg.matrix_norm(torch.stack(rows), 2))
    assert log_norms(layer, x, [9])[9] == pytest.approx(expected, abs=1e-12)


def test_the_logistic_function_is_nowhere_steeper_than_a_quarter() -> None:
    net = (torch.arange(-2000, 2001, dtype=torch.float64) / 100).requires_grad_()
    (slopes,) = torch.autograd.grad(torch.sigmoid(net).sum(), net)
    steepest = float(net.detach()[slopes.argmax()])
    assert float(slopes.max()) == STEEPEST == 0.25 and steepest == 0.0 and DECAYING == 4.0


@pytest.mark.parametrize("weight", [-3.9, 0.5, 2.0, 3.9])
def test_a_logistic_unit_with_a_weight_below_four_loses_every_error(weight: float) -> None:
    norms = log_norms(logistic_unit(weight), inputs(1000, 1), [1, 10, 100, 1000])
    for lag, norm in norms.items():
        assert norm is not None and norm <= decay_bound(weight, lag) + 1e-9
    last = norms[1000]
    assert last is not None and last < -10


def test_a_logistic_unit_with_a_larger_weight_may_let_an_error_grow() -> None:
    layer = logistic_unit(8.0)
    with torch.no_grad():
        for name, weight in layer.named_parameters():
            if "bias" in name:
                weight.fill_(-4.0)  # net = 8 · 0.5 - 4 = 0, the steepest place
            elif "_x" in name:
                weight.zero_()
    first = log_norms(layer, torch.zeros(1, 1), [1])[1]
    assert first is not None and first > 0.03 - 1


def test_the_carousel_keeps_an_error_exactly_as_it_is() -> None:
    assert set(log_norms(Recurrent(CAROUSEL, 3, 5), inputs(1000, 3), [1, 10, 1000]).values()) == {0.0}


def test_a_gradient_below_any_number_is_kept_as_its_logarithm() -> None:
    layer = Recurrent("tanh_rnn", 4, 4)
    layer.reset_parameters(scale=0.3, generator=torch.Generator().manual_seed(0))
    last = log_norms(layer, inputs(1000, 4), [1000])[1000]
    assert last is not None and last < -400


def test_a_gradient_that_is_zero_is_none() -> None:
    assert log_norms(Recurrent(BLIND, 2, 3), inputs(5, 2), [1, 5]) == {1: None, 5: None}
