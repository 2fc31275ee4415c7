"""What the tests of tasks share: every task without files, and their streams."""

from itertools import islice

import numpy as np
from numpy.typing import NDArray

from archsearch.tasks import TASKS, Task, Window, load
from archsearch.tasks.lengths import LengthTask

GENERATED = [
    f"{name}:{difficulty}"
    for name, family in TASKS.items()
    if name != "ptb"
    for difficulty in family.difficulties
]
"""The tasks without files."""
LONG = [spec for spec in GENERATED if isinstance(load(spec), LengthTask)]
"""Those that say how long the sequences of each split are."""
EPISODES = [
    spec for spec in GENERATED if spec.split(":")[0] in ("memorization", "adding", "order") or spec in LONG
]
"""Tasks whose windows are whole episodes, however long these are."""


def take(
    task: Task, count: int, seed: int = 0, batch: int = 4, unroll: int = 35, split: str = "train"
) -> list[Window]:
    """Return the first windows of a task."""
    return list(islice(task.windows(split, np.random.default_rng(seed), batch, unroll), count))


def stream(task: Task, steps: int, seed: int = 0) -> NDArray[np.int64]:
    """Return one stream's inputs, about `steps` of them."""
    windows = take(task, steps // 100, seed, batch=1, unroll=100)
    return np.concatenate([window.inputs[:, 0] for window in windows])
