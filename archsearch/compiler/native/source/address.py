"""Where what kernels and products read and write lies: `t` is the step, `r` the row of T·B, `b` the row of the step's B."""

from __future__ import annotations

from archsearch.compiler.program.kernels import Argument

WIDE = ("P", "D")
"""Arrays whose rows, S apart, hold all accumulators side by side."""


def row(argument: Argument, r: str = "r") -> str:
    """Return where a row begins, that at hand unless another is said."""
    match argument.when:
        case "lane":
            return argument.array
        case "step":
            return f"{argument.array} + b * Hs"
        case "next":
            return f"{argument.array} + ({r} + B) * Hs"
    if argument.array in WIDE:
        return f"{argument.array} + {r} * S + {argument.accumulator} * Hs"
    return f"{argument.array} + {r} * Hs"


def rows(argument: Argument, core: bool) -> tuple[str, str]:
    """Return where the rows of the step at hand begin, or all rows outside the core, and how far apart they are."""
    if argument.array == "X":
        return "L->x", "I"
    stride = "S" if argument.array in WIDE else "Hs"
    start = f"{argument.array} + t * B * {stride}" if core and argument.when == "row" else argument.array
    return f"{start} + {argument.accumulator} * Hs" if argument.array in WIDE else start, stride
