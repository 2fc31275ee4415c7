"""What `config.json` of a model folder says: sizes, what goes in and comes out, and the training that made the weights."""

from __future__ import annotations

from typing import Literal

import msgspec

from archsearch.errors import InputError
from archsearch.protocol.records import Outcome, Trial
from archsearch.protocol.settings import Setting
from archsearch.tasks.measures import MEASURES
from archsearch.tasks.scaling import Scaling
from archsearch.tasks.task import Measure

VERSION = 1
"""Of the folder; a reader refuses what it does not know."""

Format = Literal["archsearch model"]
FORMAT: Format = "archsearch model"
MOST_LAYERS, MOST_WIDE = 1_000, 1_000_000


class Ends(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a model reads and says at every step.

    Attributes:
        symbols: Rows of the embedding, and outputs of the head.
        inputs: How many real numbers it reads; 0 where it reads a symbol.
        outputs: How many numbers it says of what it predicts, or how many symbols or classes it tells apart.
        real_outputs: Whether it predicts real numbers; else what is said is a logit for each.
        alphabet: What each symbol is written as; none where that is not known.
        classes: What each class is called; none where it tells no classes apart.
        scaling: How real inputs were brought to mean 0 and deviation 1; None where they are read as they are.
    """

    symbols: int
    inputs: int
    outputs: int
    real_outputs: bool
    alphabet: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    scaling: Scaling | None = None


class Draw(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One training of the model, from initial weights of its own.

    Attributes:
        trial: Its record; nothing else decides the weights on the same machine.
        outcome: How it ended.
    """

    trial: Trial
    outcome: Outcome


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The file.

    Attributes:
        format: Says that it is one.
        version: Of the folder.
        archsearch: Which version wrote it.
        name: The cell's name.
        cell: The cell's id.
        task: What the model was trained on; of a file its name alone.
        measure: What its score is.
        units: Width of a layer, n.
        x_width: Width of the embedding.
        setting: How it was trained; layers and dropout are the model's.
        ends: What it reads and says.
        floor: The score without memory.
        ceiling: The best possible score.
        draws: The trainings; the model is that of `chosen`.
        chosen: Its place among them.
        patience: Epochs without a better validation after which a training ended; 0 for never.
        command: What trains it again.
        notes: What a run says of the cell, sentence by sentence: its noise, and its verdict.
        license: Of the weights, as the Hugging Face hub writes it.
        files: SHA-256 of the cell's text and of the weights, by name.
    """

    format: Format = FORMAT
    version: int = VERSION
    archsearch: str
    name: str
    cell: str
    task: str
    measure: Measure
    units: int
    x_width: int
    setting: Setting
    ends: Ends
    floor: float
    ceiling: float
    draws: tuple[Draw, ...] = ()
    chosen: int = 0
    patience: int = 0
    command: str = ""
    notes: tuple[str, ...] = ()
    license: str = "unknown"
    files: dict[str, str] = {}

    @property
    def model_draw(self) -> Draw | None:
        """The training that the weights are of; None where that is not known."""
        return self.draws[self.chosen] if self.draws else None

    @property
    def layers(self) -> int:
        """How many."""
        return self.setting.layers

    @property
    def variances(self) -> int:
        """How many of the outputs, the last ones, are logs of the variances of those before them."""
        return self.ends.outputs // 2 if MEASURES[self.measure].outputs == 2 else 0


class _Head(msgspec.Struct):
    format: str = ""
    version: int = 0


def read_config(content: bytes, path: str) -> Config:
    """Return what the bytes of a `config.json` say.

    Args:
        content: The bytes.
        path: Where they are from, for people.

    Raises:
        InputError: They are no such file, of a later version, damaged, or their sizes are none.
    """
    try:
        head = msgspec.json.decode(content, type=_Head)
        if head.format != FORMAT:
            raise InputError(f"{path} is no config of a model that archsearch has written")
        if head.version != VERSION:
            raise InputError(
                f"{path}: a model of version {head.version}, and this archsearch reads version {VERSION}; upgrade archsearch"
            )
        config = msgspec.json.decode(content, type=Config)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"{path} is damaged, or not written by archsearch: {error}") from None
    if (fault := _fault(config)) is not None:
        raise InputError(f"{path} is damaged, or not written by archsearch: {fault}")
    return config


def _fault(config: Config) -> str | None:
    """Return what cannot be in a config."""
    ends, scaling = config.ends, config.ends.scaling
    wide = {"units": config.units, "x_width": config.x_width, "symbols": ends.symbols}
    for name, value in wide.items():
        if not 1 <= value <= MOST_WIDE:
            return f"{name} is {value}"
    if not 1 <= config.layers <= MOST_LAYERS:
        return f"layers is {config.layers}"
    if config.draws and not 0 <= config.chosen < len(config.draws):
        return f"training {config.chosen} of {len(config.draws)}"
    if not 0 <= config.setting.dropout < 1:
        return f"dropout is {config.setting.dropout}"
    if not (0 <= ends.inputs <= ends.symbols and 1 <= ends.outputs <= ends.symbols):
        return f"{ends.inputs} inputs and {ends.outputs} outputs of {ends.symbols}"
    if ends.alphabet and len(ends.alphabet) != ends.symbols:
        return f"an alphabet of {len(ends.alphabet)} for {ends.symbols} symbols"
    if MEASURES[config.measure].outputs > 1 and not (scaling and scaling.targets):
        return f"the measure is {config.measure}, and no columns are predicted"
    if ends.classes and len(ends.classes) != ends.outputs:
        return f"{len(ends.classes)} classes for {ends.outputs} outputs"
    if scaling is not None:
        columns = {len(scaling.columns), len(scaling.mean), len(scaling.deviation)}
        if columns != {ends.inputs} or not all(deviation > 0 for deviation in scaling.deviation):
            return "the scaling is not that of the inputs"
        said = len(scaling.targets) * MEASURES[config.measure].outputs
        if scaling.targets and (said != ends.outputs or not set(scaling.targets) <= set(range(ends.inputs))):
            return "the columns that are predicted are not those of the scaling"
    return None


def test_score(outcome: Outcome, measure: Measure) -> float | None:
    """Return the score on the test set at the best validation; None where it is not finite, or was not read.

    Args:
        outcome: How a training ended.
        measure: What the score is.
    """
    return outcome.test_accuracy if measure == "accuracy" else outcome.test_nll


def config_json(config: Config) -> bytes:
    """Return the bytes of a `config.json`."""
    return msgspec.json.format(msgspec.json.encode(config), indent=2) + b"\n"
