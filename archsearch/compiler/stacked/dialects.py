"""Which dialect kernels are compiled in, and what else decides the bits of a stack."""

from __future__ import annotations

import torch
from torch import Tensor

from archsearch.compiler.stacked import elementwise, fused, precision, shape
from archsearch.compiler.stacked.layer import Dialect


def dialect_for(like: Tensor) -> Dialect:
    """Return the dialect for tensors of this type on this device."""
    return fused.compiled if like.dtype == torch.float32 and _fused(like.device) else elementwise.compiled


def _fused(device: torch.device) -> bool:
    return device.type == "cuda" and fused.installed() is not None


def described(device: torch.device) -> str:
    """Return precision, dialect and the version of the table of shapes, e.g. `tf32, triton 3.9.0, lanes 1`."""
    dialect = f"triton {fused.installed()}" if _fused(device) else "torch"
    return f"{precision.name(device.type)}, {dialect}, lanes {shape.VERSION}"
