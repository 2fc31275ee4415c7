"""Windows of data where a step finds them: a table on the device, and which row of it is next."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from archsearch.training.windows import Batch

CAPACITY = 64
"""Windows of a table: what is trained, or judged, between two looks at how it went."""


class WindowTable:
    """Windows of T steps and B streams; the memory stays where it is, so that a captured step can read it.

    Attributes:
        shape: T and B.
        inputs: Symbols, [CAPACITY, T·B].
        targets: Next symbols, [CAPACITY, T·B], 0 where none is scored.
        scored: Where they count, bool [CAPACITY, T·B].
        reset: Where states are zeroed before a step, bool [CAPACITY, T, B].
        next: The row that a step reads, [1].
    """

    def __init__(self, steps: int, batch: int, device: torch.device) -> None:
        rows = CAPACITY, steps * batch
        self.shape = steps, batch
        self.inputs, self.targets = (torch.zeros(rows, dtype=torch.long, device=device) for _ in range(2))
        self.scored = torch.zeros(rows, dtype=torch.bool, device=device)
        self.reset = torch.zeros(CAPACITY, steps, batch, dtype=torch.bool, device=device)
        self.next = torch.zeros(1, dtype=torch.long, device=device)

    def fill(self, windows: Sequence[Batch], symbols: int) -> None:
        """Put windows into the first rows; the next step reads the first.

        Raises:
            IndexError: A window has a symbol that there is not.
        """
        count = len(windows)
        self.inputs[:count] = torch.stack([window.inputs.flatten() for window in windows])
        places = self._scored_places(windows)
        self.targets.zero_().view(-1).index_copy_(
            0, places, torch.cat([window.targets for window in windows])
        )
        self.scored.zero_().view(-1).index_fill_(0, places, True)
        self.reset.zero_()
        for row, window in enumerate(windows):
            if window.reset is not None:
                self.reset[row] = window.reset
        for used in (self.inputs[:count], self.targets[:count]):
            for strange in (int(used.min()), int(used.max())):
                if not 0 <= strange < symbols:
                    raise IndexError(f"a window has {strange}, which is no symbol")
        self.next.zero_()

    def _scored_places(self, windows: Sequence[Batch]) -> Tensor:
        """Return where all scored positions lie in the flat table."""
        device, size = self.inputs.device, self.inputs.shape[1]
        everywhere = torch.arange(size, device=device)
        places = torch.cat([everywhere if window.scored is None else window.scored for window in windows])
        counts = torch.tensor([len(window.targets) for window in windows])
        rows = torch.arange(len(windows)).repeat_interleave(counts) * size
        return places + rows.to(device)

    def take(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return inputs, targets and scored, shape (T·B,), and reset, shape (T, B), of the next row, and go on."""
        row = [
            part.index_select(0, self.next)[0]
            for part in (self.inputs, self.targets, self.scored, self.reset)
        ]
        self.next.add_(1)
        return row[0], row[1], row[2], row[3]


def runs(windows: Sequence[Batch]) -> Iterator[tuple[int, list[Batch]]]:
    """Yield neighbouring windows with equally many steps, at most a table full, with that number of steps."""
    waiting: list[Batch] = []
    for window in windows:
        if waiting and (len(window.inputs) != len(waiting[0].inputs) or len(waiting) == CAPACITY):
            yield len(waiting[0].inputs), waiting
            waiting = []
        waiting.append(window)
    if waiting:
        yield len(waiting[0].inputs), waiting
