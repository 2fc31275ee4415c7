"""Runs the trials of a job: one after the other, or side by side where their engine stacks them."""

from __future__ import annotations

from collections.abc import Sequence

from archsearch.cell import Cell
from archsearch.compiler.engine_names import trains_stacks
from archsearch.protocol.records import Outcome, Trial
from archsearch.training.checkpoint import CheckpointStorage
from archsearch.training.stacked.learner import run_stacked
from archsearch.training.trial import Alive, run_trial
from archsearch.training.windows import Streams


def run_trials(
    trials: Sequence[Trial],
    cell: Cell,
    streams: Streams,
    alive: Alive = lambda step: None,
    checkpoints: Sequence[CheckpointStorage] | None = None,
    pauses: bool = False,
) -> list[Outcome]:
    """Return the outcomes of trials of one cell on one task, in their order; see `run_trial`."""
    if trains_stacks(trials[0].engine):
        return run_stacked(trials, cell, streams, alive, checkpoints, pauses)
    places: Sequence[CheckpointStorage | None] = (
        checkpoints if checkpoints is not None else [None] * len(trials)
    )
    return [
        run_trial(trial, cell, streams, alive, storage, pauses)
        for trial, storage in zip(trials, places, strict=True)
    ]
