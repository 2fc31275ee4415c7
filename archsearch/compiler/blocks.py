"""Block-diagonal matrices: the blocks one above the other, as they are learned, and the whole, as it is multiplied with."""

from __future__ import annotations

import torch
from torch import Tensor


def whole_matrix(blocks: Tensor, heads: int) -> Tensor:
    """Return the (n, n) matrix of blocks (n, n / heads), with zeros beside them; a matrix of one head is itself."""
    return blocks if heads == 1 else torch.block_diag(*blocks.chunk(heads))


def blocks_of(matrix: Tensor, heads: int) -> Tensor:
    """Return the blocks (n, n / heads) of a matrix (n, n), whatever is beside them."""
    if heads == 1:
        return matrix
    return torch.cat([row.chunk(heads, 1)[place] for place, row in enumerate(matrix.chunk(heads))])


def diagonals(blocks: Tensor, heads: int) -> Tensor:
    """Return a view of the diagonals of blocks, shape (heads, n / heads): that of the whole, in parts."""
    view: Tensor = blocks.unflatten(0, (heads, -1))
    return view.diagonal(dim1=1, dim2=2)
