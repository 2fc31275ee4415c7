"""What the parts of a trial take, for `evolve --profile`; nothing of it is in an outcome."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

Part = Literal["compile", "data", "training", "validation", "test"]
"""`compile` is everything before the first step: compiled code made or found, and the initial weights."""


class Stopwatch:
    """Adds up seconds by the part of a trial that they went to.

    Attributes:
        seconds: So far.
    """

    def __init__(self) -> None:
        self.seconds: dict[Part, float] = {}

    @contextmanager
    def of(self, part: Part) -> Iterator[None]:
        """Add what happens until the end to a part."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[part] = self.seconds.get(part, 0.0) + time.perf_counter() - began
