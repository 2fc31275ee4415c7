"""A linear recurrence over time in log2 T passes, each over all steps side by side."""

from __future__ import annotations

import torch
from torch import Tensor


def scanned(slopes: Tensor, right: Tensor) -> Tensor:
    """Return y with y_t = A_t y_(t-1) + b_t and y before the first step zero, by doubling (Hillis and Steele 1986).

    After k passes y_t holds what the last 2^k steps bring to it, and A_t the product of their maps.

    Args:
        slopes: A, shape (S, S, T, ...): for each step and unit a matrix of S x S.
        right: b, shape (S, T, ...).
    """
    steps, reach = right.shape[1], 1
    while reach < steps:
        maps = slopes[:, :, reach:]
        brought = _applied(maps, right[:, :-reach])
        right = torch.cat([right[:, :reach], right[:, reach:] + brought], 1)
        if 2 * reach < steps:
            slopes = torch.cat([slopes[:, :, :reach], _composed(maps, slopes[:, :, :-reach])], 2)
        reach *= 2
    return right


def _applied(maps: Tensor, vectors: Tensor) -> Tensor:
    """Return A y of each step and unit; (S, S, T, ...) and (S, T, ...)."""
    if len(maps) == 1:
        return maps[0] * vectors
    return torch.einsum("ij...,j...->i...", maps, vectors)


def _composed(later: Tensor, earlier: Tensor) -> Tensor:
    """Return A B of each step and unit; (S, S, T, ...) both."""
    if len(later) == 1:
        return later * earlier
    return torch.einsum("ij...,jk...->ik...", later, earlier)
