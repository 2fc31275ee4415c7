"""Windows of a task as tensors, kept while a worker trains cell after cell on the same data."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from archsearch.errors import TaskError
from archsearch.protocol.seeds import data_generator
from archsearch.tasks import Task, Window
from archsearch.tasks.lengths import READ_OUTS

KEPT = 8000
"""Windows of a training stream that are kept in memory, of 20 streams of 35 symbols 1 to 3 KB each; longer trials make the
rest anew."""

Values = NDArray[Any]

NARROW = tuple((kind, np.iinfo(kind).min, np.iinfo(kind).max) for kind in (np.uint8, np.int16, np.int32))
"""What whole numbers are kept in, the first that holds them all, with its limits."""

WIDENED = (torch.uint8, torch.int16, torch.int32)
"""The same as torch has them."""

STREAMS = 6 + len(READ_OUTS)
"""Streams of a task that are kept, those that were used last: whoever trains on ever fresh seeds returns to few, and to one
for each length that is read out."""


@dataclass(frozen=True, slots=True)
class Batch:
    """One window on the device: inputs and targets (T, B), and where it counts.

    Attributes:
        inputs: Symbols, shape (T, B); or real numbers, shape (T, B, how many).
        targets: The symbols to predict at the scored positions, shape (scored,); or real numbers, (scored, how many).
        scored: Indices of the scored positions in T·B, or None if all are scored.
        reset: Shape (T, B), or None.
    """

    inputs: Tensor
    targets: Tensor
    scored: Tensor | None
    reset: Tensor | None


class Stream:
    """A task's windows of one split, seed and shape, from the first; the first ones are kept.

    Args:
        task: The task.
        split: "train", "valid" or "test".
        seed: Of the training data.
        batch: B.
        unroll: T.
        device: Where the windows go.

    Attributes:
        start: Begins the windows again.
        split: As given.
        name: The task's.
        device: As given.
        source: Makes the windows that follow the kept ones.
        kept: The first windows, in small integers.
    """

    def __init__(self, task: Task, split: str, seed: int, batch: int, unroll: int, device: str) -> None:
        self.start = lambda: task.windows(split, data_generator(task.name, split, seed), batch, unroll)
        self.split, self.name, self.device = split, task.name, device
        self.source: Iterator[Window] = self.start()
        self.kept: list[Batch] = []

    def take(self, count: int) -> Iterator[Batch]:
        """Yield the first `count` windows, fewer where a file ends earlier."""
        for number in range(min(count, KEPT)):
            if number == len(self.kept) and not self._keep_next():
                return
            yield widened(self.kept[number])
        if count > KEPT:
            yield from (batch_of(window, self.device) for window in islice(self.start(), KEPT, count))

    def _keep_next(self) -> bool:
        """Keep one more window, if there is one.

        Raises:
            TaskError: There is not even a first.
        """
        window = next(self.source, None)
        if window is not None:
            self.kept.append(batch_of(window, self.device, narrowed))
        elif not self.kept:
            raise TaskError(
                f"{self.name}: its {self.split} part has no window of this size; give it more text"
            )
        return window is not None


def widened(batch: Batch) -> Batch:
    """Return a batch whose whole numbers are of 64 bits again."""
    scored, reset = (None if tensor is None else _widen(tensor) for tensor in (batch.scored, batch.reset))
    return Batch(_widen(batch.inputs), _widen(batch.targets), scored, reset)


def _widen(tensor: Tensor) -> Tensor:
    return tensor.long() if tensor.dtype in WIDENED else tensor


def narrowed(values: Values) -> Values:
    """Return a copy of whole numbers that takes as little room as they can; see `widened`."""
    if values.dtype != np.int64 or not values.size:
        return values
    least, most = values.min(), values.max()
    return values.astype(
        next((kind for kind, first, last in NARROW if first <= least and most <= last), np.int64)
    )


def _as_they_are(values: Values) -> Values:
    return values


def batch_of(window: Window, device: str, kept: Callable[[Values], Values] = _as_they_are) -> Batch:
    """Return a window, arrays of shape (T, B), as tensors on a device.

    Args:
        window: The window.
        device: Where its tensors go.
        kept: Returns numbers as they are to be kept.
    """
    scored = window.scored.reshape(-1).nonzero()[0]
    targets = window.targets.reshape(-1, *window.targets.shape[2:])[scored]
    whole = len(scored) == window.scored.size
    reset = None if window.reset is None else torch.from_numpy(window.reset).to(device)
    return Batch(
        _tensor(kept(window.inputs)).contiguous().to(device),
        _tensor(kept(targets)).to(device),
        None if whole else torch.from_numpy(kept(scored)).to(device),
        reset,
    )


def _tensor(values: Values) -> Tensor:
    """Return symbols as they are, and real numbers in the precision of models."""
    return torch.from_numpy(np.array(values, np.float32) if values.dtype.kind == "f" else values)


class Streams:
    """The streams of one task on one device; a worker keeps them for as long as it keeps the task.

    Args:
        task: The task.
        device: Where its windows go.

    Attributes:
        task: As given.
        device: As given.
        streams: Those used last, by split, seed, batch and unroll, the latest at the end.
    """

    def __init__(self, task: Task, device: str) -> None:
        self.task, self.device = task, device
        self.streams: dict[tuple[str, int, int, int], Stream] = {}

    def take(self, split: str, seed: int, batch: int, unroll: int, count: int) -> Iterator[Batch]:
        """Yield the first `count` windows of a split.

        Args:
            split: "train", "valid" or "test".
            seed: Of the training data.
            batch: B of each window.
            unroll: T of each window.
            count: How many.
        """
        key = (split, seed, batch, unroll)
        stream = self.streams.pop(key, None) or Stream(self.task, *key, device=self.device)
        self.streams[key] = stream
        while len(self.streams) > STREAMS:
            del self.streams[next(iter(self.streams))]
        return stream.take(count)
