"""Looks at a task's first windows before anything is trained: equal generators give equal windows, and something counts.

A task that draws from elsewhere, or keeps something from call to call, gives every cell other data: scores would not
compare, and a replay would fail.
"""

import itertools
from collections.abc import Iterator

import numpy as np

from archsearch.errors import TaskError
from archsearch.tasks.task import SPLITS, Task, Window, fixed_generator

BATCH, UNROLL = 2, 16
FEWEST, MOST = 5, 100
"""Windows of a split that are looked at: a few, and more until something is scored."""


def check_first_windows(task: Task) -> None:
    """Draw the first windows of each split twice.

    Raises:
        TaskError: The two draws differ, or nothing is scored in them.
    """
    for split in SPLITS:
        first, again = (_first_windows(task, split) for _ in range(2))
        where = f"{task.name}, split {split!r}"
        if not any(window.scored.any() for window in first):
            raise TaskError(f"{where}: nothing is scored in the first {len(first)} windows")
        for number, pair in enumerate(itertools.zip_longest(first, again), 1):
            if not _equal(*pair):
                raise TaskError(
                    f"{where}: window {number} differs between two draws with equal generators, so scores would not "
                    "compare; take all chance from `rng`, and keep nothing from one call of windows() to the next"
                )


def _first_windows(task: Task, split: str) -> list[Window]:
    """Return the first windows of a split, from a generator that is always the same, copied against later changes."""
    drawn, scored = list[Window](), False
    for window in task.windows(split, fixed_generator("first windows", split), BATCH, UNROLL):
        drawn.append(_copied(window))
        scored = scored or bool(window.scored.any())
        if len(drawn) >= (FEWEST if scored else MOST):
            break
    return drawn


def _arrays(window: Window) -> Iterator[np.ndarray | None]:
    yield from (window.inputs, window.targets, window.scored, window.reset)


def _copied(window: Window) -> Window:
    return Window(*(None if array is None else array.copy() for array in _arrays(window)))  # type: ignore[arg-type]


def _equal(one: Window | None, other: Window | None) -> bool:
    if one is None or other is None:
        return False
    return all(itertools.starmap(_same, zip(_arrays(one), _arrays(other), strict=True)))


def _same(one: np.ndarray | None, other: np.ndarray | None) -> bool:
    return one is other if one is None or other is None else np.array_equal(one, other)
