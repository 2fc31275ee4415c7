"""Trains character models; what was reached is kept, so an interrupted training goes on, and an ended one is not repeated.

After every epoch the validation loss is taken; the weights with the lowest one are the model. States are carried from
window to window, and are zero at the start of an epoch.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch
from torch import Tensor, nn

from archsearch.cell import Cell
from archsearch.errors import ArchsearchError
from archsearch.protocol.seeds import seed_of
from archsearch.studies.characters.keeping import (
    Kept,
    Reached,
    Record,
    keep_training,
    kept_model,
    make_folder,
)
from archsearch.studies.characters.model import CharModel
from archsearch.studies.characters.reading import log_probabilities, part_to_read
from archsearch.studies.characters.recipe import Recipe
from archsearch.studies.characters.text import Bytes, CharText
from archsearch.training.model import detached

OFTEN = 100
"""Steps after which a training is kept, besides the ends of epochs."""

Progressed = Callable[[int, float], None]
"""Told the steps so far and the last window's loss, in nats a symbol."""


class Training:
    """A character model that learns.

    Attributes:
        text: What from.
        recipe: How.
        record: How it went so far.
        model: As it is now.
        weights: Its parameters, by name.
        optimiser: RMSProp.
        state: What the last window left.
        best: The weights with the lowest validation loss.
    """

    def __init__(self, text: CharText, recipe: Recipe, kept: Kept | None = None) -> None:
        """Draw the initial weights, or go on.

        Args:
            text: What is learned.
            recipe: How.
            kept: Where another training of this recipe stopped.
        """
        self.text, self.recipe = text, recipe
        self.record = Record(recipe) if kept is None else kept.record
        self.model = model_of(recipe)
        self.model.draw(
            recipe.bound, torch.Generator().manual_seed(seed_of("inside", "weights", recipe.seed))
        )
        self.weights = dict(self.model.named_parameters())
        self.optimiser = torch.optim.RMSprop(self.weights.values(), lr=recipe.rate, alpha=recipe.keep)
        self.state: Any = None
        self.best = {name: weight.detach().clone() for name, weight in self.weights.items()}
        if kept is not None:
            self._resume(kept.tensors)

    @torch.no_grad()
    def _resume(self, tensors: dict[str, Tensor]) -> None:
        for name, weight in self.weights.items():
            weight.copy_(tensors[f"weight {name}"])
            self.best[name] = tensors[f"best {name}"]
            self.optimiser.state[weight] = {
                "step": torch.tensor(float(self.record.steps)),
                "square_avg": tensors[f"square {name}"],
            }
        states = [tensors[name] for name in sorted(tensors) if name.startswith("state ")]
        self.state = (states[0] if len(states) == 1 else tuple(states)) if states else None

    def kept(self) -> Kept:
        """Return all that decides how it goes on."""
        tensors = {}
        for name, weight in self.weights.items():
            tensors[f"weight {name}"] = weight.detach().clone()
            tensors[f"best {name}"] = self.best[name].clone()
            tensors[f"square {name}"] = self.optimiser.state[weight]["square_avg"].clone()
        states = [] if self.state is None else [self.state] if isinstance(self.state, Tensor) else self.state
        return Kept(
            self.record, tensors | {f"state {index}": state.clone() for index, state in enumerate(states)}
        )

    def run(self, steps: int, stopped: Callable[[Kept], None], progressed: Progressed) -> None:
        """Learn until so many steps are done in all, or validation says that it is enough.

        Args:
            steps: The budget.
            stopped: Given what is to be kept, now and then.
            progressed: Told of progress.

        Raises:
            ArchsearchError: The loss is no number.
        """
        windows = epoch_windows(self.text.train, self.recipe)
        while self.record.steps < steps and not self.record.has_ended:
            epoch, first = divmod(self.record.steps, len(windows))
            self.optimiser.param_groups[0]["lr"] = self.recipe.rate_in(epoch)
            last = min(len(windows), first + steps - self.record.steps)
            for start in range(first, last, OFTEN):
                self._steps(windows[start : min(start + OFTEN, last)], progressed)
                if last == len(windows) and start + OFTEN >= last:
                    self.state = None
                if start + OFTEN >= last:
                    self._validate()
                stopped(self.kept())

    def _steps(self, windows: list[Tensor], progressed: Progressed) -> None:
        """Take a step for each window, shape (T + 1, B)."""
        started, losses = time.process_time(), list[float]()
        for window in windows:
            losses.append(self._step(window))
            if not math.isfinite(losses[-1]):
                at = self.record.steps + len(losses)
                raise ArchsearchError(f"{self.recipe.file_name}: the loss is {losses[-1]} at step {at}")
            progressed(self.record.steps + len(losses), losses[-1])
        self.record = msgspec.structs.replace(
            self.record,
            steps=self.record.steps + len(losses),
            symbols=self.record.symbols + sum(window[1:].numel() for window in windows),
            seconds=self.record.seconds + time.process_time() - started,
            last_loss=float(np.mean(losses)),
        )

    def _step(self, window: Tensor) -> float:
        logits, state = self.model(window[:-1], self.state)
        loss = nn.functional.cross_entropy(logits.flatten(0, 1), window[1:].flatten())
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_value_(self.weights.values(), self.recipe.clip)
        self.optimiser.step()
        self.state = detached(state)
        return float(loss.detach())

    def _validate(self) -> None:
        loss = -float(log_probabilities(self.model, *part_to_read(self.text, "valid")).mean())
        per_epoch = len(epoch_windows(self.text.train, self.recipe))
        best = self.record.best
        if best is None or loss < best.valid:
            self.best = {name: weight.detach().clone() for name, weight in self.weights.items()}
        reached = Reached(self.record.steps, self.record.steps / per_epoch, self.record.last_loss, valid=loss)
        self.record = msgspec.structs.replace(self.record, curve=(*self.record.curve, reached))

    def result(self) -> CharModel:
        """Return the model with the lowest validation loss."""
        model = model_of(self.recipe)
        model.load_state_dict(self.best, strict=False)
        return model.eval()


def model_of(recipe: Recipe) -> CharModel:
    """Return a model without weights."""
    cell = Cell.parse(recipe.cell)
    return CharModel(cell, recipe.symbols, recipe.units, recipe.layers)


def epoch_windows(train: Bytes, recipe: Recipe) -> list[Tensor]:
    """Return the windows of an epoch, int64, shape (T + 1, B) each, the last symbol of one being the first of the next.

    Args:
        train: What is learned, shape (length,).
        recipe: Batch and unroll; streams that are shorter than a window are one.
    """
    batch = recipe.batch
    length = (len(train) - 1) // batch
    unroll = min(recipe.unroll, length)
    starts = np.arange(batch) * length
    rows = train[starts[None] + np.arange(length + 1)[:, None]].astype(np.int64)
    return [
        torch.from_numpy(rows[start : start + unroll + 1]) for start in range(0, length - unroll + 1, unroll)
    ]


def trained_or_resumed(
    text: CharText,
    recipe: Recipe,
    steps: int,
    folder: Path,
    progressed: Progressed = lambda steps, loss: None,
) -> tuple[CharModel, Record]:
    """Return a trained model and how that went; a kept one goes on, or is taken as it is if it has enough steps.

    Args:
        text: What is learned.
        recipe: How.
        steps: The budget, at least 1.
        folder: Where it is kept: weights as safetensors, the record besides as JSON.
        progressed: Told of progress.

    Raises:
        InputError: The folder cannot be used.
        ArchsearchError: The loss is no number.
    """
    make_folder(folder)
    training = Training(text, recipe, kept_model(folder, recipe))
    training.run(steps, lambda kept: keep_training(folder, kept), progressed)
    return training.result(), training.record
