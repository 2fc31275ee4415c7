"""The loop over time as one launch, if `ARCHSEARCH_STACKED=persistent` asks for it; see `persistent_source`.

Persistent kernels after Diamos et al. (2016), "Persistent RNNs". Sums are in another order than in products of torch, so
last bits differ, and the choice is part of the engine's identity. It was never measured on a GPU, so it is off otherwise.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from archsearch.compiler.program.kernels import Argument
from archsearch.compiler.program.program import Program
from archsearch.compiler.source_function import made
from archsearch.compiler.stacked import triton_dialect
from archsearch.compiler.stacked.arrays import Arrays
from archsearch.compiler.stacked.lanes import Weights, Widths
from archsearch.compiler.stacked.persistent_choice import SHARED, stays, tile
from archsearch.compiler.stacked.persistent_source import NAME, LoopKind, PrintedLoop, printed_loop
from archsearch.compiler.stacked.precision import dot_precision

FUNCTIONS = "archsearch.compiler.stacked.persistent_functions"


def shared_memory(device: torch.device) -> int:
    """Return the bytes of shared memory that a program instance may have."""
    if device.type != "cuda":
        return SHARED
    card = torch.cuda.get_device_properties(device)
    return int(card.shared_memory_per_block_optin)  # type: ignore[attr-defined]


@lru_cache(256)
def compiled(program: Program, kind: LoopKind) -> tuple[PrintedLoop, Any]:
    """Return a loop with what Triton made of it."""
    printed = printed_loop(program, kind)
    space = {**triton_dialect.functions(), **triton_dialect.functions(FUNCTIONS)}
    return printed, space["triton"].jit(made(NAME, printed.text, space))


class PersistentLoop:
    """The loop over time of a layer, forward and backward, a launch each.

    Args:
        program: What is computed; it has no `obstacle`.
        arrays: The layer's memory.
        widths: The lanes' own widths.

    Attributes:
        program: As given.
        arrays: As given.
        widths: As given.
    """

    def __init__(self, program: Program, arrays: Arrays, widths: Widths) -> None:
        self.program, self.arrays, self.widths = program, arrays, widths

    def run(self, weights: Weights, reset: Tensor | None, back: bool) -> None:
        """Run the core of all steps.

        Args:
            weights: The parameters.
            reset: Where states are zeroed before a step, bool [T, B], or None.
            back: Whether it is the adjoint.
        """
        lanes, steps, batch, wide = self.arrays.shape
        if reset is not None and self.program.carries_output and not back:
            self.arrays.make(["Y"])
        device, has = self.widths.width.device, tile(self.program, wide)
        resident = stays(self.program, wide, shared_memory(device))
        printed, jitted = compiled(self.program, LoopKind(back, resident, reset is not None))
        triton_dialect.launch(
            jitted,
            (-(-batch // has.rows), -(-wide // has.columns), lanes),
            self.widths.width,
            *([] if reset is None else [reset.contiguous().view(torch.uint8)]),
            *(part for argument in printed.arguments for part in self.place(argument)),
            *(part for number in printed.products for part in _place(weights.products[number])),
            batch,
            wide,
            steps,
            PRECISION=dot_precision(device),
            **has.constants,
            **has.options(resident),
        )

    def place(self, argument: Argument) -> tuple[Tensor, int, int, int]:
        """Return the array of an argument, e.g. [R, T, B, H], and how far it is to the next lane, step and row."""
        array = self.arrays[argument.array]
        if argument.when == "lane":
            return array, array.stride(0), 0, 0
        if argument.when == "step":
            return array, array.stride(0), 0, array.stride(1)
        return array, array.stride(0), array.stride(1), array.stride(2)


def _place(weights: Tensor) -> tuple[Tensor, int, int]:
    return weights, weights.stride(0), weights.stride(1)
