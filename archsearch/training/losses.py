"""What is trained and validated by: the loss of a model's outputs, summed over the positions that count."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from archsearch.tasks.gaussian import LEAST_VARIANCE
from archsearch.tasks.task import Measure

Loss = Callable[[Tensor, Tensor], Tensor]
"""(outputs, shape (scored, V); targets, shape (scored,), or of real numbers (scored, k)) -> the loss, in nats or squared."""


def _cross_entropy(outputs: Tensor, targets: Tensor) -> Tensor:
    return nn.functional.cross_entropy(outputs, targets, reduction="sum")


def _squared_error(outputs: Tensor, targets: Tensor) -> Tensor:
    return nn.functional.mse_loss(outputs[:, : targets.shape[-1]], targets, reduction="sum")


def _gaussian_nll(outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the NLL of normal distributions: first come the means of the targets, then the logs of their variances.

    A gradient passes by the least variance, as in `torch.nn.GaussianNLLLoss`: one that has become too small can grow again.
    """
    count = targets.shape[-1]
    mean, log_variance = outputs[:, :count], outputs[:, count : 2 * count].clone()
    with torch.no_grad():
        log_variance.clamp_(min=math.log(LEAST_VARIANCE))
    missed = (targets - mean).square() * torch.exp(-log_variance)
    return (math.log(2 * math.pi) + log_variance + missed).sum() / 2


LOSSES: dict[Measure, Loss] = {
    "accuracy": _cross_entropy,
    "nll": _cross_entropy,
    "mse": _squared_error,
    "gaussian_nll": _gaussian_nll,
}
"""What a task is trained by, by what it is scored by."""
