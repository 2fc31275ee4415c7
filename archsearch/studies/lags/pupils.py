"""What learns in the study of long lags: the network of 1997, or a cell of the language with about as many weights.

Both learn online, from one sequence after another, by plain gradient descent on the squared error of logistic outputs.
A cell's gradient goes back to the start of the sequence, but where the cell itself stops it.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from archsearch.cell import Cell
from archsearch.compiler import Recurrent
from archsearch.compiler.engines import default_engine
from archsearch.errors import InputError
from archsearch.studies.lags.data import Lesson
from archsearch.studies.lags.experiments import Experiment
from archsearch.studies.lags.teachers import teacher
from archsearch.tasks.task import Numbers, Symbols


class Pupil(Protocol):
    """A network that learns online."""

    def learn(self, lesson: Lesson) -> tuple[Numbers, Numbers]:
        """Learn from each sequence in its turn; return the largest and mean absolute error of each before, (sequences,)."""

    def outputs(self, inputs: Symbols | Numbers) -> Numbers:
        """Return the output units at every step of sequences side by side, shape (T, B, outputs)."""

    def kept(self) -> Any:
        """Return what `restore` takes back."""

    def restore(self, kept: Any) -> None:
        """Be as it was when `kept` was called."""


class MemoryPupil:
    """The network of 1997.

    Attributes:
        experiment: What it learns, with the wiring.
        teach: What learns from sequences.
        weights: As they are now.
    """

    def __init__(self, experiment: Experiment, rng: np.random.Generator) -> None:
        """Draw the initial weights.

        Args:
            experiment: What it learns.
            rng: Where they come from.
        """
        self.experiment, self.teach = experiment, teacher()
        self.weights = experiment.wiring.draw(
            rng, experiment.bound, experiment.input_bias, experiment.output_bias
        )

    def learn(self, lesson: Lesson) -> tuple[Numbers, Numbers]:
        """Learn; see `Pupil`, errors of shape (sequences,)."""
        return self.teach(self.experiment.wiring, self.weights, lesson, self.experiment.rate)

    def outputs(self, inputs: Symbols | Numbers) -> Numbers:
        """Return the output units, shape (T, B, outputs)."""
        wiring = self.experiment.wiring
        return wiring.outputs_of(self.weights, wiring.run(self.weights, inputs))

    def kept(self) -> dict[str, Numbers]:
        """Return the weights as they are now; shapes as those of the wiring."""
        return {name: weight.copy() for name, weight in self.weights.items()}

    def restore(self, kept: dict[str, Numbers]) -> None:
        """Take weights back, in the shapes of `kept`."""
        self.weights = kept


class CellPupil:
    """A layer of a cell, which reads the inputs as they are, symbols one-hot, and output units on it.

    Attributes:
        experiment: What it learns.
        layer: Of the cell, float32.
        out: The output units.
        weights: All of them.
    """

    def __init__(self, cell: Cell, experiment: Experiment, rng: np.random.Generator) -> None:
        """Draw the initial weights, within the same bound as those of 1997.

        Args:
            cell: The cell.
            experiment: What it learns.
            rng: Where they come from.

        Raises:
            InputError: Not even a single unit has as few weights as the network of 1997.
        """
        self.experiment, wiring = experiment, experiment.wiring
        n = width_for(cell, experiment)
        self.layer = Recurrent(cell, wiring.inputs, n, engine=default_engine("cpu"))
        self.out = nn.Linear(n, wiring.outputs)
        generator = torch.Generator().manual_seed(int(rng.integers(2**63)))
        self.layer.reset_parameters(scale=experiment.bound * n**0.5, generator=generator)
        with torch.no_grad():
            for weight in self.out.parameters():
                weight.uniform_(-experiment.bound, experiment.bound, generator=generator)
        self.weights = [*self.layer.parameters(), *self.out.parameters()]

    def learn(self, lesson: Lesson) -> tuple[Numbers, Numbers]:
        """Learn; see `Pupil`, errors of shape (sequences,)."""
        largest, mean = np.empty((2, len(lesson.lengths)))
        for number, end in enumerate(lesson.lengths):
            asked = torch.from_numpy(np.flatnonzero(lesson.scored[number, :end]))
            wanted = torch.from_numpy(lesson.targets[number, :end])[asked].float()
            outputs = self._run(lesson.inputs[number, :end, None])[asked, 0]
            errors = outputs - wanted
            slopes = torch.autograd.grad(0.5 * errors.square().sum(), self.weights)
            with torch.no_grad():
                for weight, slope in zip(self.weights, slopes, strict=True):
                    weight.sub_(slope, alpha=self.experiment.rate)
            sizes = errors.detach().abs()
            largest[number], mean[number] = float(sizes.max()), float(sizes.mean())
        return largest, mean

    def _run(self, inputs: Symbols | Numbers) -> Tensor:
        given = np.eye(self.experiment.wiring.inputs)[inputs] if inputs.dtype.kind == "i" else inputs
        hidden, _ = self.layer(torch.from_numpy(given).float())
        return torch.sigmoid(self.out(hidden))

    @torch.no_grad()
    def outputs(self, inputs: Symbols | Numbers) -> Numbers:
        """Return the output units, shape (T, B, outputs)."""
        return self._run(inputs).double().numpy()

    def kept(self) -> list[Tensor]:
        """Return the weights as they are now; shapes as those of the layers."""
        return [weight.detach().clone() for weight in self.weights]

    @torch.no_grad()
    def restore(self, kept: list[Tensor]) -> None:
        """Take weights back, in the shapes of `kept`."""
        for weight, old in zip(self.weights, kept, strict=True):
            weight.copy_(old)


def width_for(cell: Cell, experiment: Experiment) -> int:
    """Return the largest width with no more weights than the network of 1997 has there.

    Raises:
        InputError: There is none.
    """
    wiring = experiment.wiring
    width = 0
    while _weights(cell, experiment, width + 1) <= wiring.weights:
        width += 1
    if width == 0:
        raise InputError(
            f"{experiment.title}: the network of 1997 has {wiring.weights} weights, and {cell.name} of one unit "
            f"{_weights(cell, experiment, 1)}; name another experiment"
        )
    return width


def _weights(cell: Cell, experiment: Experiment, width: int) -> int:
    wiring = experiment.wiring
    return cell.parameter_count(width, wiring.inputs) + (width + 1) * wiring.outputs
