"""One trial of the random search: a layer of a cell learns sequences online, after Greff et al. (2017)."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec
import torch
from torch import Tensor, nn

from archsearch.cell import Cell
from archsearch.compiler import Recurrent
from archsearch.protocol.seeds import generator, seed_of
from archsearch.studies.random_search.material import Example, Material
from archsearch.studies.random_search.ranges import VERSION, RandomSetting, drawn_setting

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
        dropout: Whether the trial draws a rate at which numbers are dropped in training.
        place: Where: of what the layer reads, of what it says, or of both.
    """

    epochs: int
    patience: int
    loss: Literal["mean", "sum"] = "mean"
    dropout: bool = False
    place: Literal["inputs", "outputs", "both"] = "outputs"


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
        valid: The score there, such as the NLL per step, nats; None if there was none.
        test: The test score there.
        diverged: Whether it ended since a loss was no number.
        seconds: Of a core, how long it took.
        data: Their checksum.
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
    data: str
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


class SearchNetwork:
    """A layer of a cell, which reads sequences in both directions where its goal allows it, and output units.

    Attributes:
        goal: What it learns to say.
        layer: Of the cell.
        out: The output units.
        weights: All that it learns.
    """

    def __init__(self, cell: Cell, units: int, material: Material, chance: torch.Generator) -> None:
        """Draw the initial weights: each is its constant in the cell, 0 if it has none, plus N(0, 0.1^2).

        Args:
            cell: The cell.
            units: Width of the layer, in each direction.
            material: What it learns.
            chance: Where the weights come from.
        """
        self.goal = material.goal
        both = self.goal.both_ways
        self.layer = Recurrent(cell, material.inputs, units, bidirectional=both)
        self.out = nn.Linear((1 + both) * units, material.outputs)
        self.weights = [*self.layer.parameters(), *self.out.parameters()]
        self.layer.reset_parameters(scale=0.0)
        with torch.no_grad():
            for weight in self.out.parameters():
                weight.zero_()
            for weight in self.weights:
                weight.add_(torch.randn(weight.shape, generator=chance), alpha=START)

    def outputs(self, inputs: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return the output units at each step, shape (T, B, how many).

        Args:
            inputs: Shape (T, B, how many).
            mask: What the outputs of the layer are multiplied by, shape (T, B, units); None for dropping none.
        """
        hidden, _ = self.layer(inputs)
        outputs: Tensor = self.out(hidden if mask is None else hidden * mask)
        return outputs

    @torch.no_grad()
    def score(self, examples: Sequence[Example]) -> float:
        """Return the score of sequences, over all that is scored in them; less is better.

        Raises:
            Diverged: It is no number.
        """
        found = (
            map(self._beside, _bunches(examples)) if not self.goal.both_ways else map(self._alone, examples)
        )
        total, count = (sum(column) for column in zip(*found, strict=True))
        if not math.isfinite(total):
            raise Diverged
        return float(total / count)

    def _alone(self, example: Example) -> tuple[float, int]:
        inputs, wanted = (torch.from_numpy(array) for array in (example.inputs, example.wanted))
        return self.goal.wrong(self.outputs(inputs.float()[:, None])[:, 0], wanted)

    def _beside(self, examples: Sequence[Example]) -> tuple[float, int]:
        """Return the same of sequences of notes side by side, padded at their ends."""
        inputs, wanted = (
            nn.utils.rnn.pad_sequence([torch.from_numpy(array).float() for array in arrays])
            for arrays in zip(*((one.inputs, one.wanted) for one in examples), strict=True)
        )
        lengths = torch.tensor([len(example.wanted) for example in examples])
        losses = self.goal.losses(self.outputs(inputs), wanted)
        known = torch.arange(len(losses))[:, None] < lengths
        return float(losses[known].double().sum()), int(lengths.sum())

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


def train_trial(job: TrialJob, material: Material) -> SearchTrial:
    """Train a network with the setting of a trial, and test it at its best validation."""
    started = time.process_time()
    cell, setting = Cell.parse(job.cell), drawn_setting(job.seed, job.number)
    words, dropout = ("odyssey", VERSION, job.seed, job.number), 0.0
    if job.effort.dropout:
        dropout = float(generator(*words, "dropout").choice(DROPOUTS))
    chance = torch.Generator().manual_seed(seed_of(*words, "weights"))
    network = SearchNetwork(cell, setting.units, material, chance)
    epoch, best, valid, diverged = 0, 0, math.inf, False
    course = _Course(
        network, setting, material.parts["train"], words=words, effort=job.effort, dropout=dropout
    )
    kept = network.kept()
    try:
        while epoch < job.effort.epochs and epoch - best <= job.effort.patience:
            epoch += 1
            course.epoch()
            if (found := network.score(material.parts["valid"])) < valid:
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
        test=network.score(material.parts["test"]) if best else None,
        diverged=diverged,
        seconds=time.process_time() - started,
        data=material.checksum,
        dropout=dropout,
    )


class _Course:
    """What a network learns from, sequence after sequence.

    Attributes:
        network: What learns.
        noise: Standard deviation of what is added to its inputs.
        effort: Says how the loss of a sequence is made, and where numbers are dropped.
        dropout: The rate at which they are.
        optimiser: Changes its weights.
        examples: The sequences: what is read, and what is to be said.
        order: In which order they come.
        chance: Where the noise comes from.
    """

    def __init__(
        self,
        network: SearchNetwork,
        setting: RandomSetting,
        examples: Sequence[Example],
        words: tuple[str | int, ...],
        effort: Effort,
        dropout: float,
    ) -> None:
        self.network, self.noise, self.effort, self.dropout = network, setting.noise, effort, dropout
        self.optimiser = optimiser_of(network.weights, setting)
        notes = not network.goal.both_ways
        self.examples = [
            (
                torch.from_numpy(one.inputs).float(),
                torch.from_numpy(one.wanted).float() if notes else torch.from_numpy(one.wanted),
            )
            for one in examples
        ]
        self.order = generator(*words, "order")
        self.chance = torch.Generator().manual_seed(seed_of(*words, "noise"))

    def epoch(self) -> None:
        """Learn from every sequence once."""
        for index in self.order.permutation(len(self.examples)):
            read, wanted = self.examples[index]
            inputs = read + self.noise * torch.randn(read.shape, generator=self.chance)
            inputs = inputs[:, None]
            if (mask := self._mask("inputs", len(inputs), inputs.shape[-1])) is not None:
                inputs = inputs * mask
            said = self._mask("outputs", len(inputs), self.network.out.in_features)
            outputs = self.network.outputs(inputs, said)
            losses = self.network.goal.losses(outputs[:, 0], wanted)
            loss = losses.mean() if self.effort.loss == "mean" else losses.sum()
            if not math.isfinite(loss.item()):
                raise Diverged
            self.optimiser.zero_grad()
            loss.backward()
            self.optimiser.step()

    def _mask(self, place: str, steps: int, width: int) -> Tensor | None:
        """Return which numbers of a place stay, and by what they are multiplied for it, (T, 1, width)."""
        if not self.dropout or self.effort.place not in (place, "both"):
            return None
        kept = torch.rand(steps, 1, width, generator=self.chance) >= self.dropout
        return kept / (1 - self.dropout)


def _bunches(examples: Sequence[Example]) -> list[list[Example]]:
    """Return sequences in bunches of about one length."""
    ordered = sorted(examples, key=lambda example: len(example.inputs))
    return [ordered[first : first + SIDE_BY_SIDE] for first in range(0, len(ordered), SIDE_BY_SIDE)]
