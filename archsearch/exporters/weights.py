"""Trained weights go both ways between `Recurrent` and the exported class: the same tensors under other names."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn

from archsearch.cell import Cell
from archsearch.cell.graph import is_input_linear
from archsearch.compiler import Recurrent
from archsearch.compiler.parameters import PROJECTION, bias_name, learned, titles, weight_name
from archsearch.compiler.source_function import made
from archsearch.errors import ArchsearchError, InputError
from archsearch.exporters.model import SizedModel
from archsearch.exporters.module_names import class_name, exported_names
from archsearch.exporters.python import to_python
from archsearch.exporters.tidy import Tidy, tidy

OURS = re.compile(r"(.*?)((?:(?:weight|bias)_[nxhgv]\d+|projection)_l(\d{1,6})(_reverse)?|_extra_state)")
"""A name in a file: what stands before the layer's own, that name, the layer, and whether it reads backwards."""

OLDER = re.compile(r"(?:weight|bias)_n\d+")
"""A name that does not say what is read."""

ARGUMENTS = ("input_size", "hidden_size", "num_layers", "bias", "batch_first", "dropout", "bidirectional")


def names_of_export(cell: Cell, levels: int, directions: int) -> dict[str, str]:
    """Return for each name of `Recurrent` the name in the exported class, the projection of x always among them.

    Args:
        cell: The cell, as written.
        levels: How many layers.
        directions: 2 for a bidirectional layer, else 1.
    """
    own = _own_names(tidy(cell))
    return {
        f"{ours}_l{level}{'_reverse' * way}": f"layers.{level * directions + way}.{theirs}"
        for level in range(levels)
        for way in range(directions)
        for ours, theirs in own.items()
    }


def to_module(layer: Recurrent) -> nn.Module:
    """Return the exported class of the layer's cell, with the layer's sizes, type, device, mode and weights."""
    shown = tidy(layer.cell)
    exported = made(class_name(shown), to_python(shown.cell), {"__name__": shown.cell.name})
    module: nn.Module = exported(**{name: getattr(layer, name) for name in ARGUMENTS})
    given = dict(layer.named_parameters(remove_duplicate=False))
    if given:
        module.to(next(iter(given.values())))
    names = names_of_export(layer.cell, layer.num_layers, 1 + layer.bidirectional)
    module.load_state_dict({names[name]: weight.detach() for name, weight in given.items()})
    return module.train(layer.training)


def from_module(cell: Cell | str, module: nn.Module) -> Recurrent:
    """Return a layer of the cell with the sizes and the weights of its exported class.

    Args:
        cell: A cell, or the name of a library cell: the one that was exported.
        module: An instance of the exported class.

    Raises:
        InputError: The module is none of this cell.
    """
    if missing := [name for name in ARGUMENTS if not hasattr(module, name)]:
        raise InputError(f"{type(module).__name__} is no exported class: it has no {', '.join(missing)}")
    arguments: dict[str, Any] = {name: getattr(module, name) for name in ARGUMENTS}
    weights = module.state_dict()
    first = next(iter(weights.values()), None)
    place = {} if first is None else {"device": first.device, "dtype": first.dtype}
    layer = Recurrent(cell, **arguments, **place)
    ours = {
        theirs: name
        for name, theirs in names_of_export(layer.cell, layer.num_layers, 1 + layer.bidirectional).items()
    }
    _check(layer, {ours.get(name, name): weight for name, weight in weights.items()}, type(module).__name__)
    layer.load_state_dict({ours[name]: weight for name, weight in weights.items()})
    return layer.train(module.training)


def exported_weights(cell: Cell, path: Path, one_way: bool = False) -> bytes:
    """Return a safetensors file of `Recurrent` weights as one of the exported class, which was run with them.

    Args:
        cell: The cell that the weights are of.
        path: The weights of a layer, or of a model with one such layer.
        one_way: Whether layers that read both ways are refused.

    Raises:
        InputError: It is no such file, the weights are not the cell's, or are of a layer that reads both ways.
    """
    layer, weights = _read(cell, path)
    if one_way and layer.bidirectional:
        raise InputError(
            f"{path} holds a layer that reads both ways, which this format has not; --format python has"
        )
    names = names_of_export(cell, layer.num_layers, 1 + layer.bidirectional)
    return save({names[name]: weight for name, weight in weights.items() if name in names})


def layer_of_file(cell: Cell, path: Path) -> Recurrent:
    """Return the layer in float64 whose weights a safetensors file holds; arguments and errors as above."""
    return _read(cell, path)[0]


def model_of_file(cell: Cell, path: Path) -> SizedModel:
    """Return the sizes and the weights of the layer in a safetensors file; arguments and errors as above."""
    layer, weights = _read(cell, path)
    names = names_of_export(cell, layer.num_layers, 1 + layer.bidirectional)
    return SizedModel(
        input_size=layer.input_size,
        hidden_size=layer.hidden_size,
        num_layers=layer.num_layers,
        bias=layer.bias,
        bidirectional=layer.bidirectional,
        weights={names[name]: _array(weight) for name, weight in weights.items() if name in names},
    )


def _array(weight: Tensor) -> Any:
    return (weight if weight.dtype == torch.float64 else weight.float()).numpy()


def _read(cell: Cell, path: Path) -> tuple[Recurrent, dict[str, Tensor]]:
    """Return the layer of a file, in float64 and compared with its exported class, and the weights as they stand there."""
    try:
        whole = load_file(path)
    except (OSError, SafetensorError) as error:
        raise InputError(f"{path}: no safetensors file that can be read ({error})") from None
    found = {match: weight for name, weight in whole.items() if (match := OURS.fullmatch(name)) is not None}
    if (count := len({match[1] for match in found})) != 1:
        raise InputError(f"{path} holds the weights of {count} layers, and must hold those of one")
    today = titles(cell.canonical())
    weights = {
        OLDER.sub(lambda name: today.get(name[0], name[0]), match[2]): weight
        for match, weight in found.items()
    }
    levels = 1 + max((int(match[3]) for match in found if match[3]), default=0)
    layer = _layer_of(cell, weights, levels, any(match[4] for match in found))
    try:
        layer.load_state_dict(weights)
    except RuntimeError as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path}: the weights are not those of cell {cell.name!r}: {reason}") from None
    check_class(layer)
    return layer, weights


def _layer_of(cell: Cell, weights: Mapping[str, Tensor], levels: int, bidirectional: bool) -> Recurrent:
    """Return a layer in float64 with the sizes that the weights have."""
    sizes = [tuple(weight.shape) for name, weight in weights.items() if name != "_extra_state"]
    if not all(sizes) or 0 in [size for shape in sizes for size in shape] or not sizes:
        raise InputError("the file holds weights without entries, and no size can be read off them")
    live = cell.canonical()
    today = titles(live)
    readers = [today[weight_name(node.handle)] for node in live.ops if is_input_linear(node, live.x.handle)]
    wide = [weights[f"{name}_l0"].size(-1) for name in [PROJECTION, *readers] if f"{name}_l0" in weights]
    bias = any(name.startswith("bias_") for name in weights) or not any(node.has_bias for node in cell.ops)
    width = sizes[0][0]
    fan_in = wide[0] if wide else width
    needed = sum(math.prod(item.shape) for item in learned(cell.canonical(), fan_in, width))
    if levels > len(sizes) or needed > 2 * sum(math.prod(shape) for shape in sizes):
        raise InputError(
            f"the weights are not those of cell {cell.name!r}: too few for {levels} layers of width {width}"
        )
    options = {"bias": bias, "bidirectional": bidirectional}
    return Recurrent(cell, fan_in, width, levels, dtype=torch.float64, engine="interpreter", **options)


def check_class(layer: Recurrent) -> None:
    """Compare the exported class with a layer in float64.

    Raises:
        ArchsearchError: It does something else with the layer's weights.
    """
    x = torch.linspace(-1.0, 1.0, 6 * layer.input_size, dtype=torch.float64).reshape(3, 2, layer.input_size)
    with torch.no_grad():
        ours, theirs = layer(x)[0], to_module(layer)(x)[0]
    if not torch.allclose(ours, theirs, rtol=1e-9, atol=1e-9, equal_nan=True):
        raise ArchsearchError(
            "the exported class does something else with these weights; nothing was written"
        )


def _own_names(shown: Tidy) -> dict[str, str]:
    """Return for each name of a layer's parameter, without the layer's number, the name in the exported class."""
    canonical = {handle: place for place, handle in shown.origin.items()}
    today = titles(shown.cell.canonical())
    names = {PROJECTION: "P"}
    for handle, own in exported_names(shown).items():
        if own.owns:
            names[today[weight_name(canonical[handle])]] = own.weight
        if own.bias is not None:
            names[today[bias_name(canonical[handle])]] = own.bias
    return names


def _check(layer: Recurrent, weights: Mapping[str, Tensor], title: str) -> None:
    """Refuse weights whose names or shapes are not the layer's."""
    expected = {name: tuple(weight.shape) for name, weight in layer.named_parameters()}
    found = {name: tuple(weight.shape) for name, weight in weights.items()}
    if expected != found:
        raise InputError(
            f"{title} is no export of cell {layer.cell.name!r} ({layer.cell.id}): "
            "the names or shapes of its weights differ; name the cell that was exported"
        )
