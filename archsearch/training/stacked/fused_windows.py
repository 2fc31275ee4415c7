"""A window with its embedding in one launch, and the gradient of the embedding in another; for the Triton dialect.

Windows are sorted by symbol when they come, once for all lanes, so that whoever adds up the rows of a symbol finds them side
by side, and adds them in one order.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from archsearch.compiler.stacked.triton_dialect import COLUMNS, TILE, functions, launch, power
from archsearch.training.stacked.layout import whole
from archsearch.training.stacked.windows import CAPACITY, TakenWindow, WindowTable
from archsearch.training.windows import Batch

KERNELS = "archsearch.training.stacked.triton_windows"

ROWS = 32
"""Rows of a symbol that are added up side by side: fixed, since it decides bits; a power of two."""


class FusedWindows(WindowTable):
    """See `WindowTable`, whose windows and embeddings it gives bit for bit, and gradients to float32's precision.

    Args:
        shape: T and B.
        symbols: Size of the alphabet, V.
        device: Where all tensors lie.

    Attributes:
        order: The places of each window in the order of their symbols, [CAPACITY, T·B].
        first: Where each symbol begins in that order, and where the last one ends, [CAPACITY, V padded + 1].
    """

    def __init__(self, shape: tuple[int, int], symbols: int, device: torch.device) -> None:
        super().__init__(shape, symbols, device)
        self.order = torch.zeros_like(self.inputs)
        self.first = self.order.new_zeros(CAPACITY, whole(symbols) + 1)

    def fill(self, windows: Sequence[Batch]) -> None:
        """Put windows into the first rows, and sort them; see `WindowTable`.

        Raises:
            IndexError: A window has a symbol that there is not.
        """
        super().fill(windows)
        count, ends = len(windows), self.first.shape[1]
        found = self.inputs[:count].sort(dim=1, stable=True)
        alphabet = torch.arange(ends, device=self.first.device).repeat(count, 1)
        self.order[:count] = found.indices
        self.first[:count] = torch.searchsorted(found.values, alphabet)

    def take(self, embedding: Tensor) -> tuple[TakenWindow, Tensor]:
        """Return the next window and the rows of its symbols in each lane, shape (R, T, B, H), and go on.

        Args:
            embedding: A row for each symbol, shape (R, V padded, H).
        """
        lanes, _, wide = embedding.shape
        window = [torch.empty_like(part[0]) for part in self.parts]
        x, rows = embedding.new_empty(lanes, *self.shape, wide), self.inputs.shape[1]
        columns = min(COLUMNS, power(wide))
        tall = TILE // columns
        grid = -(-rows // tall), -(-wide // columns), lanes
        tables, into = ([_bytes(part) for part in parts] for parts in (self.parts, window))
        places = embedding, embedding.stride(0), *tables, self.next, *into, x
        launch(functions(KERNELS)["embedded"], grid, *places, rows, wide, ROWS=tall, COLUMNS=columns)
        self.next.add_(1)
        return TakenWindow(*window), x

    def embedding_gradient(self, window: TakenWindow, delta: Tensor, gradient: Tensor) -> None:
        """Fill the gradient of the embedding; see `WindowTable`.

        Args:
            window: The one that was taken last.
            delta: Gradient of the rows that were taken with it, shape (R, T, B, H), contiguous.
            gradient: Where that of the embedding goes, shape (R, V padded, H).
        """
        lanes, padded, wide = gradient.shape
        columns = min(COLUMNS, power(wide))
        grid, sizes = (padded, -(-wide // columns), lanes), (self.inputs.shape[1], padded, wide)
        places = delta, self.order, self.first, self.next, gradient, gradient.stride(0)
        launch(functions(KERNELS)["added_by_symbol"], grid, *places, *sizes, ROWS=ROWS, COLUMNS=columns)


def _bytes(part: Tensor) -> Tensor:
    return part.view(torch.uint8) if part.dtype == torch.bool else part
