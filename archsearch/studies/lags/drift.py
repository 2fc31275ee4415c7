"""How far the states of memory cells drift: mean |s| over the steps of sequences, a figure for each block.

A cell adds up what its input gate lets in; where that is not balanced its state grows with the length of the sequence,
h(s) is saturated, and no error gets in any more. Input gates that start nearly closed, by a negative bias, are the remedy
of 1997.
"""

from __future__ import annotations

import numpy as np

from archsearch.studies.lags.memory_blocks import Weights, Wiring
from archsearch.tasks.task import Window


def mean_states(wiring: Wiring, weights: Weights, window: Window) -> tuple[float, ...]:
    """Return mean |s| of the cells of each block, over all steps up to the last at which something is asked.

    Args:
        wiring: The network.
        weights: Its weights.
        window: Sequences side by side, shape (T, B).
    """
    asked = window.scored[::-1].cumsum(axis=0)[::-1] > 0
    states = np.abs(wiring.run(weights, window.inputs).states)[asked]
    return tuple(map(float, states.mean(axis=(0, 2))))
