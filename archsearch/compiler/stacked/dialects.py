"""Which dialect kernels are compiled in, and what else decides the bits of a stack."""

from __future__ import annotations

import torch
from torch import Tensor

from archsearch.compiler.stacked import shape, torch_dialect, triton_dialect
from archsearch.compiler.stacked.layer import Dialect
from archsearch.compiler.stacked.precision import precision_name


def dialect_for(like: Tensor) -> Dialect:
    """Return the dialect for tensors of this type on this device, of any shape."""
    return (
        triton_dialect.compile_kernel
        if like.dtype == torch.float32 and _fused(like.device)
        else torch_dialect.compile_kernel
    )


def _fused(device: torch.device) -> bool:
    return device.type == "cuda" and triton_dialect.installed() is not None


def stacked_description(device: torch.device) -> str:
    """Return precision, dialect and the version of the table of shapes, e.g. `tf32, triton 3.9.0, lanes 1`."""
    dialect = f"triton {triton_dialect.installed()}" if _fused(device) else "torch"
    return f"{precision_name(device.type)}, {dialect}, lanes {shape.VERSION}"
