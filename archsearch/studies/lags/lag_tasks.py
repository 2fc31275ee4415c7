"""Tasks of any lag: what is asked at the end was seen so many steps before, or more.

Those of Hochreiter and Schmidhuber (1997) with their places and lengths in proportion: distractors (experiment 2c, of
eight kinds), temporal order (6a) and adding (4). The lag is the fewest steps from what must be remembered to the answer:
for two symbols or numbers, from the later one at its latest.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from archsearch.tasks.adding import Adding
from archsearch.tasks.episodes import Episodic
from archsearch.tasks.noisy_lags import NoisyLag
from archsearch.tasks.task import Measure, Task, Window, accuracy_spread, words_checksum
from archsearch.tasks.temporal_order import TemporalOrder

KINDS = 8
"""Of distractors, whatever the lag."""


@dataclass(frozen=True)
class NoiseTask(Episodic):
    """Whether x or y came before the noise."""

    lag: int

    measure: Measure = "accuracy"
    is_real: bool = False
    floor: float = 0.5
    ceiling: float = 1.0
    spread: float = accuracy_spread(0.5, 1.0)
    alphabet: None = None
    symbols: int = KINDS + 4

    @property
    def name(self) -> str:
        """The task's name."""
        return f"noise:{self.lag}"

    @property
    def checksum(self) -> str:
        """SHA-256 of the generator's sizes."""
        return words_checksum("noise", self.lag, KINDS)

    def draw(self, rng: np.random.Generator, count: int) -> Window:
        """Return independent episodes, padded at their ends to the longest, shape (T, count)."""
        return NoisyLag(self.lag - 1, KINDS).draw(rng, count)


def _order(lag: int) -> Task:
    """Return 6a stretched: X and Y at 10 to 20 % and 50 to 60 % of the length."""
    shortest = -(-lag * 5 // 2)
    places = [shortest * share // 10 for share in (1, 2, 5, 6)]
    slots = ((max(places[0], 2), places[1]), (places[2], shortest - lag))
    return TemporalOrder(f"lag {lag}", slots, (shortest, shortest + shortest // 10))


LAG_TASKS: dict[str, Callable[[int], Task]] = {
    "noise": NoiseTask,
    "order": _order,
    "adding": lambda lag: Adding(f"lag {lag}", max(2 * lag, 24)),
}
"""Name -> (lag) -> task."""
