"""How a character model is trained: what Karpathy et al. (2015) say, and where they say nothing, what their code did."""

from __future__ import annotations

import hashlib

import msgspec

from archsearch.cell import Cell
from archsearch.studies.characters.text import CharText

VERSION = 1
"""Rises when the same recipe gives other weights."""


class Recipe(msgspec.Struct, frozen=True):
    """All that decides a character model, but for the number of steps.

    Attributes:
        cell: The text of the cell.
        cell_id: Its id.
        text: SHA-256 of the text.
        symbols: V.
        layers: How many.
        units: Width of each.
        seed: Of initial weights.
        rate: Of RMSProp.
        keep: How much of the mean square RMSProp keeps.
        decay: Factor of the rate for every epoch after the first `steady`.
        steady: Epochs with the full rate.
        batch: Parallel streams.
        unroll: Steps of a window.
        bound: Of the initial weights.
        clip: Largest gradient of any weight.
        patience: Epochs without a better validation loss that end the training.
        version: Of the training.
    """

    cell: str
    cell_id: str
    text: str
    symbols: int
    layers: int
    units: int
    seed: int = 0
    rate: float = 2e-3
    keep: float = 0.95
    decay: float = 0.95
    steady: int = 10
    batch: int = 100
    unroll: int = 100
    bound: float = 0.08
    clip: float = 5.0
    patience: int = 5
    version: int = VERSION

    @property
    def file_name(self) -> str:
        """The name of what is kept of it, without ending: `3x512-c1f0a2b3c-9d8e7f6a5b`."""
        digest = hashlib.sha256(msgspec.json.encode(msgspec.structs.replace(self, cell=""))).hexdigest()
        return f"{self.layers}x{self.units}-{self.cell_id[:9]}-{digest[:10]}"

    def rate_in(self, epoch: int) -> float:
        """Return the rate in an epoch, counted from 0."""
        return float(self.rate * self.decay ** max(0, epoch + 1 - self.steady))


def recipe_for(cell: Cell, text: CharText, layers: int, units: int, seed: int = 0) -> Recipe:
    """Return the paper's recipe.

    Args:
        cell: The cell.
        text: What is learned.
        layers: How many.
        units: Width of each.
        seed: Of initial weights.
    """
    return Recipe(
        cell.text(),
        cell.id,
        text.checksum,
        len(text.alphabet),
        layers,
        units=units,
        seed=seed,
    )
