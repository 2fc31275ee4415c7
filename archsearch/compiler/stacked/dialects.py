"""Which dialect kernels are compiled in, and what else decides the bits of a stack."""

from __future__ import annotations

import torch
from torch import Tensor

from archsearch.compiler.stacked import shape, torch_dialect, triton_dialect
from archsearch.compiler.stacked.layer import Dialect
from archsearch.compiler.stacked.persistent_choice import PERSISTENT, asked_for
from archsearch.compiler.stacked.precision import precision_name


def dialect_for(like: Tensor) -> Dialect:
    """Return the dialect for tensors of this type on this device, of any shape."""
    return (
        triton_dialect.compile_kernel
        if like.dtype == torch.float32 and speaks_triton(like.device)
        else torch_dialect.compile_kernel
    )


def speaks_triton(device: torch.device) -> bool:
    """Return whether kernels for float32 are Triton's on a device."""
    return device.type == "cuda" and triton_dialect.installed() is not None


def stacked_description(device: torch.device) -> str:
    """Return precision, dialect and the version of the table of shapes, e.g. `tf32, triton 3.9.0, lanes 1`.

    `triton 3.9.0 persistent` says that loops over time are persistent kernels where they can be.

    Raises:
        InputError: The environment asks for another kind of kernels.
    """
    dialect = f"triton {triton_dialect.installed()}" if speaks_triton(device) else "torch"
    dialect += f" {PERSISTENT}" if speaks_triton(device) and asked_for() else ""
    return f"{precision_name(device.type)}, {dialect}, lanes {shape.VERSION}"
