"""Windows of data where a step finds them, read with the embeddings of their symbols; in plain torch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from archsearch.training.windows import Batch

CAPACITY = 64
"""Windows of a table: what is trained, or judged, between two looks at how it went."""


@dataclass(frozen=True, slots=True)
class TakenWindow:
    """A window as a step reads it.

    Attributes:
        symbols: Shape (T·B,).
        targets: Next symbols, alike, 0 where none is scored.
        scored: Where they count, bool, alike.
        reset: Where states are zeroed before a step, bool, shape (T, B); None if they never are.
    """

    symbols: Tensor
    targets: Tensor
    scored: Tensor
    reset: Tensor | None


class WindowTable:
    """Windows of T steps and B streams; the memory stays where it is, so that a captured step can read it.

    Args:
        shape: T and B.
        symbols: Size of the alphabet, V.
        device: Where all tensors lie.

    Attributes:
        shape: As given.
        symbols: As given.
        inputs: Symbols, [CAPACITY, T·B].
        targets: Next symbols, [CAPACITY, T·B], 0 where none is scored.
        scored: Where they count, bool [CAPACITY, T·B].
        reset: Where states are zeroed before a step, bool [CAPACITY, T, B].
        next: The row that a step reads, [1].
    """

    def __init__(self, shape: tuple[int, int], symbols: int, device: torch.device) -> None:
        rows = CAPACITY, shape[0] * shape[1]
        self.shape, self.symbols = shape, symbols
        self.inputs, self.targets = (torch.zeros(rows, dtype=torch.long, device=device) for _ in range(2))
        self.scored = torch.zeros(rows, dtype=torch.bool, device=device)
        self.reset = torch.zeros(CAPACITY, *shape, dtype=torch.bool, device=device)
        self.next = torch.zeros(1, dtype=torch.long, device=device)

    def fill(self, windows: Sequence[Batch]) -> None:
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
                if not 0 <= strange < self.symbols:
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

    @property
    def parts(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The parts of the table, each of shape (CAPACITY, …), in the order of those of a window."""
        return self.inputs, self.targets, self.scored, self.reset

    def take(self, embedding: Tensor) -> tuple[TakenWindow, Tensor]:
        """Return the next window and the rows of its symbols in each lane, shape (R, T, B, H), and go on.

        Args:
            embedding: A row for each symbol, shape (R, V padded, H).
        """
        window = TakenWindow(*(part.index_select(0, self.next)[0] for part in self.parts))
        self.next.add_(1)
        rows = embedding.index_select(1, window.symbols)
        return window, rows.view(len(rows), *self.shape, -1)

    def embedding_gradient(self, window: TakenWindow, delta: Tensor, gradient: Tensor) -> None:
        """Fill the gradient of the embedding: add up the rows of each symbol as one product, whose order is fixed.

        Args:
            window: The one that was taken last.
            delta: Gradient of the rows that were taken with it, shape (R, T, B, H), contiguous.
            gradient: Where that of the embedding goes, shape (R, V padded, H).
        """
        alphabet = torch.arange(gradient.shape[1], device=gradient.device)
        one_hot = (alphabet.unsqueeze(1) == window.symbols).to(delta.dtype).expand(len(delta), -1, -1)
        torch.bmm(one_hot, delta.flatten(1, 2), out=gradient)


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
