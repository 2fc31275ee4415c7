"""What settings of the random search are drawn from, after Greff et al. (2017)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import msgspec
import numpy as np

from archsearch.protocol.seeds import generator

VERSION = 1
"""Rises when a seed gives other settings or other trials."""


class RandomSetting(msgspec.Struct, frozen=True):
    """What a trial is trained with.

    Attributes:
        units: Width of the layer.
        rate: Learning rate, before it is multiplied by 1 - momentum.
        momentum: Share of the last step that the next one keeps.
        noise: Standard deviation of what is added to the inputs.
    """

    units: int
    rate: float
    momentum: float
    noise: float


@dataclass(frozen=True)
class Range:
    """Where values of one hyper-parameter are drawn from: evenly, on its own scale.

    Attributes:
        low: The least value.
        high: The largest.
        scale: The values themselves, their logarithms, or the logarithms of what they lack of 1.
        natural: The ends beyond which there is no value, so that a search cannot be made wider there.
    """

    low: float
    high: float
    scale: str = "linear"
    natural: tuple[str, ...] = ()

    def value(self, place: float) -> float:
        """Return the value at a place from 0, the least, to 1."""
        low, high = self._scaled(self.low), self._scaled(self.high)
        scaled = low + place * (high - low)
        if self.scale == "log":
            return math.exp(scaled)
        return scaled if self.scale == "linear" else 1 - math.exp(scaled)

    def place(self, value: float) -> float:
        """Return where a value lies, from 0, the least, to 1."""
        low, high = self._scaled(self.low), self._scaled(self.high)
        return (self._scaled(value) - low) / (high - low)

    def _scaled(self, value: float) -> float:
        if self.scale == "log":
            return math.log(value)
        return value if self.scale == "linear" else math.log(1 - value)


RANGES = {
    "units": Range(20, 200, "log"),
    "rate": Range(1e-6, 1e-2, "log"),
    "momentum": Range(0.0, 0.99, "one less log", natural=("low",)),
    "noise": Range(0.0, 1.0, natural=("low",)),
}
"""Hyper-parameter -> where it is drawn from; momentum is 1 less a number whose logarithm is even from 0.01 to 1."""


def drawn_setting(seed: int, number: int) -> RandomSetting:
    """Return the setting of a trial, the same for every cell.

    Args:
        seed: Of the search.
        number: Of the trial in it.
    """
    places = generator("odyssey", VERSION, seed, number, "setting").random(len(RANGES))
    values = {name: RANGES[name].value(float(place)) for name, place in zip(RANGES, places, strict=True)}
    return RandomSetting(
        round(values["units"]), rate=values["rate"], momentum=values["momentum"], noise=values["noise"]
    )


def places_of(setting: RandomSetting) -> np.ndarray:
    """Return where the values of a setting lie in their ranges, each from 0 to 1, shape (4,)."""
    return np.array([RANGES[name].place(getattr(setting, name)) for name in RANGES])
