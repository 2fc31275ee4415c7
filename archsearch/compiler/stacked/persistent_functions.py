# mypy: disallow-untyped-defs=False, disallow-incomplete-defs=False
# (Triton reads annotations as its own.)
"""What printed loops over time call besides the functions of ops, in Triton; imported only where Triton is installed."""

import triton
import triton.language as tl


@triton.jit
def matrix(place, down, right, wide, SIDE: tl.constexpr):
    """Return a matrix, zeros beyond its width.

    Args:
        place: Where it begins.
        down: From one row to the next.
        right: From one column to the next.
        wide: Its rows and columns.
        SIDE: Those of the tile.
    """
    row = tl.arange(0, SIDE)[:, None]
    column = tl.arange(0, SIDE)[None, :]
    return tl.load(place + row * down + column * right, mask=(row < wide) & (column < wide), other=0.0)


@triton.jit
def product(added, rows, there, place, down, right, wide, PRECISION: tl.constexpr, CHUNK: tl.constexpr):
    """Return the product of rows in memory with a matrix in memory, added to a tile.

    Args:
        added: The tile.
        rows: Where each row begins.
        there: Where there is one.
        place: Where the matrix begins.
        down: From one of its rows to the next.
        right: From one of its columns to the next.
        wide: Its rows and columns.
        PRECISION: Of the product, as `tl.dot` calls it.
        CHUNK: How many of its rows are multiplied with at a time.
    """
    column = tl.arange(0, added.shape[1])[None, :]
    for start in range(0, wide, CHUNK):
        inner = start + tl.arange(0, CHUNK)
        a = tl.load(rows + inner[None, :], mask=there & (inner < wide)[None, :], other=0.0)
        inside = (inner < wide)[:, None] & (column < wide)
        b = tl.load(place + inner[:, None] * down + column * right, mask=inside, other=0.0)
        added = tl.dot(a, b, added, input_precision=PRECISION)
    return added
