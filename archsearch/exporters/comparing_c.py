"""Compares compiled C with layers: `python -m archsearch.exporters.comparing_c FOLDER COUNT [WEIGHTS]`.

FOLDER holds `exported0.cell` with its libraries `0-float-0.so`, `0-double-0.so` and so on, one for each of the sizes.
"""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from archsearch.cell import Cell
from archsearch.compiler import Recurrent
from archsearch.exporters.c import c_name
from archsearch.exporters.comparing import DOUBLE, ERRORS, SINGLE, check_close
from archsearch.exporters.model import sizes_for
from archsearch.exporters.module_names import exported_names
from archsearch.exporters.tidy import tidy
from archsearch.exporters.weights import layer_of_file, names_of_export

STEPS = 7
KINDS = {"float": (torch.float32, ctypes.c_float), "double": (torch.float64, ctypes.c_double)}


def compare_c(folder: str, index: int, cell: Cell, weights: Path | None) -> None:
    """Raise AssertionError where a compiled file gives other outputs and states than the layer.

    Args:
        folder: Where the libraries lie.
        index: The file's number.
        cell: The cell.
        weights: The file of the layer that was exported; None where the caller gives the weights.
    """
    for place, sizes in enumerate(sizes_for(cell) if weights is None else (None,)):
        torch.manual_seed(place)
        exact = _layer(cell, sizes, weights)
        x = torch.randn(STEPS, exact.input_size, dtype=torch.float64)
        layer_sizes = (exact.input_size, exact.hidden_size, exact.num_layers)
        twin = Recurrent(cell, *layer_sizes, bias=exact.bias, dtype=torch.float32, engine="interpreter")
        twin.load_state_dict(exact.state_dict())
        with torch.no_grad():
            expected, single = _flat(exact(x)), _flat(twin(x.float()))
        for kind, (dtype, _) in KINDS.items():
            found = _steps(f"{folder}/{index}-{kind}-{place}.so", exact, x.to(dtype), kind, weights is None)
            _check_kind(kind, found, expected, single)


def _check_kind(kind: str, found: Tensor, exact: Tensor, single: Tensor) -> None:
    """Raise AssertionError if what was computed in a precision is not what the layer computes in it.

    Args:
        kind: A key of KINDS.
        found: What was computed.
        exact: The layer's, in float64.
        single: In float32.
    """
    if kind == "double":
        check_close(found, exact, DOUBLE)
    else:
        check_close(found, single, SINGLE, ERRORS * (single - exact).abs().max().item())


def compare_predictions(folder: str, cell: Cell, weights: Path) -> None:
    """Raise AssertionError where a compiled model says something else than its file of weights has for an example.

    Args:
        folder: Where the libraries lie.
        cell: The cell.
        weights: The file; one with layers alone has no example, and passes.
    """
    tensors = load_file(weights)
    if "ends.inputs" not in tensors:
        return
    inputs, exact, single = (
        tensors[f"ends.{name}"][:, 0].contiguous() for name in ("inputs", "outputs", "single")
    )
    layer = layer_of_file(cell, weights)
    for kind, (dtype, _) in KINDS.items():
        outputs = torch.zeros(exact.shape, dtype=dtype)
        _check_kind(kind, _said(f"{folder}/0-{kind}-0.so", layer, inputs, outputs), exact, single.float())


def _said(path: str, layer: Recurrent, inputs: Tensor, outputs: Tensor) -> Tensor:
    """Return what a library says after every step, in float64; it is put into `outputs`."""
    name, library, dtype = c_name(layer.cell), ctypes.CDLL(path), outputs.dtype
    count = len(tidy(layer.cell).cell.states)
    state = torch.zeros(count, layer.num_layers, layer.hidden_size, dtype=dtype)
    library[f"{name}_reset"](ctypes.c_void_p(state.data_ptr()))
    for row, output in zip(inputs, outputs, strict=True):
        read = row.to(dtype) if row.dim() else row
        given = ctypes.c_void_p(read.data_ptr()) if row.dim() else ctypes.c_int(int(row))
        library[f"{name}_predict"](given, *(ctypes.c_void_p(each.data_ptr()) for each in (state, output)))
    return outputs.double()


def _layer(cell: Cell, sizes: tuple[int, int, int] | None, weights: Path | None) -> Recurrent:
    """Return the layer of a file in float64, or one of some sizes."""
    if weights is not None:
        return layer_of_file(cell, weights)
    input_size, hidden_size, layers = sizes or sizes_for(cell)[0]
    return Recurrent(cell, input_size, hidden_size, layers, dtype=torch.float64, engine="interpreter")


def _flat(result: tuple[Tensor, Tensor | tuple[Tensor, ...]]) -> Tensor:
    """Return outputs and last states in one row."""
    output, final = result
    states = (final,) if isinstance(final, Tensor) else final
    return torch.cat([each.reshape(-1) for each in (output, *states)])


def _steps(path: str, layer: Recurrent, x: Tensor, kind: str, given: bool) -> Tensor:
    """Return what a library computes, step by step, from the weights of the layer."""
    name, real = c_name(layer.cell), KINDS[kind][1]
    library = ctypes.CDLL(path)
    levels, width = layer.num_layers, layer.hidden_size
    state = torch.full((len(tidy(layer.cell).cell.states), levels, width), 5.0, dtype=x.dtype)
    table, held = _table(layer, x.dtype)
    library[f"{name}_reset"](ctypes.c_void_p(state.data_ptr()))
    outputs = []
    for row in x:
        pointers = [ctypes.c_void_p(each.contiguous().data_ptr()) for each in (row, state)]
        library[f"{name}_step"](*([table] if given else []), *pointers)
        outputs.append(state[0, -1].clone())
    assert held is not None and real is not None
    return torch.cat([*outputs, state.reshape(-1)]).double()


def _table(layer: Recurrent, dtype: torch.dtype) -> tuple[ctypes.Array[ctypes.c_void_p], list[Tensor]]:
    """Return pointers to the weights of every layer, in the order of the struct, and what they point to."""
    shown = tidy(layer.cell)
    own = {name: weight for name, weight in layer.named_parameters()}
    names = names_of_export(layer.cell, layer.num_layers, 1)
    by_export = {names[ours]: weight.detach().to(dtype).contiguous() for ours, weight in own.items()}
    members = ["P"] * shown.cell.needs_projection
    for parameter in exported_names(shown).values():
        members += parameter.own
    found = [
        by_export.get(f"layers.{level}.{member}") for level in range(layer.num_layers) for member in members
    ]
    addresses = [None if each is None else each.data_ptr() for each in found] or [None]
    return (ctypes.c_void_p * len(addresses))(*addresses), list(by_export.values())


def check_libraries(folder: str, count: int, weights: Path | None) -> None:
    """Check all files of a folder; the last line of a failure says which cell and why.

    Args:
        folder: Where they lie.
        count: How many.
        weights: As in `compare_c`.
    """
    torch.set_num_threads(1)
    for index in range(count):
        cell = Cell.parse(
            Path(folder, f"exported{index}.cell").read_text(encoding="utf-8"), f"exported{index}"
        )
        try:
            compare_c(folder, index, cell, weights)
            if weights is not None:
                compare_predictions(folder, cell, weights)
        except Exception as error:
            sys.exit(f"{cell.name}: {type(error).__name__}: {' '.join(str(error).split())}")


if __name__ == "__main__":
    check_libraries(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]) if len(sys.argv) > 3 else None)
