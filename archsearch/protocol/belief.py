"""What a measured ratio is worth: shrunk towards what such cells have, as far as clones say that it is noise.

A search believes this much of a cell from the cell's own trials, and from what was known before its first step; nothing of
it depends on the other candidates (docs/measuring.md, "What a search believes").
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from archsearch.referee.shrinkage import Population, shrunken


@dataclass(frozen=True)
class Prior:
    """What is known of a cell's ratio on a task before it is trained.

    Attributes:
        pool: The true ratios of such cells, against the mean of the GRU's draws.
        noise: v: the variance of a clone's ratio under one block of settings.
        level: The mean of the GRU's draws under the first block, as a ratio against the baseline, which is one of them.
    """

    pool: Population
    noise: float
    level: float

    def estimate(self, ratios: Mapping[int, float]) -> tuple[float, float]:
        """Return what the true ratio is believed to be, and the variance of that.

        The first block is held against the mean of all draws; of each other one there is but one draw of the GRU, which is
        as uncertain as the cell's.

        Args:
            ratios: Against the baseline, by block; at least one.
        """
        against_mean = [ratio / self.level if block == 0 else ratio for block, ratio in ratios.items()]
        spread = sum(self.noise * (1 if block == 0 else 2) for block in ratios) / len(ratios) ** 2
        values, variances = shrunken(np.array([np.mean(against_mean)]), np.array([spread]), self.pool)
        return float(values[0]), float(variances[0])


Belief = Mapping[str, Prior]
"""By task."""
