"""What an operator may choose from: the values that a node is computed from, in canonical order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from archsearch.cell import Cell

T = TypeVar("T")


def ancestors(cell: Cell, handle: int) -> list[int]:
    """Return the handles that `handle` is computed from within the step, x and states included, numbers not.

    During a pass, handles rise in canonical order, then in order of creation. The order of `cell.nodes` would
    not do: it changes with every edit.
    """
    return sorted(source for source in cell.ancestors(handle) if cell.node(source).op != "number")


def random_choice(choices: Sequence[T], rng: np.random.Generator) -> T:
    """Return one of the choices, each with the same probability."""
    return choices[int(rng.integers(len(choices)))]
