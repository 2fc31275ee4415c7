"""A trained model: embedding, layers of one cell and head, with what its numbers mean; written to a folder, and read."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from archsearch.cell import Cell
from archsearch.compiler import Recurrent
from archsearch.errors import InputError
from archsearch.models.config import Config
from archsearch.models.folder import ModelFiles, read_folder, write_folder
from archsearch.tasks.gaussian import LEAST_VARIANCE
from archsearch.tasks.ptb import EOS
from archsearch.tasks.task import Numbers
from archsearch.tasks.text import EOL, UNKNOWN
from archsearch.training.model import Model


class TrainedModel(nn.Module):
    """What `archsearch fit` writes, as a module of torch.

    ```python
    model = archsearch.TrainedModel.from_pretrained("model")
    outputs, state = model(model.encode("the quick brown"))
    ```

    Args:
        cell: The cell of its layers.
        config: Sizes, and what goes in and comes out.
        weights: By the names of `training.model.Model`.
        engine: What runs the layers; None as for `Recurrent`.

    Attributes:
        config: As given.
        network: What computes.
    """

    def __init__(
        self, cell: Cell, config: Config, weights: Mapping[str, Tensor], engine: str | None = None
    ) -> None:
        super().__init__()
        self.config = config
        self.network = Model(
            cell,
            config.ends.symbols,
            config.units,
            config.setting,
            torch.Generator(),
            engine=engine,
            x_width=config.x_width,
        )
        self.network.load_state_dict(dict(weights), strict=False)
        self.eval()

    @property
    def layers(self) -> Recurrent:
        """The layers, which can be called and exported by themselves."""
        return self.network.layers

    @property
    def cell(self) -> Cell:
        """The cell of every layer."""
        return self.layers.cell

    def forward(self, inputs: Tensor, state: Any = None, reset: Tensor | None = None) -> tuple[Tensor, Any]:
        """Return what is said after every step, shape (T, B, outputs), and the state after the last one.

        What is said is a logit for each symbol or class, or the predicted numbers, brought to mean 0 and deviation 1
        as the inputs were: `restore` brings them back. A model that says how sure it is gives their means, and behind
        these the logs of their variances.

        Args:
            inputs: Symbols, int64 of shape (T, B), as `encode` makes them; or numbers, shape (T, B, inputs), as `scale`
                makes them.
            state: What the last call left; None begins anew.
            reset: Where the state is zeroed before the step, bool of shape (T, B).
        """
        self._check(inputs)
        said, state = self.network(inputs, state, reset)
        said = said[..., : self.config.ends.outputs]
        if count := self.config.variances:
            said = torch.cat((said[..., :-count], said[..., -count:].clamp(min=math.log(LEAST_VARIANCE))), -1)
        return said, state

    def _check(self, inputs: Tensor) -> None:
        ends = self.config.ends
        if ends.inputs and not (inputs.is_floating_point() and inputs.shape[2:] == (ends.inputs,)):
            raise ValueError(
                f"the model reads real numbers of shape (time, batch, {ends.inputs}), given {inputs.dtype} of shape "
                f"{tuple(inputs.shape)}"
            )
        if not ends.inputs and (inputs.is_floating_point() or inputs.dim() != 2):
            raise ValueError(
                f"the model reads symbols, whole numbers of shape (time, batch), given {inputs.dtype} of shape "
                f"{tuple(inputs.shape)}"
            )

    def encode(self, text: str | Sequence[str]) -> Tensor:
        """Return symbols of shape (length, 1).

        Args:
            text: Characters; or words, for a model of words, which takes all that it does not know as one.

        Raises:
            InputError: The model knows no alphabet, or not this character.
        """
        alphabet = self._alphabet()
        place = {entry: symbol for symbol, entry in enumerate(alphabet)}
        words = any(len(entry) > 1 for entry in alphabet)
        ends = [end for end in (EOL, EOS) if end in place]
        entries = _words(text, ends) if words and isinstance(text, str) else list(text)
        unknown = [entry for entry in entries if entry not in place]
        if unknown and UNKNOWN not in place:
            raise InputError(f"{unknown[0]!r} is not in the model's alphabet of {len(alphabet):,}")
        symbols = [place.get(entry, place.get(UNKNOWN, 0)) for entry in entries]
        return torch.tensor(symbols, dtype=torch.int64).reshape(-1, 1)

    def decode(self, symbols: Tensor) -> str:
        """Return symbols of shape (length,) or (length, 1) as text.

        Raises:
            InputError: The model knows no alphabet.
        """
        alphabet = self._alphabet()
        entries = [alphabet[symbol] for symbol in symbols.reshape(-1).tolist()]
        return ("" if all(len(entry) == 1 for entry in alphabet) else " ").join(entries)

    def _alphabet(self) -> tuple[str, ...]:
        if not self.config.ends.alphabet:
            raise InputError(f"a model of {self.config.task} has no alphabet")
        return self.config.ends.alphabet

    def scale(self, rows: Any) -> Tensor:
        """Return rows of the model's columns, shape (..., inputs), as it reads them, float32 of the same shape."""
        numbers = np.asarray(rows, np.float64)
        scaling = self.config.ends.scaling
        return torch.from_numpy(numbers if scaling is None else scaling.scaled(numbers)).float()

    def restore(self, outputs: Tensor) -> Numbers:
        """Return predicted numbers in the units of the file; shape (..., outputs) both.

        Logs of variances become variances, in the squares of these units.
        """
        numbers: Numbers = outputs.detach().cpu().double().numpy()
        scaling, count = self.config.ends.scaling, self.config.variances
        if scaling is None or not scaling.targets:
            return numbers
        if not count:
            return scaling.restored(numbers)
        means, variances = numbers[..., :-count], numbers[..., -count:]
        return np.concatenate((scaling.restored(means), scaling.restored_variances(variances)), -1)

    def save_pretrained(self, folder: str | os.PathLike[str], *, force: bool = False) -> None:
        """Write the model's folder, whole or not at all.

        Args:
            folder: Where; its own parent has to be there.
            force: Whether one that is there is replaced.

        Raises:
            InputError: It is there, or cannot be written.
        """
        weights = {name: weight.detach().cpu() for name, weight in self.network.named_parameters()}
        write_folder(folder, ModelFiles(self.cell, self.config, weights), force=force)

    @classmethod
    def from_pretrained(cls, folder: str | os.PathLike[str], engine: str | None = None) -> TrainedModel:
        """Return the model of a folder; nothing in it is executed.

        Args:
            folder: Where it lies.
            engine: What runs its layers; None as for `Recurrent`.

        Raises:
            InputError: There is none, a file of it is damaged, or belongs to something else.
        """
        files = read_folder(folder)
        return cls(files.cell, files.config, files.weights, engine)


def _words(text: str, ends: Sequence[str]) -> list[str]:
    """Return the words of a text, and what stands for the ends of all lines but the last, if anything does."""
    first, *others = text.split("\n")
    return first.split() + [word for line in others for word in (*ends[:1], *line.split())]
