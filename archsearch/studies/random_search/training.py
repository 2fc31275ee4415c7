"""One trial of the random search: a layer of a cell learns music online, after Greff et al. (2017)."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from archsearch.cell import Cell
from archsearch.compiler import Recurrent
from archsearch.protocol.seeds import generator, seed_of
from archsearch.studies.random_search.ranges import VERSION, RandomSetting, drawn_setting
from archsearch.tasks.music import NOTES, Music, Roll

START = 0.1
"""Standard deviation of the initial weights."""
DROPOUTS = (0.0, 0.1, 0.3, 0.5, 0.7)
"""Rates of dropout that a trial with it draws from, those of Jozefowicz et al. (2015)."""
SIDE_BY_SIDE = 32
"""Sequences that are evaluated at once."""


class Effort(msgspec.Struct, frozen=True):
    """How a trial trains.

    Attributes:
        epochs: At most so many.
        patience: It stops after more than so many without a better validation.
        loss: Whether the loss of a sequence is the mean over its steps or their sum, which the paper leaves open.
        dropout: Whether the trial draws a rate at which outputs of the layer are dropped in training.
    """

    epochs: int
    patience: int
    loss: Literal["mean", "sum"] = "mean"
    dropout: bool = False


PAPER, REDUCED = Effort(150, 15), Effort(30, 5)


class SearchTrial(msgspec.Struct, frozen=True):
    """How a trial ended.

    Attributes:
        cell: The cell's id.
        seed: Of the search.
        number: Of the trial in it.
        setting: What it was trained with.
        parameters: Of the layer and the output units.
        epochs: How many it trained, a last one that was cut short included.
        best: The epoch of the best validation; 0 if there was none.
        valid: The NLL per step there, nats; None if there was none.
        test: The test NLL per step there.
        diverged: Whether it ended since a loss was no number.
        seconds: Of a core, how long it took.
        music: The checksum of the data.
        dropout: The rate at which outputs of the layer were dropped.
        version: Of the training.
    """

    cell: str
    seed: int
    number: int
    setting: RandomSetting
    parameters: int
    epochs: int
    best: int
    valid: float | None
    test: float | None
    diverged: bool
    seconds: float
    music: str
    dropout: float = 0.0
    version: int = VERSION


@dataclass(frozen=True)
class TrialJob:
    """What is to be trained.

    Attributes:
        cell: The cell's text.
        seed: Of the search.
        number: Of the trial in it, which decides its setting, weights, noise and order of sequences.
        effort: How.
    """

    cell: str
    seed: int
    number: int
    effort: Effort


class Diverged(Exception):
    """A loss is no number."""


class NoteNetwork:
    """A layer of a cell with one output unit a note, which says the next step of a sequence.

    Attributes:
        layer: Of the cell.
        out: The output units.
        weights: All that it learns.
    """

    def __init__(self, cell: Cell, units: int, chance: torch.Generator) -> None:
        """Draw the initial weights: each is its constant in the cell, 0 if it has none, plus N(0, 0.1^2).

        Args:
            cell: The cell.
            units: Width of the layer.
            chance: Where the weights come from.
        """
        self.layer, self.out = Recurrent(cell, NOTES, units), nn.Linear(units, NOTES)
        self.weights = [*self.layer.parameters(), *self.out.parameters()]
        self.layer.reset_parameters(scale=0.0)
        with torch.no_grad():
            for weight in self.out.parameters():
                weight.zero_()
            for weight in self.weights:
                weight.add_(torch.randn(weight.shape, generator=chance), alpha=START)

    def losses(self, inputs: Tensor, wanted: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return the cross-entropy of each step, summed over its notes, in nats.

        Args:
            inputs: Shape (T, B, 88).
            wanted: The notes that follow, same shape.
            mask: What the outputs of the layer are multiplied by, shape (T, B, units); None for dropping none.

        Returns:
            Shape (T, B).
        """
        hidden, _ = self.layer(inputs)
        logits = self.out(hidden if mask is None else hidden * mask)
        return binary_cross_entropy_with_logits(logits, wanted, reduction="none").sum(-1)

    @torch.no_grad()
    def nll(self, rolls: Sequence[Roll]) -> float:
        """Return the mean over all steps of sequences, each (steps, 88), of the cross-entropy of the next one.

        Raises:
            Diverged: It is no number.
        """
        total, count, ordered = 0.0, 0, sorted(rolls, key=len)
        for first in range(0, len(ordered), SIDE_BY_SIDE):
            some = [torch.from_numpy(roll).float() for roll in ordered[first : first + SIDE_BY_SIDE]]
            lengths = torch.tensor([len(roll) - 1 for roll in some])
            padded = nn.utils.rnn.pad_sequence(some)
            losses = self.losses(padded[:-1], padded[1:])
            known = torch.arange(len(losses))[:, None] < lengths
            total += float(losses[known].double().sum())
            count += int(lengths.sum())
        if not math.isfinite(total):
            raise Diverged
        return total / count

    def kept(self) -> list[Tensor]:
        """Return the weights as they are now, in their shapes."""
        return [weight.detach().clone() for weight in self.weights]

    @torch.no_grad()
    def restore(self, kept: list[Tensor]) -> None:
        """Take weights back, in the shapes of `kept`."""
        for weight, old in zip(self.weights, kept, strict=True):
            weight.copy_(old)


def optimiser_of(weights: Sequence[Tensor], setting: RandomSetting) -> torch.optim.SGD:
    """Return gradient descent on weights of any shape, with Nesterov's momentum and a rate times 1 - momentum."""
    rate = setting.rate * (1 - setting.momentum)
    return torch.optim.SGD(weights, lr=rate, momentum=setting.momentum, nesterov=setting.momentum > 0)


def train_trial(job: TrialJob, music: Music) -> SearchTrial:
    """Train a network with the setting of a trial, and test it at its best validation."""
    started = time.process_time()
    cell, setting = Cell.parse(job.cell), drawn_setting(job.seed, job.number)
    words, dropout = ("odyssey", VERSION, job.seed, job.number), 0.0
    if job.effort.dropout:
        dropout = float(generator(*words, "dropout").choice(DROPOUTS))
    chance = torch.Generator().manual_seed(seed_of(*words, "weights"))
    network, epoch, best, valid, diverged = NoteNetwork(cell, setting.units, chance), 0, 0, math.inf, False
    course = _Course(
        network, setting, music.parts["train"], words=words, loss=job.effort.loss, dropout=dropout
    )
    kept = network.kept()
    try:
        while epoch < job.effort.epochs and epoch - best <= job.effort.patience:
            epoch += 1
            course.epoch()
            if (found := network.nll(music.parts["valid"])) < valid:
                best, valid, kept = epoch, found, network.kept()
    except Diverged:
        diverged = True
    network.restore(kept)
    return SearchTrial(
        cell=cell.id,
        seed=job.seed,
        number=job.number,
        setting=setting,
        parameters=sum(weight.numel() for weight in network.weights),
        epochs=epoch,
        best=best,
        valid=valid if best else None,
        test=network.nll(music.parts["test"]) if best else None,
        diverged=diverged,
        seconds=time.process_time() - started,
        music=music.checksum,
        dropout=dropout,
    )


class _Course:
    """What a network learns from, sequence after sequence.

    Attributes:
        network: What learns.
        noise: Standard deviation of what is added to its inputs.
        loss: Whether the loss of a sequence is the mean of its steps or their sum.
        dropout: Rate at which outputs of the layer are dropped.
        optimiser: Changes its weights.
        rolls: The sequences, each (steps, 88), those with a step to predict.
        order: In which order they come.
        chance: Where the noise comes from.
    """

    def __init__(
        self,
        network: NoteNetwork,
        setting: RandomSetting,
        rolls: Sequence[Roll],
        words: tuple[str | int, ...],
        loss: str,
        dropout: float,
    ) -> None:
        self.network, self.noise, self.loss, self.dropout = network, setting.noise, loss, dropout
        self.optimiser = optimiser_of(network.weights, setting)
        self.rolls = [torch.from_numpy(roll).float() for roll in rolls if len(roll) > 1]
        self.order = generator(*words, "order")
        self.chance = torch.Generator().manual_seed(seed_of(*words, "noise"))

    def epoch(self) -> None:
        """Learn from every sequence once."""
        for index in self.order.permutation(len(self.rolls)):
            roll = self.rolls[index]
            noise = torch.randn(roll[:-1].shape, generator=self.chance)
            inputs = roll[:-1] + self.noise * noise
            losses = self.network.losses(inputs[:, None], roll[1:, None], self._mask(len(inputs)))
            loss = losses.mean() if self.loss == "mean" else losses.sum()
            if not math.isfinite(loss.item()):
                raise Diverged
            self.optimiser.zero_grad()
            loss.backward()
            self.optimiser.step()

    def _mask(self, steps: int) -> Tensor | None:
        """Return which outputs of the layer stay, and by what they are multiplied for it, (T, 1, units)."""
        if not self.dropout:
            return None
        kept = torch.rand(steps, 1, self.network.layer.hidden_size, generator=self.chance) >= self.dropout
        return kept / (1 - self.dropout)
