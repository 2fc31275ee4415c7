"""What a prediction by a normal distribution loses, without torch."""

import numpy as np
import pytest
import torch

from archsearch.tasks.gaussian import LEAST_VARIANCE, gaussian_nll

RNG = np.random.default_rng(5)


def test_the_loss_is_that_of_torch_also_below_the_least_variance() -> None:
    missed, variance = RNG.standard_normal((50, 3)), np.exp(RNG.uniform(-20, 3, (50, 3)))
    given = map(torch.from_numpy, (missed, np.zeros_like(missed), variance))
    expected = torch.nn.GaussianNLLLoss(full=True, reduction="none")(*given)
    assert (variance < LEAST_VARIANCE).any()
    assert np.allclose(gaussian_nll(missed, variance), expected.numpy(), rtol=1e-12)


def test_nothing_loses_less_than_what_is_met_with_the_least_variance() -> None:
    least = gaussian_nll(0.0, LEAST_VARIANCE)
    assert least == gaussian_nll(0.0, 0.0) == pytest.approx(-5.9888, abs=1e-4)
    losses = gaussian_nll(RNG.standard_normal(500), np.exp(RNG.uniform(-30, 9, 500)))
    assert (losses > least).all()
