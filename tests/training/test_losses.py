"""What outputs of a model lose, beside torch's own."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from archsearch.tasks.gaussian import LEAST_VARIANCE
from archsearch.tasks.measures import MEASURES
from archsearch.training.losses import LOSSES

GENERATOR = torch.Generator().manual_seed(8)
TARGETS = torch.randn(40, 2, generator=GENERATOR, dtype=torch.float64)
OUTPUTS = torch.randn(40, 5, generator=GENERATOR, dtype=torch.float64)
"""Of a model with one output more than two targets need."""


def value_and_gradient(loss: Tensor, outputs: Tensor) -> tuple[float, Tensor]:
    (gradient,) = torch.autograd.grad(loss, outputs)
    return loss.item(), gradient


@pytest.mark.parametrize("spread", [1.0, 12.0])
def test_the_gaussian_loss_and_its_gradient_are_those_of_torch_also_beyond_the_least_variance(
    spread: float,
) -> None:
    outputs = (spread * OUTPUTS).requires_grad_()
    log_variance = outputs[:, 2:4]
    assert (log_variance.min() < math.log(LEAST_VARIANCE)) == (spread > 1)
    given = outputs[:, :2], TARGETS, log_variance.exp()
    theirs = torch.nn.GaussianNLLLoss(full=True, reduction="sum")(*given)
    expected, steepest = value_and_gradient(theirs, outputs)
    found, gradient = value_and_gradient(LOSSES["gaussian_nll"](outputs, TARGETS), outputs)
    inside = torch.ones_like(outputs, dtype=torch.bool)
    inside[:, 2:4] = log_variance > math.log(LEAST_VARIANCE)
    assert found == pytest.approx(expected, rel=1e-12)
    assert torch.allclose(gradient[inside], steepest[inside], rtol=1e-10)


def test_the_gradient_of_the_gaussian_loss_is_that_of_finite_differences() -> None:
    given = OUTPUTS.clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda outputs: LOSSES["gaussian_nll"](outputs, TARGETS), given)


def test_a_variance_that_is_too_small_by_far_grows_where_much_is_missed() -> None:
    outputs = torch.tensor([[0.0, -40.0]], requires_grad=True)
    _, gradient = value_and_gradient(LOSSES["gaussian_nll"](outputs, torch.ones(1, 1)), outputs)
    assert gradient[0, 1] < 0 and gradient.isfinite().all()


def test_every_measure_has_a_loss() -> None:
    assert LOSSES.keys() == MEASURES.keys()
