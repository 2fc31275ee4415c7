"""The folder of a trained model: the cell's text, its weights, its torch module, its config and a card, written and read.

The layout is that of the Hugging Face hub. Reading parses the text and the config and takes tensors from the weights; what
is in `cell.py` is for people who have no archsearch, and is never looked at.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from archsearch.cell import Cell
from archsearch.compiler import Recurrent
from archsearch.compiler.parameters import learned
from archsearch.errors import InputError, NoSpace
from archsearch.exporters.python import to_python
from archsearch.exporters.weights import check_class, names_of_export
from archsearch.files import NEW_FOLDER, sync_folder, write_whole
from archsearch.models.card import card
from archsearch.models.config import Config, config_json, read_config
from archsearch.resources import CELL_FILE

CELL, CONFIG, WEIGHTS, MODULE, CARD = CELL_FILE, "config.json", "model.safetensors", "cell.py", "README.md"
FILES = {CARD, CELL, MODULE, CONFIG, WEIGHTS}

LARGEST = {CELL: 2**16, CONFIG: 2**25, WEIGHTS: 2**33}
"""Bytes that are read of a file at most."""

ENDS = {"embedding": "embedding", "weight": "head.weight", "bias": "head.bias"}
"""Names of `training.model.Model` -> names in the file; the layers' are those of the exported class, after `cell.`."""


@dataclass(frozen=True, eq=False)
class ModelFiles:
    """What a folder holds.

    Attributes:
        cell: The cell.
        config: The rest of what is not weights.
        weights: By the names of `training.model.Model`.
    """

    cell: Cell
    config: Config
    weights: dict[str, Tensor]


def names_in_file(cell: Cell, layers: int) -> dict[str, str]:
    """Return for each name of `training.model.Model` the one in the file."""
    inner = names_of_export(cell, layers, 1)
    return ENDS | {f"layers.{ours}": f"cell.{theirs}" for ours, theirs in inner.items()}


def check_free(folder: Path, force: bool) -> None:
    """Refuse a place where no folder can be written.

    Raises:
        InputError: Something is there that may not be replaced, or there is nowhere to put it.
    """
    if not folder.name or folder.name in (".", ".."):
        raise InputError(f"{folder}: name the folder that is to be made, such as {folder / 'model'}")
    if not folder.parent.is_dir():
        raise InputError(f"{folder}: there is no folder {folder.parent}; make it first")
    if not (folder.exists() or folder.is_symlink()):
        return
    if not force:
        raise InputError(f"{folder} exists; --force replaces it")
    if not folder.is_dir() or folder.is_symlink():
        raise InputError(f"{folder} is no folder; name another, or move it away")
    if strangers := sorted({path.name for path in folder.iterdir()} - FILES):
        raise InputError(
            f"{folder} holds {strangers[0]}, which is no file of a model; name another folder, or move it away"
        )


def write_folder(where: str | os.PathLike[str], files: ModelFiles, *, force: bool = False) -> Path:
    """Write a model's folder, whole or not at all, and return its path.

    Args:
        where: The folder; its parent has to be there.
        files: What goes into it.
        force: Whether a model that is there is replaced.

    Raises:
        InputError: Something else is there, or it cannot be written.
        NoSpace: The disk is full.
    """
    folder = Path(where)
    check_free(folder, force)
    contents = _contents(files)
    fresh = folder.parent / f"{NEW_FOLDER}{secrets.token_hex(8)}"
    old = folder.with_name(
        f"{folder.name}.old-{secrets.token_hex(8)}"
    )  # no name of rubbish, for a kill may leave it
    try:
        fresh.mkdir()
        for name, content in contents.items():
            write_whole(fresh / name, content)
        if folder.exists():
            folder.rename(old)
        fresh.rename(folder)
        with contextlib.suppress(OSError):  # not every file system can sync a folder
            sync_folder(folder.parent)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise NoSpace(f"{folder}: {error.strerror}; nothing was written") from None
        raise InputError(f"{folder} cannot be written: {error.strerror}") from None
    finally:
        if old.exists() and not folder.exists():
            old.rename(folder)
        for left in (fresh, old):
            shutil.rmtree(left, ignore_errors=True)
    return folder


def _contents(files: ModelFiles) -> dict[str, bytes]:
    names = names_in_file(files.cell, files.config.layers)
    tensors = {names[name]: weight.contiguous() for name, weight in files.weights.items()}
    text, weights = files.cell.text().encode(), bytes(save(tensors, {"format": "pt"}))
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in ((CELL, text), (WEIGHTS, weights))}
    config = msgspec.structs.replace(files.config, files=sums)
    _taken(config, text.decode(), weights, "the model")  # what cannot be read again is not written
    _check_module(files)
    return {
        CELL: text,
        WEIGHTS: weights,
        MODULE: to_python(files.cell).encode(),
        CONFIG: config_json(config),
        CARD: card(files.cell, config).encode(),
    }


def read_folder(where: str | os.PathLike[str]) -> ModelFiles:
    """Return what a model's folder holds.

    Raises:
        InputError: A file is missing, too large, damaged, or belongs to something else.
    """
    folder = Path(where)
    if not folder.is_dir():
        raise InputError(
            f"no folder {folder}; a model is the folder that 'archsearch fit CELL -o FOLDER' writes"
        )
    contents = {name: _read(folder, name) for name in (CONFIG, CELL, WEIGHTS)}
    config = read_config(contents[CONFIG], str(folder / CONFIG))
    for name in (CELL, WEIGHTS):
        if hashlib.sha256(contents[name]).hexdigest() != config.files.get(name):
            raise InputError(f"{folder / name} is damaged, or not the file that {CONFIG} was written with")
    try:
        text = contents[CELL].decode()
    except UnicodeDecodeError as error:
        raise InputError(f"{folder / CELL}: no UTF-8 text (byte {error.start})") from None
    return _taken(config, text, contents[WEIGHTS], str(folder))


def _read(folder: Path, name: str) -> bytes:
    path, most = folder / name, LARGEST[name]
    try:
        if not path.is_file():  # a pipe would be waited for, a device never ends
            raise InputError(f"{folder} is no whole model: there is no file {name}")
        with path.open("rb") as file:
            content = file.read(most + 1)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
    if len(content) > most:
        raise InputError(f"{path}: more than {most:,} bytes")
    return content


def _taken(config: Config, text: str, weights: bytes, where: str) -> ModelFiles:
    """Return the model of the files' contents, all of which fit together."""
    cell = Cell.parse(text, f"{where}/{CELL}")
    if cell.id != config.cell:
        raise InputError(f"{where}: {CELL} is not the cell that {CONFIG} names")
    try:
        tensors = load(weights)
    except (SafetensorError, ValueError, KeyError, RuntimeError) as error:
        raise InputError(f"{where}/{WEIGHTS}: no safetensors file that can be read ({error})") from None
    names = names_in_file(cell, config.layers)
    shapes = {names[name]: shape for name, shape in _shapes(cell, config)}
    found = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    if found != shapes:
        other = sorted(dict(found.items() ^ shapes.items()))
        raise InputError(
            f"{where}/{WEIGHTS}: not the weights of the model that {CONFIG} describes; {other[0]!r} is "
            f"{_shape(found.get(other[0]))} and must be {_shape(shapes.get(other[0]))}"
        )
    if any(tensor.dtype != torch.float32 for tensor in tensors.values()):
        raise InputError(f"{where}/{WEIGHTS}: weights are of type float32, and these are not")
    return ModelFiles(cell, config, {name: tensors[names[name]] for name, _ in _shapes(cell, config)})


def _shapes(cell: Cell, config: Config) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield the weights of `training.model.Model` by name, each with its shape."""
    symbols, n = config.ends.symbols, config.units
    yield from (
        ("embedding", (symbols, config.x_width)),
        ("weight", (symbols, n)),
        ("bias", (symbols,)),
    )
    for layer in range(config.layers):
        for item in learned(cell.canonical(), n if layer else config.x_width, n):
            yield f"layers.{item.title}_l{layer}", item.shape


def _shape(shape: tuple[int, ...] | None) -> str:
    return "absent" if shape is None else " x ".join(map(str, shape))


def _check_module(files: ModelFiles) -> None:
    """Raise ArchsearchError where the exported class does something else with the weights than the layers do."""
    config = files.config
    options: dict[str, Any] = {"num_layers": config.layers, "dtype": torch.float64, "engine": "interpreter"}
    layer = Recurrent(files.cell, config.x_width, config.units, **options)
    layer.load_state_dict(_inner(files))
    check_class(layer)


def _inner(files: ModelFiles) -> dict[str, Tensor]:
    """Return the weights of the layers, by their names there."""
    return {name.removeprefix("layers."): weight for name, weight in files.weights.items() if "." in name}
