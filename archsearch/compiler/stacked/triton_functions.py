# mypy: disallow-untyped-defs=False
# (Triton reads annotations as its own.)
"""What the expressions of the rules of `OPS` call, in Triton; imported only where Triton is installed.

Each passes NaN through and overflows where torch's function does, so that a divergence shows in the same places.
"""

import triton
import triton.language as tl

from archsearch.cell import ops

LEAKY_SLOPE = tl.constexpr(ops.LEAKY_SLOPE)
NORM_EPSILON = tl.constexpr(ops.NORM_EPSILON)


@triton.jit
def exp_(a):
    """Return e to the power of a."""
    return tl.exp(a)


@triton.jit
def sigmoid(a):
    """Return 1 / (1 + exp(-a)); the infinity of a large exponent gives 0."""
    return 1 / (1 + tl.exp(-a))


@triton.jit
def tanh_(a):
    """Return tanh: an odd polynomial near 0, where (1 - e) / (1 + e) would lose relative accuracy (Cephes)."""
    size = tl.abs(a)
    e = tl.exp(-2 * size)
    large = (1 - e) / (1 + e)
    q = a * a
    p = -5.70498872745e-3 * q + 2.06390887954e-2
    p = p * q - 5.37397155531e-2
    p = p * q + 1.33314422036e-1
    p = p * q - 3.33332819422e-1
    return tl.where(size < 0.625, a + a * q * p, tl.where(a < 0, -large, large))


@triton.jit
def relu(a):
    """Return a where it is positive."""
    return tl.where(a < 0, 0.0, a)


@triton.jit
def leaky_relu(a):
    """Return a, a hundredth of it where it is negative."""
    return tl.where(a > 0, a, a * LEAKY_SLOPE)


@triton.jit
def max_(a, b):
    """Return the larger."""
    return tl.where((a > b) | (a != a), a, b)


@triton.jit
def sqrt_(a):
    """Return the square root."""
    return tl.sqrt(a)


@triton.jit
def sin_(a):
    """Return the sine."""
    return tl.sin(a)


@triton.jit
def cos_(a):
    """Return the cosine."""
    return tl.cos(a)


@triton.jit
def softplus(a):
    """Return log(1 + exp(a))."""
    e = tl.exp(a)
    u = 1 + e
    return tl.where(a > 20, a, tl.where(u == 1, e, tl.log(u) * (e / (u - 1))))


@triton.jit
def silu(a):
    """Return a · sigmoid(a)."""
    return a * sigmoid(a)


@triton.jit
def relu_back(y, g):
    """Return the gradient of relu from its result."""
    return tl.where(y <= 0, 0.0, g)


@triton.jit
def leaky_back(y, g):
    """Return the gradient of a leaky relu from its result."""
    return tl.where(y > 0, g, g * LEAKY_SLOPE)


@triton.jit
def max_back(a, b, g):
    """Return what `max(a, b)` passes to a: half of it on ties.

    Args:
        a: An operand.
        b: The other.
        g: Gradient of the result.
    """
    return tl.where(a < b, 0.0, tl.where(a == b, g * 0.5, g))


@triton.jit
def softplus_back(a, g):
    """Return the gradient of softplus."""
    e = tl.exp(a)
    return tl.where(a > 20, g, g * e / (e + 1))


@triton.jit
def silu_back(a, g):
    """Return the gradient of silu."""
    s = sigmoid(a)
    return g * s * (1 + a * (1 - s))


@triton.jit
def choose(alive, new, old):
    """Return what is new in lanes that are alive.

    Args:
        alive: Positive where a lane is.
        new: What there is then.
        old: What there is else.
    """
    return tl.where(alive > 0, new, old)


@triton.jit
def mean(value, inside, own):
    """Return the mean of each row over the lane's own width.

    Args:
        value: A tile of whole rows.
        inside: Where a column lies within it.
        own: The lane's own width.
    """
    return tl.sum(tl.where(inside, value, 0.0), axis=1)[:, None] / own


@triton.jit
def root(value, inside, own):
    """Return 1 / root mean square of each row.

    Args:
        value: A tile of whole rows.
        inside: Where a column lies within the lane's own width.
        own: That.
    """
    return 1 / tl.sqrt(mean(value * value, inside, own) + NORM_EPSILON)
