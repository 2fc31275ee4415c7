"""The engines: the ways in which a layer of a cell can run over a sequence."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Mapping
from functools import cache
from typing import Protocol

import torch
from torch import Tensor

from archsearch.cell import Cell
from archsearch.compiler.interpreter import Interpreter
from archsearch.compiler.native.engine import Native, described
from archsearch.compiler.stacked import dialects
from archsearch.compiler.stacked.engine import Stacked
from archsearch.errors import BuildError


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
    "native": Native,
    "stacked": Stacked,
}
"""Name -> what makes a cell in canonical form (handles 0, 1, 2 …) ready to run."""

VERSIONS = {"reference": 1, "native": 1, "stacked": 1}
"""Part of every trial's record; a version rises when an engine's bits change."""


def default_engine(device: torch.device | str | int | None = None) -> str:
    """Return the engine that runs cells on a device: `stacked` on CUDA, `native` on a CPU with a C++ compiler.

    Elsewhere it is `reference`. Warns once per process where a CPU has no such compiler.
    """
    kind = "cuda" if isinstance(device, int) else torch.device(device or "cpu").type
    if kind != "cpu":
        return "stacked" if kind == "cuda" else "reference"
    return (
        "native"
        if _has_native(os.environ.get("CXX", ""), os.environ.get("ARCHSEARCH_MARCH", ""))
        else "reference"
    )


@cache
def _has_native(command: str, march: str) -> bool:
    """Whether the native engine works with this `$CXX` and `$ARCHSEARCH_MARCH`."""
    try:
        described()
    except BuildError as error:
        warnings.warn(
            f"no native engine: {error}; cells run in the interpreter, several times slower",
            RuntimeWarning,
            4,
        )
        return False
    return True


def identity(engine: str, device: torch.device | str = "cpu") -> str:
    """Return what decides the bits of an engine on a device, as records have it: e.g. `native 1 (g++ 12.2.0, AVX-512)`.

    Raises:
        BuildError: The engine does not work here.
    """
    words = f"{engine} {VERSIONS[engine]}"
    if engine == "stacked":
        return f"{words} ({dialects.described(torch.device(device))})"
    return f"{words} ({described()})" if engine == "native" else words
