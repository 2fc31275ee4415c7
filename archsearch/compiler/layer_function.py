"""What every engine makes of a cell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from torch import Tensor


class LayerFunction(Protocol):
    """A cell made ready to run."""

    def __call__(
        self, weights: Mapping[str, Tensor], x: Tensor, states: tuple[Tensor, ...], reset: Tensor | None
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Run one layer over a sequence.

        Args:
            weights: The layer's parameters under the names of `parameters.learned`.
            x: Input, (T, B, I), T at least 1.
            states: The states in canonical order, each (B, n).
            reset: Where states are zeroed before a step, bool (T, B), or None.

        Returns:
            The output of every step, (T, B, n), and the states after the last one.
        """
        ...

    def quickly(
        self, given: tuple[Tensor, ...], weights: tuple[Tensor, ...], axes: str, width: int
    ) -> list[Tensor] | None:
        """Run one layer where nothing is learned, with the least that a call can cost; an engine need not have such a way.

        Args:
            given: The input, of any shape, and the states in canonical order, each (1, B, n), or (1, n) without a batch; no
                states are zeros.
            weights: The layer's parameters in the order of `parameters.learned`, without a projection.
            axes: What the axes of x are: t for time, b for the batch, i for the width.
            width: n.

        Returns:
            The output, shaped as x, and the states after the last step; None where the call has to go the long way, and
            whatever is wrong with it is said.
        """
        return None
