"""The torch dialect: kernels as plain torch, for any device and precision; also the oracle of the Triton dialect.

What a kernel calls is given views [R, rows, H]; `outside`, bool [R, 1, H], is true where a column lies beyond the lane's own
width, `width`, [R, 1, 1].
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache

import torch
from torch import Tensor

from archsearch.cell.ops import LEAKY_SLOPE, NORM_EPSILON
from archsearch.compiler.functions import forward_functions
from archsearch.compiler.program.kernels import Kernel, Line
from archsearch.compiler.source_function import made

Run = Callable[..., None]
"""Takes `outside`, bool [R, 1, H], true where a column lies beyond the lane's own width; the widths, [R, 1, 1]; and a view
[R, rows, H] per argument."""


def relu_back(y: Tensor, g: Tensor) -> Tensor:
    """Return g where relu let pass, NaN included, as torch does; any shape."""
    return g.masked_fill(y <= 0, 0)


def leaky_back(y: Tensor, g: Tensor) -> Tensor:
    """Return the gradient of a leaky relu from its result; any shape."""
    return torch.where(y > 0, g, g * LEAKY_SLOPE)


def max_back(a: Tensor, b: Tensor, g: Tensor) -> Tensor:
    """Return what `max(a, b)` passes to a: half of it on ties.

    Args:
        a: An operand, any shape.
        b: The other.
        g: Gradient of the result.
    """
    return torch.where(a == b, g * 0.5, g).masked_fill(a < b, 0)


def softplus_back(a: Tensor, g: Tensor) -> Tensor:
    """Return the gradient of softplus; any shape."""
    e = torch.exp(a)
    return torch.where(a > 20, g, g * e / (e + 1))


def silu_back(a: Tensor, g: Tensor) -> Tensor:
    """Return the gradient of silu; any shape."""
    s = torch.sigmoid(a)
    return g * s * (1 + a * (1 - s))


def choose(alive: Tensor, new: Tensor, old: Tensor) -> Tensor:
    """Return what is new in lanes that are alive; a frozen one keeps every bit, whatever the new values are.

    Args:
        alive: Positive where a lane is, [R, 1, 1].
        new: [R, rows, H].
        old: Alike.
    """
    return torch.where(alive > 0, new, old)


def mean(value: Tensor, outside: Tensor, width: Tensor) -> Tensor:
    """Return the mean of each row over the lane's own width, [R, rows, 1].

    Args:
        value: [R, rows, H].
        outside: Where a column lies beyond it.
        width: The lane's own width.
    """
    return value.masked_fill(outside, 0).sum(-1, keepdim=True) / width


def root(value: Tensor, outside: Tensor, width: Tensor) -> Tensor:
    """Return 1 / root mean square of each row, [R, rows, 1].

    Args:
        value: [R, rows, H].
        outside: Where a column lies beyond the lane's own width.
        width: That.
    """
    return torch.rsqrt(mean(value * value, outside, width) + NORM_EPSILON)


def put(into: Tensor, value: Tensor, outside: Tensor) -> None:
    """Store what lies within a lane's own width, zeros behind it; a product would spread what is not finite.

    Args:
        into: Where to, [R, rows, H].
        value: What.
        outside: Where a column lies beyond the lane's own width.
    """
    into.copy_(value.masked_fill(outside, 0))


FUNCTIONS: dict[str, Callable[..., object]] = {
    **forward_functions(),
    "relu_back": relu_back,
    "leaky_back": leaky_back,
    "max_back": max_back,
    "softplus_back": softplus_back,
    "silu_back": silu_back,
    "mean": mean,
    "root": root,
    "put": put,
    "choose": choose,
}
"""What the expressions of the rules of `OPS` call."""


@lru_cache(1024)
def compile_kernel(kernel: Kernel) -> Run:
    """Return the function of a kernel."""
    return made(kernel.name, printed(kernel), FUNCTIONS)


def printed(kernel: Kernel) -> str:
    """Return a kernel as Python."""
    parameters = ", ".join(f"a{position}" for position in range(len(kernel.arguments)))
    lines = "\n    ".join(_lines(kernel))
    return f"def {kernel.name}(outside, width, {parameters}):\n    {lines}\n"


def _lines(kernel: Kernel) -> Iterator[str]:
    for line in kernel.lines:
        yield _store(kernel, line) if line.kind == "store" else f"{line.name} = {_value(line)}"


def _value(line: Line) -> str:
    match line.kind:
        case "load":
            return f"a{line.argument}"
        case "number":
            return f"a0.new_full((1, 1, 1), {line.text})"
        case "root" | "mean":
            return f"{line.kind}({line.text}, outside, width)"
        case _:
            return line.text


def _store(kernel: Kernel, line: Line) -> str:
    if kernel.arguments[line.argument].narrow:
        return f"a{line.argument}.copy_({line.text})"
    return f"put(a{line.argument}, {line.text}, outside)"
