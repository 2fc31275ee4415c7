"""A run of the study of long lags: one network learns online, sequence after sequence, until it meets its criterion."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import replace

import msgspec
import numpy as np

from archsearch.cell import Cell
from archsearch.errors import InputError
from archsearch.protocol.seeds import generator
from archsearch.studies.lags.construction import Construction, with_blocks
from archsearch.studies.lags.criteria import Classified, Legal, Recent, Streak, is_legal
from archsearch.studies.lags.data import chosen_from, disjoint_sets, lesson_of, picked, unit_targets
from archsearch.studies.lags.drift import mean_states
from archsearch.studies.lags.experiments import EXPERIMENTS, Experiment
from archsearch.studies.lags.pupils import CellPupil, MemoryPupil, Pupil
from archsearch.tasks.task import Window

VERSION = 1
"""Rises when a seed gives other results."""
LESSON = 100
"""Sequences that a run draws at once, and after which it is tried on sets."""
TEST = 2_560
"""Fresh sequences that a network is tested on at the end."""
TASTE = 32
"""Strings that are looked at first: where one of them is wrong, the rest need no look."""

DRIFTING = 200
"""Fresh sequences on which the drift of states is measured."""

Counted = Callable[[int], None]
"""Told how many sequences a run has seen."""


class Variant(msgspec.Struct, frozen=True):
    """What is other than in the paper's experiment, with the network of 1997.

    Attributes:
        is_sequential: Whether it starts with one block and grows to the paper's number.
        input_bias: Where the biases of the input gates start: for each block, or one for all; None: as in the paper.
    """

    is_sequential: bool = False
    input_bias: tuple[float, ...] | None = None

    def of(self, experiment: Experiment) -> Experiment:
        """Return the experiment with other biases.

        Raises:
            InputError: There are not as many as blocks, or gates have no bias.
        """
        blocks, starts = experiment.wiring.blocks, self.input_bias
        if starts is None:
            return experiment
        if not experiment.wiring.gate_bias:
            raise InputError(f"{experiment.title}: its gates have no bias; name another experiment")
        if len(starts) not in (1, blocks):
            raise InputError(
                f"{experiment.title}: {len(starts)} biases of input gates for {blocks} blocks; give one, or {blocks}"
            )
        return replace(experiment, input_bias=starts * (blocks // len(starts)))


PAPER = Variant()


class RunResult(msgspec.Struct, frozen=True):
    """How a run ended.

    Attributes:
        experiment: Its name.
        seed: Its seed.
        solved: Whether it met the criterion.
        sequences: Training sequences until then, or in all.
        first: Those until the weaker criterion ST1, where there is one and it was met.
        wrong: How many of the fresh test sequences were wrong.
        error: The mean absolute error there; None where an output was no number.
        seconds: How long it took.
        cell: The id of the cell that learned; empty for the network of 1997.
        version: Of the training.
        variant: What is other than in the paper's experiment.
        blocks: Memory blocks in the end.
        drift_before: Mean |s| over the steps of fresh sequences, a figure for each block, at the initial weights.
        drift_after: The same in the end.
        starts: Where the biases of their input gates started; empty where there are none.
    """

    experiment: str
    seed: int
    solved: bool
    sequences: int
    first: int | None
    wrong: int
    error: float | None
    seconds: float
    cell: str = ""
    version: int = VERSION
    variant: Variant = PAPER
    blocks: int = 0
    drift_before: tuple[float, ...] = ()
    drift_after: tuple[float, ...] = ()
    starts: tuple[float, ...] = ()


class LagRun:
    """One run of an experiment.

    Attributes:
        name: The experiment's name.
        experiment: The experiment.
        seed: Its seed.
        cell: The cell that learns; None for the network of 1997.
        pupil: What learns.
        draw: Makes its training sequences.
        sets: Those that it is tried on while it learns, if it is.
        seen: Training sequences so far.
        first: How many they were when it met the weaker criterion ST1.
        streak: The latest of them, where these decide.
        variant: What is other than in the paper.
        construction: Adds blocks, where the network grows.
    """

    def __init__(self, name: str, seed: int, cell: Cell | None = None, variant: Variant = PAPER) -> None:
        """Draw the initial weights and the sets.

        Args:
            name: The experiment's name.
            seed: Any number; the sequences are the same whatever learns.
            cell: The cell that learns; None for the network of 1997.
            variant: What is other than in the paper; nothing where a cell learns.

        Raises:
            InputError: The cell has more weights than the network of 1997, whatever its width, or there is no such variant.
        """
        self.name, self.seed, self.cell, self.seen = name, seed, cell, 0
        self.variant = PAPER if cell is not None else variant
        self.experiment = experiment = self.variant.of(EXPERIMENTS[name])
        self.construction: Construction | None = None
        self.first: int | None = None
        self.draw, self.sets = experiment.draw, tuple[Window, ...]()
        rng = self._generator("weights")
        self.pupil: Pupil
        if cell is not None:
            self.pupil = CellPupil(cell, experiment, rng)
        elif self.variant.is_sequential:
            self.pupil = MemoryPupil(with_blocks(experiment, 1), rng)
            self.construction = Construction(experiment, rng)
        else:
            self.pupil = MemoryPupil(experiment, rng)
        criterion = experiment.criterion
        self.streak = Streak(criterion) if isinstance(criterion, Recent) else None
        if isinstance(criterion, Legal):
            self.sets = disjoint_sets(self.draw, self._generator("sets"), criterion.size)
            self.draw = chosen_from(self.sets[0])
        elif isinstance(criterion, Classified):
            self.sets = (experiment.tests(self._generator("sets"), criterion.size),)

    def _generator(self, purpose: str) -> np.random.Generator:
        return generator("long-lag", self.name, VERSION, self.seed, purpose)

    def train(self, most: int, counted: Counted = lambda seen: None) -> RunResult:
        """Learn until the criterion is met, and return how that went; most: sequences after which the run has failed."""
        started, rng, solved = time.perf_counter(), self._generator("train"), False
        drift, starts = self._drift(), self._starts()
        while not solved and self.seen < most:
            solved = self._lesson(self.draw(rng, LESSON), most - self.seen)
            counted(self.seen)
        wrong, error = self._tested(self.experiment.tests(self._generator("test"), TEST))
        criterion = self.experiment.criterion
        back = criterion.count if solved and isinstance(criterion, Recent) and criterion.is_dated_back else 0
        return RunResult(
            experiment=self.name,
            seed=self.seed,
            solved=solved,
            sequences=self.seen - back,
            first=self.first,
            wrong=wrong,
            error=error if math.isfinite(error) else None,
            seconds=time.perf_counter() - started,
            cell="" if self.cell is None else self.cell.id,
            variant=self.variant,
            blocks=self.pupil.experiment.wiring.blocks if isinstance(self.pupil, MemoryPupil) else 0,
            drift_before=drift,
            drift_after=self._drift(),
            starts=starts,
        )

    def _drift(self) -> tuple[float, ...]:
        """Return mean |s| of the blocks that there are now; nothing of a cell, or where a state is no number."""
        if not isinstance(self.pupil, MemoryPupil):
            return ()
        sequences = self.experiment.tests(self._generator("drift"), DRIFTING)
        drift = mean_states(self.pupil.experiment.wiring, self.pupil.weights, sequences)
        return drift if all(map(math.isfinite, drift)) else ()

    def _starts(self) -> tuple[float, ...]:
        """Return the biases of the input gates that there are now."""
        if not isinstance(self.pupil, MemoryPupil) or not self.experiment.wiring.gate_bias:
            return ()
        return tuple(map(float, self.pupil.weights["bias"][: self.pupil.experiment.wiring.blocks]))

    def _lesson(self, window: Window, most: int) -> bool:
        """Learn from some sequences, up to the one that meets the criterion; return whether one does."""
        lesson = lesson_of(window, self.experiment.wiring.outputs).first(most)
        before = self.pupil.kept()
        errors = self.pupil.learn(lesson)
        enough = None if self.streak is None else self.streak.met(*errors)
        if enough is not None and enough < len(lesson.lengths):  # again, no further than that
            self.pupil.restore(before)
            self.pupil.learn(lesson.first(enough))
        self.seen += enough or len(lesson.lengths)
        if self.construction is not None and isinstance(self.pupil, MemoryPupil) and enough is None:
            self.construction.heard(self.pupil, errors[1])
        return enough is not None or (self.streak is None and self._passes())

    def _passes(self) -> bool:
        """Whether its sets are mastered."""
        criterion = self.experiment.criterion
        if isinstance(criterion, Legal):
            return self._legal(self.sets[0], TASTE) and all(self._legal(part) for part in self.sets)
        assert isinstance(criterion, Classified)
        wrong, error = self._tested(self.sets[0])
        if wrong <= criterion.wrong and self.first is None:
            self.first = self.seen
        return wrong <= criterion.wrong and error < criterion.error

    def _legal(self, window: Window, count: int | None = None) -> bool:
        part = picked(window, np.arange(window.scored.shape[1])[:count])
        return bool(is_legal(part, self.pupil.outputs(part.inputs)).all())

    def _tested(self, window: Window) -> tuple[int, float]:
        """Return how many sequences are wrong, and the mean absolute error."""
        criterion, outputs = self.experiment.criterion, self.pupil.outputs(window.inputs)
        off = np.abs(outputs - unit_targets(window, outputs.shape[-1])) * window.scored[..., None]
        mean = float(off.sum() / (window.scored.sum() * off.shape[-1]))
        if isinstance(criterion, Legal):
            return int((~is_legal(window, outputs)).sum()), mean
        return int((~(off.max(axis=(0, 2)) < criterion.tolerance)).sum()), mean
