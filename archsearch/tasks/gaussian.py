"""What a prediction by a normal distribution loses, and the least variance that it may have."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from archsearch.tasks.task import Numbers

LEAST_VARIANCE = 1e-6
"""A smaller variance counts as this, as in `torch.nn.GaussianNLLLoss`, so that no density is without bounds."""


def gaussian_nll(missed: ArrayLike, variance: ArrayLike) -> Numbers:
    """Return the negative log of the density, in nats; below 0 where that is above 1.

    Args:
        missed: What was met, less the mean that was said.
        variance: The one that was said; it broadcasts with `missed`.
    """
    said = np.maximum(variance, LEAST_VARIANCE)
    loss: Numbers = (np.log(2 * np.pi * said) + np.square(missed) / said) / 2
    return loss
