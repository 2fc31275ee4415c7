"""The experiments of Hochreiter and Schmidhuber (1997), run again: sequences to success and test errors beside the paper's.

Runs that have ended are kept in a folder, a line each, and not run again: a run is a function of experiment, seed and
version alone, but for the limit of sequences, so one that failed under a lower limit is run afresh.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from statistics import median

import msgspec

from archsearch.cell import Cell
from archsearch.errors import InputError
from archsearch.studies.kept_lines import kept_or_made
from archsearch.studies.lags.experiments import EXPERIMENTS
from archsearch.studies.lags.training import PAPER, TEST, VERSION, LagRun, RunResult, Variant
from archsearch.words import did_you_mean

PATIENCE = 10
"""A run has failed after so many times the sequences of the paper, unless another limit is given."""

Reported = Callable[[str, int, int], None]
"""Told the experiment, the run's seed, and how many sequences it has seen."""


class LagRow(msgspec.Struct, frozen=True):
    """An experiment, as the paper reports it and as it came out here.

    Attributes:
        experiment: Its name.
        cell: The name of the cell that learned; empty for the network of 1997.
        title: What it is.
        weights: Of the network of 1997; a cell has as many or a few less.
        runs: How many there were.
        solved: How many of them met the criterion.
        median: The median of their sequences to success; None if none did.
        mean: Their mean.
        first: The mean of those to the weaker criterion ST1, where there is one.
        wrong: Share of test sequences that the networks of solved runs get wrong.
        error: Their mean absolute error there.
        paper: The paper's sequences to success.
        paper_solved: The paper's share of runs that succeeded.
        paper_first: The paper's sequences to ST1.
        paper_wrong: The paper's share of wrong test sequences.
        seconds: The mean time of a run.
        variant: What was other than in the paper.
        blocks: The mean number of memory blocks in the end; None of a cell.
        starts: Where the biases of the input gates started, a figure for each block that there was at first: the mean.
        drift_before: The mean of |s| over steps, at the initial weights, likewise.
        drift_after: The same in the end, a figure for each block that all runs have.
    """

    experiment: str
    cell: str
    title: str
    weights: int
    runs: int
    solved: int
    median: float | None
    mean: float | None
    first: float | None
    wrong: float | None
    error: float | None
    paper: int
    paper_solved: float
    paper_first: int | None
    paper_wrong: float | None
    seconds: float
    variant: Variant
    blocks: float | None
    starts: list[float]
    drift_before: list[float]
    drift_after: list[float]


def check_experiments(names: Sequence[str]) -> None:
    """Refuse an experiment that there is not.

    Raises:
        InputError: Names the nearest.
    """
    for name in names:
        if name not in EXPERIMENTS:
            hint = did_you_mean(name, EXPERIMENTS, " ({})")
            raise InputError(f"no experiment {name!r}{hint}; there are {', '.join(EXPERIMENTS)}")


def run_experiment(
    name: str,
    seeds: Iterable[int],
    folder: Path,
    most: int | None = None,
    cell: Cell | None = None,
    variant: Variant = PAPER,
    reported: Reported = lambda name, seed, seen: None,
) -> list[RunResult]:
    """Return the runs of an experiment, those that are kept in the folder and those made now.

    Args:
        name: The experiment's name.
        seeds: One for each run.
        folder: Where ended runs are kept.
        most: Training sequences after which a run has failed; None: ten times the paper's.
        cell: The cell that learns; None for the network of 1997.
        variant: What is other than in the paper; nothing where a cell learns.
        reported: Told of progress.

    Raises:
        InputError: The folder cannot be used, or holds what is no result.
    """
    limit = most or PATIENCE * EXPERIMENTS[name].published.sequences
    path = folder / (f"{name}.jsonl" if cell is None else f"{name}-{cell.id}.jsonl")
    same = PAPER if cell is not None else variant
    return kept_or_made(
        path,
        RunResult,
        seeds,
        is_same=lambda run: run.version == VERSION and run.variant == same and is_whole(run, limit),
        make=lambda seed: LagRun(name, seed, cell, same).train(limit, partial(reported, name, seed)),
    )


def is_whole(run: RunResult, limit: int) -> bool:
    """Whether a run is as one with this limit would be."""
    return run.sequences <= limit if run.solved else run.sequences == limit


def lag_row(name: str, results: Sequence[RunResult], cell: str = "") -> LagRow:
    """Return what the runs of an experiment came to.

    Args:
        name: The experiment's name.
        results: Its runs.
        cell: The name of the cell that learned; empty for the network of 1997.
    """
    experiment, published = EXPERIMENTS[name], EXPERIMENTS[name].published
    solved = [run for run in results if run.solved]
    firsts = [run.first for run in solved if run.first is not None]
    return LagRow(
        experiment=name,
        cell=cell,
        title=experiment.title,
        weights=experiment.wiring.weights,
        runs=len(results),
        solved=len(solved),
        median=median(run.sequences for run in solved) if solved else None,
        mean=_mean([run.sequences for run in solved]),
        first=_mean(firsts),
        wrong=_mean([run.wrong / TEST for run in solved]),
        error=_mean([run.error for run in solved if run.error is not None]),
        paper=published.sequences,
        paper_solved=published.solved,
        paper_first=published.first,
        paper_wrong=published.wrong,
        seconds=_mean([run.seconds for run in results]) or 0.0,
        variant=results[0].variant if results else PAPER,
        blocks=_mean([run.blocks for run in results if run.blocks]),
        starts=_by_block([run.starts for run in results]),
        drift_before=_by_block([run.drift_before for run in results]),
        drift_after=_by_block([run.drift_after for run in results]),
    )


def _by_block(figures: Sequence[Sequence[float]]) -> list[float]:
    """Return the mean of each block's figure over runs that have some."""
    return [sum(of) / len(of) for of in zip(*(one for one in figures if one), strict=False)]


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
