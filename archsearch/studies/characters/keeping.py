"""What is kept of a character model: one safetensors file that says all, and beside it the record for people, as JSON."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from archsearch.errors import InputError
from archsearch.files import write_whole
from archsearch.studies.characters.recipe import Recipe


class Reached(msgspec.Struct, frozen=True):
    """What a validation found.

    Attributes:
        step: After how many training steps.
        epoch: After how many epochs.
        train: Mean loss of the windows before, at most a hundred of them, in nats a symbol.
        valid: Validation loss, in nats a symbol.
    """

    step: int
    epoch: float
    train: float
    valid: float


class Record(msgspec.Struct, frozen=True):
    """How a training went.

    Attributes:
        recipe: What was trained.
        steps: Training steps so far.
        symbols: Symbols that were predicted in them.
        seconds: Processor time that they took, without the validations.
        last_loss: Mean loss of the last windows, at most a hundred.
        curve: The validations.
    """

    recipe: Recipe
    steps: int = 0
    symbols: int = 0
    seconds: float = 0.0
    last_loss: float = 0.0
    curve: tuple[Reached, ...] = ()

    @property
    def best(self) -> Reached | None:
        """The validation with the lowest loss."""
        return min(self.curve, key=lambda reached: reached.valid, default=None)

    @property
    def has_ended(self) -> bool:
        """Whether validation has not fallen for as many epochs as the recipe has patience."""
        best = self.best
        return best is not None and self.curve[-1].epoch - best.epoch >= self.recipe.patience


@dataclass(frozen=True, eq=False)
class Kept:
    """A training between two steps.

    Attributes:
        record: How it went.
        tensors: Weights, best weights, mean squares, and states where it stopped within an epoch.
    """

    record: Record
    tensors: dict[str, Tensor]


def kept_model(folder: Path, recipe: Recipe) -> Kept | None:
    """Return what a folder holds of a recipe, None if nothing.

    Raises:
        InputError: The file cannot be read, or is no such thing.
    """
    path = _path(folder, recipe)
    if not path.exists():
        return None
    try:
        with safe_open(path, "pt") as file:
            record = msgspec.json.decode((file.metadata() or {})["record"], type=Record)
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
    except (SafetensorError, msgspec.DecodeError, KeyError, UnicodeDecodeError):
        raise InputError(f"{path} is no model of this study, or damaged; move the file away") from None
    same = msgspec.structs.replace(record.recipe, cell=recipe.cell)
    if same != recipe:
        raise InputError(f"{path} is the model of another recipe; move the file away")
    return Kept(record, tensors)


def make_folder(folder: Path) -> None:
    """Make the folder of models, if it is not there.

    Raises:
        InputError: It cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"the folder {folder} cannot be made: {error.strerror}") from None


def keep_training(folder: Path, kept: Kept) -> None:
    """Put a training into a folder.

    Raises:
        InputError: It cannot be written.
    """
    path = _path(folder, kept.record.recipe)
    record = msgspec.json.encode(kept.record)
    tensors = {name: tensor.contiguous() for name, tensor in kept.tensors.items()}
    try:
        write_whole(path, save(tensors, {"record": record.decode()}))
        write_whole(path.with_suffix(".json"), msgspec.json.format(record, indent=2) + b"\n")
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}") from None


def _path(folder: Path, recipe: Recipe) -> Path:
    return folder / f"{recipe.file_name}.safetensors"
