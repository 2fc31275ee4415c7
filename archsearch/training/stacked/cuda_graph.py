"""A step that runs again and again: directly on a CPU, on CUDA as one graph, which costs one launch instead of hundreds.

What a graph may not do, and what is done about it:

- Nothing in a step may look at a number: what a step decides, it decides on the device.
- Everything that a step changes lies in memory that stays where it is, and is changed in place.
- Before a step is captured it runs a few times on the stream of the capture, so that each product finds its algorithm and
  its workspace there and each kernel is compiled. Those runs count: they are the first steps of the training.
- All graphs of a process are captured on one stream, where they share the workspace of the products; so those of one model
  are dropped together, before the next model captures any.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache

import torch

WARM = 3
"""Steps that run directly before one is captured."""


@cache
def _stream(device: torch.device) -> torch.cuda.Stream:
    return torch.cuda.Stream(device)


@contextmanager
def on_stream(device: torch.device) -> Iterator[None]:
    """Run what follows on the process's one stream for graphs, after all that was begun before; nothing changes on a CPU."""
    if device.type != "cuda":
        yield
        return
    stream = _stream(device)
    stream.wait_stream(torch.cuda.current_stream(device))
    with torch.cuda.stream(stream):
        yield
    torch.cuda.current_stream(device).wait_stream(stream)


class Repeated:
    """A step without arguments or result, to be called within `on_stream`.

    Args:
        step: What is done.
        device: Where.

    Attributes:
        step: As given.
        device: As given.
        warm: How often the step has run directly.
        graph: The step as it was captured; None before.
    """

    def __init__(self, step: Callable[[], None], device: torch.device) -> None:
        self.step, self.device = step, device
        self.warm = 0
        self.graph: torch.cuda.CUDAGraph | None = None

    def __call__(self) -> None:
        """Do it."""
        if self.device.type != "cuda" or self.warm < WARM:
            self.warm += 1
            self.step()
            return
        if self.graph is None:
            self.graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(
                self.graph, stream=_stream(self.device)
            ):  # notes the step down without running it
                self.step()
        self.graph.replay()

    def drop(self) -> None:
        """Let the graph go, once it has run."""
        if self.graph is not None:
            torch.cuda.synchronize(self.device)
            self.graph.reset()
            self.graph = None
