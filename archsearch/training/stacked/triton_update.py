# mypy: disallow-untyped-defs=False, disallow-incomplete-defs=False
# (Triton reads annotations as its own.)
"""What the update of a stack needs besides its formula, in Triton; imported only where Triton is installed."""

import triton
import triton.language as tl

from archsearch.training import update

FIRST_BETA, SECOND_BETA = (tl.constexpr(beta) for beta in update.BETAS)
CLIP_EPSILON = tl.constexpr(update.CLIP_EPSILON)
INFINITY = tl.constexpr(float("inf"))


@triton.jit
def squares(gradient, sums, size, PARTS: tl.constexpr, TILE: tl.constexpr):
    """Add up the squares of every PARTS-th tile of a lane's gradient.

    Args:
        gradient: [R, P].
        sums: Where the sums go, [R, PARTS].
        size: P.
        PARTS: Sums of a lane.
        TILE: Numbers that are read at once.
    """
    part = tl.program_id(0)
    lane = tl.program_id(1).to(tl.int64)
    total = tl.zeros([TILE], tl.float32)
    for start in range(part * TILE, size, PARTS * TILE):
        place = start + tl.arange(0, TILE)
        g = tl.load(gradient + lane * size + place, mask=place < size, other=0.0)
        total += g * g
    tl.store(sums + lane * PARTS + part, tl.sum(total, axis=0))


@triton.jit
def lane_numbers(lane, sums, losses, clips, rates, living, failed, count, PARTS: tl.constexpr):
    """Return what is a lane's own in its update: factor of the gradient, alive, rate, pace and spread, scalars.

    All program instances of a lane find the same; the first notes it. One that reads `living` later finds what it would have
    made of it itself.

    Args:
        lane: Which one.
        sums: Squares of its gradient, [R, PARTS].
        losses: [R].
        clips: [R].
        rates: [R].
        living: Whether a lane learns, [R], bytes.
        failed: When and why it was frozen, [R, 3], float64.
        count: The number of the step, [1], float64.
        PARTS: Sums of a lane.
    """
    norm = tl.sqrt(tl.sum(tl.load(sums + lane * PARTS + tl.arange(0, PARTS)), axis=0))
    loss, rate, step = tl.load(losses + lane), tl.load(rates + lane), tl.load(count)
    fine = (tl.abs(loss) < INFINITY) & (norm < INFINITY)
    before = tl.load(living + lane) > 0
    if tl.program_id(0) == 0:
        tl.store(failed + lane * 3, step, mask=before & (fine == 0))
        tl.store(failed + lane * 3 + 1, loss.to(tl.float64), mask=before & (fine == 0))
        tl.store(failed + lane * 3 + 2, norm.to(tl.float64), mask=before & (fine == 0))
        tl.store(living + lane, (before & fine).to(tl.uint8))
    factor = tl.minimum(tl.load(clips + lane) / (norm + CLIP_EPSILON), 1.0)
    first = (1 - power_of(FIRST_BETA, step)).to(tl.float32)
    second = (1 - power_of(SECOND_BETA, step)).to(tl.float32)
    return factor, (before & fine).to(tl.float32), rate, rate / first, tl.sqrt(second)


@triton.jit
def power_of(base, exponent):
    """Return a number to the power of another, float64."""
    return tl.exp(exponent * tl.log(tl.full([], base, tl.float64)))
