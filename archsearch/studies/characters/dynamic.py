"""Dynamic evaluation: the model goes on learning from the test text while it reads it, after Mikolov et al. (2010).

The text is one stream; every few symbols the model learns from those that it has just predicted, by plain gradient descent.
So each symbol is predicted before anything is learned from it, and nothing is learned from what comes later.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import Any

import msgspec
import numpy as np
import torch
from torch import nn

from archsearch.errors import InputError
from archsearch.studies.characters.model import CharModel
from archsearch.studies.characters.reading import part_to_read
from archsearch.studies.characters.text import Bytes, CharText
from archsearch.tasks.task import Numbers
from archsearch.training.model import detached

RATES = (0.01, 0.03, 0.1, 0.3, 1.0)
"""Among which the validation part chooses."""
INTERVAL = 50
"""Symbols between two updates."""
CHOSEN_ON = 20_000
"""Symbols of the validation part, from its beginning, that choose the rate."""
CLIP = 5.0
"""Largest gradient of any weight, as in training."""


class DynamicRow(msgspec.Struct, frozen=True):
    """A model that learned while it was tested, and the same that did not.

    Attributes:
        symbols: Symbols of the test part that were read, from its beginning.
        interval: Symbols between two updates.
        rate: Of gradient descent: the one with the lowest validation loss.
        valid: The validation loss of each rate, by its number, in nats a symbol; 0 is no learning.
        static: Test loss without learning, in nats a symbol.
        dynamic: With it.
        quarters: How much it gains in each quarter of the symbols, in nats a symbol.
    """

    symbols: int
    interval: int
    rate: float
    valid: dict[str, float]
    static: float
    dynamic: float
    quarters: list[float]

    @property
    def edge(self) -> str | None:
        """Where the rate lies among several if at an end of them: `largest` or `smallest`."""
        rates = [float(rate) for rate in self.valid if float(rate)]
        ends = {max(rates): "largest", min(rates): "smallest"} if len(rates) > 1 else {}
        return ends.get(float(f"{self.rate:g}"))


class Reading(msgspec.Struct, frozen=True):
    """How a dynamic evaluation goes.

    Attributes:
        rates: Of gradient descent; validation chooses among them.
        interval: Symbols between two updates.
        symbols: Most symbols of the test part; None for all.
    """

    rates: tuple[float, ...] = RATES
    interval: int = INTERVAL
    symbols: int | None = None


def dynamic_row(
    model: CharModel,
    text: CharText,
    reading: Reading,
    told: Callable[[float, str], None] = lambda rate, part: None,
) -> DynamicRow:
    """Return what a model gains by learning while it is tested.

    Args:
        model: What reads; it stays as it is.
        text: What it learned.
        reading: How.
        told: Told of the rate and the part that are read next.

    Raises:
        InputError: With no rate the validation loss is a number.
    """
    part, before = part_to_read(text, "valid")
    losses = {}
    for rate in (0.0, *reading.rates):
        told(rate, "valid")
        found = dynamic_losses(model, part[: before + CHOSEN_ON], before, rate, reading.interval)
        losses[rate] = float(found.mean())
    finite = {rate: loss for rate, loss in losses.items() if rate and np.isfinite(loss)}
    if not finite:
        rates = ", ".join(f"{rate:g}" for rate in reading.rates)
        raise InputError(f"dynamic evaluation: the loss is no number at any rate of {rates}; name lower ones")
    best = min(finite, key=lambda rate: finite[rate])
    part, before = part_to_read(text)
    part = part[: None if reading.symbols is None else before + reading.symbols]
    told(0.0, "test")
    static = dynamic_losses(model, part, before, 0.0, reading.interval)
    told(best, "test")
    dynamic = dynamic_losses(model, part, before, best, reading.interval)
    return DynamicRow(
        symbols=len(static),
        interval=reading.interval,
        rate=best,
        valid={f"{rate:g}": loss for rate, loss in losses.items()},
        static=float(static.mean()),
        dynamic=float(dynamic.mean()),
        quarters=quarters(static - dynamic),
    )


def quarters(gains: Numbers) -> list[float]:
    """Return the mean of each quarter of some numbers, shape (length,)."""
    return [float(quarter.mean()) for quarter in np.array_split(gains, 4)]


def dynamic_losses(model: CharModel, text: Bytes, before: int, rate: float, interval: int) -> Numbers:
    """Return the loss of every symbol but the first `before`, in nats, shape (length - before,); NaN from where it diverged.

    Args:
        model: What reads; it stays as it is.
        text: Symbols, shape (length,).
        before: How many are only read, at least 1; nothing is learned from them.
        rate: Of gradient descent; with 0 nothing is learned.
        interval: Symbols between two updates.
    """
    learner = deepcopy(model)
    symbols = torch.from_numpy(text.astype(np.int64))[:, None]
    with torch.no_grad():
        state: Any = learner(symbols[: before - 1])[1] if before > 1 else None
    found = np.full(len(text) - before, np.nan)
    for start in range(before, len(text), interval):
        end = min(start + interval, len(text))
        with torch.set_grad_enabled(rate > 0):
            logits, state = learner(symbols[start - 1 : end - 1], state)
            losses = nn.functional.cross_entropy(logits[:, 0], symbols[start:end, 0], reduction="none")
        if not torch.isfinite(losses).all():
            break
        found[start - before : end - before] = losses.detach().numpy()
        if rate > 0:
            _learn(list(learner.parameters()), losses.mean(), rate)
            state = detached(state)
    return found


def _learn(weights: Sequence[nn.Parameter], loss: torch.Tensor, rate: float) -> None:
    """Take a step of gradient descent; gradients are clipped one by one."""
    gradients = torch.autograd.grad(loss, weights)
    with torch.no_grad():
        for weight, gradient in zip(weights, gradients, strict=True):
            weight.sub_(gradient.clamp_(-CLIP, CLIP), alpha=rate)
