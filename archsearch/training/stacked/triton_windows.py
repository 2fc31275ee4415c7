# mypy: disallow-untyped-defs=False, disallow-incomplete-defs=False
# (Triton reads annotations as its own.)
"""A window with its embedding, and the gradient of that, in Triton; imported only where Triton is installed."""

import triton
import triton.language as tl


@triton.jit
def embedded(
    embedding,
    lane_size,
    inputs,
    targets,
    scored,
    reset,
    following,
    own_symbols,
    own_targets,
    own_scored,
    own_reset,
    x,
    rows,
    wide,
    ROWS: tl.constexpr,
    COLUMNS: tl.constexpr,
):
    """Cut the next window out of the table, and look its symbols up in each lane's embedding.

    Args:
        embedding: [lanes, V padded, H].
        lane_size: From one lane's embedding to the next one's.
        inputs: Symbols of all windows, [windows, rows].
        targets: Next symbols, alike.
        scored: Where they count, alike, bytes.
        reset: Where states are zeroed, alike, bytes.
        following: Which window is next, [1].
        own_symbols: Where the window's symbols go, [rows].
        own_targets: Its targets, alike.
        own_scored: Where they count, alike, bytes.
        own_reset: Where states are zeroed, alike, bytes.
        x: Where the rows of its symbols go, [lanes, rows, H].
        rows: T·B.
        wide: H.
        ROWS: Rows that an instance has.
        COLUMNS: Columns that an instance has.
    """
    lane = tl.program_id(2).to(tl.int64)
    row = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    column = (tl.program_id(1) * COLUMNS + tl.arange(0, COLUMNS))[None, :]
    there = row < rows
    place = tl.load(following) * rows + row
    symbol = tl.load(inputs + place, mask=there, other=0)
    inside = there[:, None] & (column < wide)
    value = tl.load(embedding + lane * lane_size + symbol[:, None] * wide + column, mask=inside, other=0.0)
    tl.store(x + (lane * rows + row)[:, None] * wide + column, value, mask=inside)
    if tl.program_id(1) + tl.program_id(2) == 0:
        tl.store(own_symbols + row, symbol, mask=there)
        tl.store(own_targets + row, tl.load(targets + place, mask=there, other=0), mask=there)
        tl.store(own_scored + row, tl.load(scored + place, mask=there, other=0), mask=there)
        tl.store(own_reset + row, tl.load(reset + place, mask=there, other=0), mask=there)


@triton.jit
def added_by_symbol(
    deltas,
    order,
    first,
    following,
    gradient,
    lane_size,
    rows,
    padded,
    wide,
    ROWS: tl.constexpr,
    COLUMNS: tl.constexpr,
):
    """Add up the rows of a symbol in the order of their places; a symbol that is nowhere gets zeros.

    Args:
        deltas: Gradients of the rows of the window that was taken last, [lanes, rows, H].
        order: The places of each window in the order of their symbols, [windows, rows].
        first: Where each symbol begins in that order, and where the last one ends, [windows, V padded + 1].
        following: Which window is next, [1].
        gradient: Where that of the embedding goes, [lanes, V padded, H].
        lane_size: From one lane's gradient to the next one's.
        rows: T·B.
        padded: V padded.
        wide: H.
        ROWS: Rows that are read at once.
        COLUMNS: Columns that an instance has.
    """
    symbol = tl.program_id(0)
    lane = tl.program_id(2).to(tl.int64)
    column = tl.program_id(1) * COLUMNS + tl.arange(0, COLUMNS)
    window = tl.load(following) - 1
    begin = first + window * (padded + 1) + symbol
    sums = tl.zeros([ROWS, COLUMNS], tl.float32)
    end = tl.load(begin + 1)
    for start in range(tl.load(begin), end, ROWS):
        place = start + tl.arange(0, ROWS)
        row = tl.load(order + window * rows + place, mask=place < end, other=0)
        inside = (place < end)[:, None] & (column < wide)[None, :]
        sums += tl.load(
            deltas + (lane * rows + row)[:, None] * wide + column[None, :], mask=inside, other=0.0
        )
    own = gradient + lane * lane_size + symbol.to(tl.int64) * wide
    tl.store(own + column, tl.sum(sums, axis=0), mask=column < wide)
