"""What a training step has beside its layers, in each dialect: plain torch, or as few kernels as can be."""

from __future__ import annotations

from dataclasses import dataclass

from archsearch.compiler.stacked import triton_dialect
from archsearch.compiler.stacked.layer import Dialect
from archsearch.training.stacked.fused_head import FusedHead
from archsearch.training.stacked.fused_optimiser import FusedOptimiser
from archsearch.training.stacked.fused_windows import FusedWindows
from archsearch.training.stacked.head import Head
from archsearch.training.stacked.optimiser import StackOptimiser
from archsearch.training.stacked.windows import WindowTable


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a step in a dialect.

    Attributes:
        optimiser: Clips gradients and moves the weights.
        head: The output layer with its loss.
        windows: The data, read with its embedding.
    """

    optimiser: type[StackOptimiser]
    head: type[Head]
    windows: type[WindowTable]


IN_TORCH = Parts(optimiser=StackOptimiser, head=Head, windows=WindowTable)
IN_TRITON = Parts(optimiser=FusedOptimiser, head=FusedHead, windows=FusedWindows)


def parts_of(dialect: Dialect) -> Parts:
    """Return the parts that belong to a dialect."""
    return IN_TRITON if dialect is triton_dialect.compile_kernel else IN_TORCH
