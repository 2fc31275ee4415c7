"""Sequential construction: the network of 1997 starts with one memory block, and gets another when its error stops falling.

Hochreiter and Schmidhuber (1997) name it as a remedy where a network abuses memory cells, say as biases. When an error has
stopped falling they do not say; here it is compared in spans of sequences.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np

from archsearch.studies.lags.experiments import Experiment
from archsearch.studies.lags.memory_blocks import Weights, Wiring
from archsearch.studies.lags.pupils import MemoryPupil
from archsearch.tasks.task import Numbers, Symbols

SPAN = 1_000
"""Training sequences whose mean absolute error is compared with that of the spans before."""
FALLING = 0.99
"""An error falls that is below this share of the lowest before."""


def with_blocks(experiment: Experiment, blocks: int) -> Experiment:
    """Return an experiment with the first of its memory blocks alone."""
    return replace(
        experiment,
        wiring=replace(experiment.wiring, blocks=blocks),
        input_bias=experiment.input_bias[:blocks],
        output_bias=experiment.output_bias[:blocks],
    )


def grown(before: Wiring, weights: Weights, after: Wiring, fresh: Weights) -> Weights:
    """Return the weights of a larger network that has those of a smaller one in their places.

    Args:
        before: The smaller network.
        weights: Its weights.
        after: The larger one, with more blocks.
        fresh: Initial weights of the larger one, for all else.
    """
    units, read = _places(before, after), _places(before, after)[before.hidden - before.read :]
    read = read - (after.hidden - after.read)
    cells = units[before.gates :] - after.gates
    whole = {name: weight.copy() for name, weight in fresh.items()}
    whole["x"][:, units] = weights["x"]
    whole["bias"][units] = weights["bias"]
    whole["out"][cells] = weights["out"]
    if "y" in whole:
        whole["y"][np.ix_(read, units)] = weights["y"]
    for name in ("direct", "out_bias"):
        if name in whole:
            whole[name] = weights[name].copy()
    return whole


def _places(before: Wiring, after: Wiring) -> Symbols:
    """Return for each hidden unit of the smaller network its number in the larger one, shape (hidden,)."""
    kinds = before.gates // before.blocks
    gates = [kind * after.blocks + block for kind in range(kinds) for block in range(before.blocks)]
    return np.array([*gates, *range(after.gates, after.gates + before.cells)], np.int64)


@dataclass
class Construction:
    """Watches the error of a network that grows.

    Attributes:
        final: The experiment with all its blocks.
        rng: Where the weights of new blocks come from.
        lowest: The least mean error of a span since the last block.
        errors: Of the sequences of the present span, at its beginning none.
    """

    final: Experiment
    rng: np.random.Generator
    lowest: float = math.inf
    errors: list[Numbers] = field(default_factory=list)

    def heard(self, pupil: MemoryPupil, errors: Numbers) -> None:
        """Take in the mean errors of some sequences, shape (sequences,), and add a block if they have stopped falling."""
        self.errors.append(errors)
        if sum(map(len, self.errors)) < SPAN:
            return
        mean = float(np.concatenate(self.errors).mean())
        self.errors = []
        if mean < FALLING * self.lowest:
            self.lowest = mean
            return
        blocks = pupil.experiment.wiring.blocks
        if blocks < self.final.wiring.blocks:
            self._grow(pupil, blocks + 1)
            self.lowest = math.inf

    def _grow(self, pupil: MemoryPupil, blocks: int) -> None:
        larger = with_blocks(self.final, blocks)
        starts = larger.input_bias, larger.output_bias
        fresh = larger.wiring.draw(self.rng, larger.bound, *starts)
        pupil.weights = grown(pupil.experiment.wiring, pupil.weights, larger.wiring, fresh)
        pupil.experiment = larger
