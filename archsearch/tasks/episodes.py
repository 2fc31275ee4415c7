"""Windows that are whole episodes: each stream is one sequence from its first step to its last, then padding.

States are reset where an episode starts, so nothing is carried over; padding is zeros and counts nowhere.
"""

from collections.abc import Iterator
from typing import Protocol

import numpy as np

from archsearch.tasks.task import Mask, Numbers, Symbols, Window


class Episodic(Protocol):
    """A task whose windows are whole episodes, drawn anew each time."""

    def draw(self, rng: np.random.Generator, count: int) -> Window:
        """Return independent episodes, padded at their ends to the longest, shape (T, count)."""

    def windows(self, split: str, rng: np.random.Generator, batch: int, unroll: int) -> Iterator[Window]:
        """Yield windows of whole episodes, for ever; the same law for every split.

        Args:
            split: `train`, `valid` or `test`.
            rng: The only source of chance.
            batch: B, at least 1.
            unroll: Not used: a window is as long as an episode.
        """
        while True:
            yield self.draw(rng, batch)


def end_scored(inputs: Symbols | Numbers, targets: Symbols | Numbers, lengths: Symbols) -> Window:
    """Return episodes that have a target at their last step alone: the sequence is classified, or summed up.

    Args:
        inputs: Shape (T, B), or (T, B, how many) of real numbers; what lies beyond an episode's end is set to zero.
        targets: One for each episode, shape (B,), or (B, how many) of real numbers.
        lengths: Steps of each episode, at least one of which has T, shape (B,).
    """
    everywhere = targets[None].repeat(len(inputs), axis=0)
    return _episodes(inputs, everywhere, np.arange(len(inputs))[:, None] == lengths - 1, lengths)


def step_scored(inputs: Symbols, targets: Symbols, lengths: Symbols) -> Window:
    """Return episodes that have a target at each step.

    Args:
        inputs: Shape (T, B); what lies beyond an episode's end is set to zero.
        targets: Shape (T, B), likewise.
        lengths: Steps of each episode, shape (B,).
    """
    within = np.arange(len(inputs))[:, None] < lengths
    return _episodes(inputs, np.where(within, targets, 0), within, lengths)


def _episodes(
    inputs: Symbols | Numbers, targets: Symbols | Numbers, scored: Mask, lengths: Symbols
) -> Window:
    beyond = np.arange(len(inputs))[:, None] >= lengths
    inputs = inputs.copy()
    inputs[beyond] = 0
    reset = np.zeros(beyond.shape, np.bool_)
    reset[0] = True
    return Window(inputs, targets, scored, reset)
