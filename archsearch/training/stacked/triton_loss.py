# mypy: disallow-untyped-defs=False, disallow-incomplete-defs=False
# (Triton reads annotations as its own.)
"""The cross entropy of a stack, with its gradient or its score, in Triton; imported only where Triton is installed."""

import triton
import triton.language as tl

LEAST = tl.constexpr(float("-inf"))


@triton.jit
def row_losses(place, there, target, symbols, ROWS: tl.constexpr, COLUMNS: tl.constexpr):
    """Return of every row its largest logit, the sum of all exponentials over that one's, and its loss, [ROWS] each.

    Args:
        place: Where the logits of each row begin, [ROWS, 1].
        there: Which rows there are, [ROWS].
        target: Their symbols, [ROWS, 1].
        symbols: V.
        ROWS: How many.
        COLUMNS: Logits of a row that are read at once.
    """
    most = tl.full([ROWS], LEAST, tl.float32)
    for start in range(0, symbols, COLUMNS):
        column = (start + tl.arange(0, COLUMNS))[None, :]
        value = tl.load(place + column, mask=there[:, None] & (column < symbols), other=LEAST)
        most = tl.maximum(most, tl.max(value, axis=1))
    total, own = tl.zeros([ROWS], tl.float32), tl.zeros([ROWS], tl.float32)
    for start in range(0, symbols, COLUMNS):
        column = (start + tl.arange(0, COLUMNS))[None, :]
        value = tl.load(place + column, mask=there[:, None] & (column < symbols), other=LEAST)
        total += tl.sum(tl.exp(value - most[:, None]), axis=1)
        own += tl.sum(tl.where(column == target, value, 0.0), axis=1)
    return most, total, tl.log(total) - (own - most)


@triton.jit
def cross_entropy(
    logits, targets, scored, losses, rows, symbols, padded, batch, ROWS: tl.constexpr, COLUMNS: tl.constexpr
):
    """Put the loss of every row away, and its gradient in the place of the logits.

    Args:
        logits: [lanes, rows, V padded].
        targets: Symbols, [rows].
        scored: Where they count, [rows], bytes.
        losses: Where the losses go, [lanes, rows].
        rows: How many.
        symbols: V; what lies behind it becomes 0.
        padded: V padded.
        batch: The gradient is divided by it.
        ROWS: Rows that an instance has.
        COLUMNS: Logits of a row that are read at once.
    """
    lane = tl.program_id(1).to(tl.int64)
    row = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    there = row < rows
    place = logits + (lane * rows + row)[:, None] * padded
    target = tl.load(targets + row, mask=there, other=0)[:, None]
    counts = tl.load(scored + row, mask=there, other=0) > 0
    most, total, loss = row_losses(place, there, target, symbols, ROWS=ROWS, COLUMNS=COLUMNS)
    tl.store(losses + lane * rows + row, tl.where(counts, loss, 0.0), mask=there)
    for start in range(0, padded, COLUMNS):
        column = (start + tl.arange(0, COLUMNS))[None, :]
        value = tl.load(place + column, mask=there[:, None] & (column < symbols), other=LEAST)
        chance = tl.exp(value - most[:, None]) / total[:, None]
        delta = (chance - (column == target).to(tl.float32)) / batch
        tl.store(
            place + column,
            tl.where(counts[:, None] & (column < symbols), delta, 0.0),
            mask=there[:, None] & (column < padded),
        )


@triton.jit
def added_up(
    deltas, losses, bias, loss, rows, padded, bias_lane, batch, ROWS: tl.constexpr, COLUMNS: tl.constexpr
):
    """Add up all rows in their order: gradients to that of the bias, losses to that of the lane.

    Args:
        deltas: Gradients of the logits, [lanes, rows, V padded].
        losses: [lanes, rows].
        bias: Where the gradient of the bias goes, [lanes, V padded].
        loss: Where the loss goes, [lanes].
        rows: How many.
        padded: V padded.
        bias_lane: From one lane's bias to the next one's.
        batch: The loss is divided by it.
        ROWS: Rows that are read at once.
        COLUMNS: Symbols that an instance has.
    """
    lane = tl.program_id(1).to(tl.int64)
    column = tl.program_id(0) * COLUMNS + tl.arange(0, COLUMNS)
    sums, total = tl.zeros([ROWS, COLUMNS], tl.float32), tl.zeros([ROWS], tl.float32)
    for start in range(0, rows, ROWS):
        row = start + tl.arange(0, ROWS)
        place = (lane * rows + row)[:, None] * padded + column[None, :]
        sums += tl.load(deltas + place, mask=(row < rows)[:, None] & (column < padded)[None, :], other=0.0)
        total += tl.load(losses + lane * rows + row, mask=row < rows, other=0.0)
    tl.store(bias + lane * bias_lane + column, tl.sum(sums, axis=0), mask=column < padded)
    if tl.program_id(0) == 0:
        tl.store(loss + lane, tl.sum(total, axis=0) / batch)


@triton.jit
def judged(logits, targets, scored, each, rows, symbols, padded, ROWS: tl.constexpr, COLUMNS: tl.constexpr):
    """Put away whether the answer of every row is right, and its loss.

    Args:
        logits: [lanes, rows, V padded].
        targets: Symbols, [rows].
        scored: Where they count, [rows], bytes; elsewhere both are 0.
        each: Where 1 for a right answer goes, and the loss, [lanes, 2, rows].
        rows: How many.
        symbols: V.
        padded: V padded.
        ROWS: Rows that an instance has.
        COLUMNS: Logits of a row that are read at once.
    """
    lane = tl.program_id(1).to(tl.int64)
    row = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    there = row < rows
    place = logits + (lane * rows + row)[:, None] * padded
    target = tl.load(targets + row, mask=there, other=0)
    counts = tl.load(scored + row, mask=there, other=0) > 0
    most, total, loss = row_losses(place, there, target[:, None], symbols, ROWS=ROWS, COLUMNS=COLUMNS)
    answer = tl.zeros([ROWS], tl.int32) + symbols
    for start in range(0, symbols, COLUMNS):
        column = (start + tl.arange(0, COLUMNS))[None, :]
        value = tl.load(place + column, mask=there[:, None] & (column < symbols), other=LEAST)
        largest = (value == most[:, None]) & (column < symbols)
        answer = tl.minimum(answer, tl.min(tl.where(largest, column, symbols), axis=1))
    answer = tl.where(total == total, answer, 0)  # torch's largest of what is not a number is the first
    into = each + lane * 2 * rows + row
    tl.store(into, (counts & (answer == target)).to(tl.float32), mask=there)
    tl.store(into + rows, tl.where(counts, loss, 0.0), mask=there)


@triton.jit
def added_to_score(each, score, rows, TILE: tl.constexpr):
    """Add right answers, or losses, of all rows to a lane's score in their order.

    Args:
        each: [lanes, 2, rows].
        score: [lanes, 2], float64.
        rows: How many.
        TILE: Rows that are read at once.
    """
    own = tl.program_id(1).to(tl.int64) * 2 + tl.program_id(0)
    total = tl.zeros([TILE], tl.float64)
    for start in range(0, rows, TILE):
        row = start + tl.arange(0, TILE)
        total += tl.load(each + own * rows + row, mask=row < rows, other=0.0).to(tl.float64)
    tl.store(score + own, tl.load(score + own) + tl.sum(total, axis=0))
