"""The update of all lanes in two launches: one adds up squares, one freezes, clips and moves; for the Triton dialect.

Nothing is added up in an order that chance decides: every part of a lane has a sum of its own, and whoever needs the norm
adds these up itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import torch
from torch import Tensor

from archsearch.compiler.program.kernels import Kernel, Line
from archsearch.compiler.source_function import made
from archsearch.compiler.stacked.triton_dialect import TILE, functions, launch
from archsearch.training.stacked.optimiser import StackOptimiser, Standing

KERNELS = "archsearch.training.stacked.triton_update"

PARTS = 128
"""Sums of squares of a lane: fixed, since it decides bits; a power of two."""


class FusedOptimiser(StackOptimiser):
    """See `StackOptimiser`, whose results it gives to float32's precision.

    Args:
        flat: All weights, [R, P].
        adaptive: AdamW, else SGD.
        standing: How each lane stands.
        reached: 1 where weights decay, [P].

    Attributes:
        sums: What the parts of each lane's gradient amount to, squared, shape (R, PARTS).
    """

    def __init__(self, flat: Tensor, adaptive: bool, standing: Standing, reached: Tensor) -> None:
        super().__init__(flat, adaptive, standing, reached)
        self.sums = flat.new_empty(len(flat), PARTS)

    def update(self, gradient: Tensor, losses: Tensor) -> None:
        """Freeze, clip and move; see `StackOptimiser`.

        Args:
            gradient: [R, P], contiguous.
            losses: [R], contiguous.
        """
        lanes, size = gradient.shape
        launch(
            functions(KERNELS)["squares"], (PARTS, lanes), gradient, self.sums, size, PARTS=PARTS, TILE=TILE
        )
        standing = self.standing
        wide = [self.weights, gradient, *((*self.moments, self.decay) if self.adaptive else ())]
        places = [part for one in wide for part in (one, one.stride(0))]
        flags = standing.alive.view(torch.uint8), standing.failed, standing.count
        columns = self.sums, losses, standing.clips, standing.rates, *flags
        grid = -(-size // TILE), lanes
        launch(jitted_update(self.kernel), grid, *places, *columns, size, PARTS=PARTS, TILE=TILE)


@cache
def jitted_update(kernel: Kernel) -> Any:
    """Return a kernel that moves weights, for Triton to compile."""
    space = functions() | functions(KERNELS)
    return space["triton"].jit(made(kernel.name, printed_update(kernel), space))


def printed_update(kernel: Kernel) -> str:
    """Return a kernel that moves weights as Triton code which finds a lane's numbers itself."""
    wide = [number for number, argument in enumerate(kernel.arguments) if not argument.narrow]
    places = "".join(f"a{number}, a{number}_lane, " for number in wide)
    columns = "sums, losses, clips, rates, living, failed, count"
    head = f"def {kernel.name}({places}{columns}, size, PARTS: tl.constexpr, TILE: tl.constexpr):"
    beginning = (
        "lane = tl.program_id(1).to(tl.int64)",
        "place = tl.program_id(0) * TILE + tl.arange(0, TILE)",
        f"factor, alive, rate, pace, spread = lane_numbers(lane, {columns}, PARTS)",
    )
    return "\n    ".join([head, *beginning, *_lines(kernel)]) + "\n"


def _lines(kernel: Kernel) -> Iterator[str]:
    """Yield all lines but the loads of a lane's numbers."""
    for line in kernel.lines:
        if line.kind == "let":
            yield f"{line.name} = {line.text}"
        elif line.kind == "store":
            yield f"tl.store({_place(line)}, {line.text}, mask=place < size)"
        elif not kernel.argument(line).narrow:
            yield f"{line.name} = tl.load({_place(line)}, mask=place < size, other=0.0)"


def _place(line: Line) -> str:
    return f"a{line.argument} + lane * a{line.argument}_lane + place"
