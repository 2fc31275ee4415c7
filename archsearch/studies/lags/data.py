"""Sequences to learn from one after another, each with what every output unit is to say."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from archsearch.tasks.task import Mask, Numbers, Symbols, Window

Draw = Callable[[np.random.Generator, int], Window]
"""(generator, number of episodes) -> the episodes, side by side."""


@dataclass(frozen=True)
class Lesson:
    """Sequences in their order, each padded at its end to the longest.

    Attributes:
        inputs: Symbols of shape (sequences, T), or real numbers (sequences, T, how many).
        targets: What each output unit is to say, shape (sequences, T, outputs); zero where nothing is asked.
        scored: Where something is, shape (sequences, T).
        lengths: Steps up to the last at which something is, shape (sequences,).
    """

    inputs: Symbols | Numbers
    targets: Numbers
    scored: Mask
    lengths: Symbols

    def first(self, count: int) -> Lesson:
        """Return the first of its sequences."""
        return Lesson(self.inputs[:count], self.targets[:count], self.scored[:count], self.lengths[:count])


def lesson_of(window: Window, outputs: int) -> Lesson:
    """Return episodes side by side, shape (T, B), as sequences in an order.

    Args:
        window: The episodes.
        outputs: Output units.
    """
    inputs = window.inputs.swapaxes(0, 1).copy()
    targets = np.ascontiguousarray(unit_targets(window, outputs).swapaxes(0, 1))
    scored = np.ascontiguousarray(window.scored.T)
    return Lesson(inputs, targets, scored, scored.shape[1] - np.argmax(scored[:, ::-1], axis=1))


def unit_targets(window: Window, outputs: int) -> Numbers:
    """Return what each output unit is to say, shape (T, B, outputs); zero where nothing is asked.

    A symbol is the target 1 of one unit and 0 of the others.

    Args:
        window: The episodes.
        outputs: Output units.
    """
    targets, scored = window.targets, window.scored
    wanted = np.eye(outputs)[targets * scored] if targets.ndim == scored.ndim else targets
    return np.where(scored[..., None], wanted, 0.0)


def disjoint_sets(draw: Draw, rng: np.random.Generator, size: int) -> tuple[Window, Window]:
    """Return a training set, and a test set of as many sequences that are not in it.

    Args:
        draw: Makes sequences of symbols.
        rng: The only source of chance.
        size: Of each set.
    """
    train, more = draw(rng, size), draw(rng, 20 * size)
    known = set(_texts(train))
    fresh = [number for number, text in enumerate(_texts(more)) if text not in known]
    return train, picked(more, np.array(fresh[:size]))


def _texts(window: Window) -> Iterator[bytes]:
    for column, length in enumerate(window.scored.sum(axis=0)):
        yield window.inputs[:length, column].tobytes()


def picked(window: Window, columns: Symbols) -> Window:
    """Return some of the streams of a window, by their numbers, shape (how many,)."""
    return Window(window.inputs[:, columns], window.targets[:, columns], window.scored[:, columns])


def chosen_from(window: Window) -> Draw:
    """Return what draws from a set: each sequence equally likely, whatever came before."""
    return lambda rng, count: picked(window, rng.integers(window.scored.shape[1], size=count))
