"""What lanes bring to a layer: their weights, side by side, and how wide each is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Weights:
    """What a layer learns, or its gradients.

    Attributes:
        products: Per product of the plan the matrices side by side, [R, K, N]; `y = x · W`.
        biases: By handle of a linear node, [R, 1, H].
        vectors: By handle of a node with a learned vector, [R, 1, H].
    """

    products: Sequence[Tensor]
    biases: dict[int, Tensor]
    vectors: dict[int, Tensor]


@dataclass(frozen=True)
class Widths:
    """The lanes' own widths.

    Attributes:
        outside: Bool [R, 1, H], true where a column lies beyond the lane's width.
        width: The width as a number of the layer's type, [R, 1, 1].
    """

    outside: Tensor
    width: Tensor

    @staticmethod
    def of(widths: Sequence[int], padded: int, dtype: torch.dtype, device: torch.device) -> Widths:
        """Return the widths of lanes.

        Args:
            widths: Each lane's own.
            padded: How wide all are.
            dtype: Of the layer's numbers.
            device: Where they lie.
        """
        width = torch.tensor(widths, device=device).view(-1, 1, 1)
        return Widths(torch.arange(padded, device=device).view(1, 1, -1) >= width, width.to(dtype))
