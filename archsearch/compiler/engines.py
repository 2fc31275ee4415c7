"""The engines: the ways in which a layer of a cell can run over a sequence."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from torch import Tensor

from archsearch.cell import Cell
from archsearch.compiler.reference import Interpreter


class Engine(Protocol):
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


ENGINES: dict[str, Callable[[Cell], Engine]] = {
    "reference": Interpreter,
}
"""Name -> what makes a cell in canonical form (handles 0, 1, 2 …) ready to run."""

VERSIONS = {"reference": 1}
"""Part of every trial's record; a version rises when an engine's bits change."""

ENGINE = "reference"
"""What trains a cell unless something else is asked for."""
