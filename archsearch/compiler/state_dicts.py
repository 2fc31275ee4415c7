"""What a layer's state dict says besides its numbers: the cell that they are of, and names that older versions gave them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from archsearch.cell import Cell


def cell_record(cell: Cell) -> Tensor:
    """Return the id of a cell as bytes, shape (33,): a tensor, so that safetensors can hold it."""
    return torch.tensor(list(cell.id.encode()), dtype=torch.uint8)


def other_cell(record: object, cell: Cell) -> str | None:
    """Return why weights with this record, the id of their cell as bytes, are none of `cell`; None where they may be."""
    if record is None:
        return None
    ours = f"this layer is made of cell {cell.name!r} ({cell.id})"
    if not isinstance(record, Tensor) or record.dtype != torch.uint8 or record.dim() != 1:
        return f"_extra_state should be the id of a cell as bytes, and is something else; {ours}; without it weights load"
    found = bytes(record.tolist()).decode("ascii", "backslashreplace")
    if found == cell.id:
        return None
    return (
        f"the weights are of another cell: they record {found[:40]!r}, {ours}; make the layer of their cell"
    )


def take_older_names(
    state_dict: dict[str, Any], prefix: str, levels: Iterable[tuple[str, tuple[tuple[str, str], ...]]]
) -> None:
    """Put what stands under names without a role, such as `weight_n7_l0`, under its present name.

    Args:
        state_dict: What is loaded.
        prefix: What names begin with.
        levels: For each layer and direction the names of its parameters, as engines call them and in full.
    """
    for level, names in levels:
        for name, full in names:
            if (older := f"{prefix}{name}_{level}") in state_dict:
                state_dict[f"{prefix}{full}"] = state_dict.pop(older)
