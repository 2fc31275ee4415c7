"""LSTM: A Search Space Odyssey (Greff et al. 2017), run again: random search over settings for each variant of a cell.

A trial that has ended is kept in a folder, a line each, and is not trained again: it is a function of cell, seed, number,
effort and data alone. Trial i has the same setting for every cell.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec
import numpy as np
from msgspec.structs import replace
from scipy.stats import ttest_ind

from archsearch.cell import Cell
from archsearch.studies.kept_lines import keep_line, kept_lines
from archsearch.studies.random_search.material import Material
from archsearch.studies.random_search.processes import trained
from archsearch.studies.random_search.ranges import RANGES, VERSION
from archsearch.studies.random_search.training import Effort, SearchTrial, TrialJob

BASELINE = "vanilla"
SETS = ("jsb_chorales", "timit", "iam_ondb")
PUBLISHED = {
    "vanilla": ("", "", ""),
    "nig": ("no change", "worse", "worse"),
    "nfg": ("worse", "worse", "worse"),
    "nog": ("no change", "worse", "worse"),
    "niaf": ("no change", "worse", "worse"),
    "noaf": ("worse", "worse", "worse"),
    "cifg": ("slightly better", "no change", "no change"),
    "np": ("no change", "no change", "slightly better"),
    "fgr": ("no change", "no change", "no change"),
}
"""Variant of the paper -> what became of its test score on each of SETS beside the vanilla LSTM."""

BEST = 0.1
"""Share of the trials of a cell, by validation, whose test scores are compared."""
ALPHA = 0.05
EDGE = 0.05
"""The best settings lie at the edge of a range if their median is within this share of it."""

TrialTold = Callable[[str | None, int, int], None]
"""Told the cell of a trial that has just ended, None before the first, how many have, and how many there are to train."""


class VariantRow(msgspec.Struct, frozen=True):
    """What the trials of a cell came to.

    Attributes:
        cell: Its name.
        id: Its id.
        trials: How many there are.
        tested: How many have a test score.
        diverged: How many ended since a loss was no number.
        best: The test score of the trial with the best validation; less is better.
        top: How many trials are the best 10 %.
        mean: Their mean test score.
        spread: Its standard deviation.
        parameters: The mean of their parameters.
        median: The median test score of all trials.
        p: Of Welch's test of the best 10 % beside the baseline's, times the number of comparisons, at most 1.
        change: What that says: better, worse or no change; empty for the baseline and where there is no test.
        paper: The paper's outcome; empty where there is none.
        edges: Which hyper-parameters of the best 10 % lie at an edge of their range, and at which.
        unfinished: How many of the best 10 % had their best validation at the last epoch, and might go on.
        seconds: Of a core, the mean of a trial.
    """

    cell: str
    id: str
    trials: int
    tested: int
    diverged: int
    best: float | None
    top: int
    mean: float | None
    spread: float | None
    parameters: float | None
    median: float | None
    p: float | None
    change: str
    paper: str
    edges: dict[str, str]
    unfinished: int
    seconds: float


def search_trials(
    cells: Mapping[str, Cell],
    numbers: Sequence[int],
    folder: Path,
    *,
    material: Material,
    effort: Effort,
    seed: int = 0,
    workers: int = 1,
    told: TrialTold = lambda name, done, total: None,
) -> dict[str, list[SearchTrial]]:
    """Return the trials of each cell, those that are kept in the folder and those trained now, in the order of numbers.

    Args:
        cells: By name.
        numbers: Of the trials.
        folder: Where ended trials are kept.
        material: What they learn.
        effort: How long.
        seed: Of the search.
        workers: Processes that train side by side.
        told: Told of progress.

    Raises:
        InputError: The folder cannot be used, or holds what is no trial.
    """
    paths = {cell.id: folder / _file(cell, material, effort) for cell in cells.values()}
    names = {cell.id: name for name, cell in cells.items()}
    kept = {key: _kept(path, material, seed) for key, path in paths.items()}
    jobs = [  # trial after trial, so that an interrupted study has some of every cell
        TrialJob(cell.text(), seed, number, effort)
        for number in numbers
        for key, cell in {cell.id: cell for cell in cells.values()}.items()
        if number not in kept[key]
    ]
    told(None, 0, len(jobs))
    for done, trial in enumerate(trained(jobs, material, workers), 1):
        keep_line(paths[trial.cell], trial)
        kept[trial.cell][trial.number] = trial
        told(names[trial.cell], done, len(jobs))
    return {name: [kept[cell.id][number] for number in numbers] for name, cell in cells.items()}


def _file(cell: Cell, material: Material, effort: Effort) -> str:
    place = "" if effort.place == "outputs" else f"-{effort.place}"
    how = f"{effort.epochs}-{effort.patience}-{effort.loss}{f'-dropout{place}' if effort.dropout else ''}"
    return f"{material.name}-{cell.id}-{how}.jsonl"


def _kept(path: Path, material: Material, seed: int) -> dict[int, SearchTrial]:
    return {
        trial.number: trial
        for trial in kept_lines(path, SearchTrial)
        if (trial.version, trial.seed, trial.data) == (VERSION, seed, material.checksum)
    }


def best_trials(trials: Sequence[SearchTrial]) -> list[SearchTrial]:
    """Return the best tenth of the trials by validation, at least two, the best first; none that has no score."""
    scored = sorted(
        (trial for trial in trials if trial.valid is not None), key=lambda trial: (trial.valid, trial.number)
    )
    return scored[: max(2, round(BEST * len(trials)))]


def tests_of(trials: Sequence[SearchTrial]) -> list[float]:
    """Return the test scores that there are."""
    return [trial.test for trial in trials if trial.test is not None]


def welch(scores: Sequence[float], baseline: Sequence[float], comparisons: int) -> float | None:
    """Return the p-value of Welch's t-test, corrected after Bonferroni; None where there are too few scores.

    Args:
        scores: Of a cell.
        baseline: Of the cell that it is held against.
        comparisons: How many such tests there are.
    """
    if min(len(scores), len(baseline)) < 2 or not (np.ptp(scores) or np.ptp(baseline)):
        return None
    return min(1.0, comparisons * float(ttest_ind(scores, baseline, equal_var=False).pvalue))


def variant_rows(
    cells: Mapping[str, Cell], trials: Mapping[str, Sequence[SearchTrial]], material: str
) -> list[VariantRow]:
    """Return a row for each cell, held against `vanilla`, or against the first where that is not among them.

    Args:
        cells: By name.
        trials: Of each of them.
        material: The name of what they learned.
    """
    reference = BASELINE if BASELINE in cells else next(iter(cells))
    rows = [_row(name, cells, trials, reference) for name in cells]
    return (
        [replace(row, paper=_published(row.cell, material)) for row in rows]
        if reference == BASELINE
        else rows
    )


def _published(variant: str, material: str) -> str:
    return PUBLISHED[variant][SETS.index(material)] if variant in PUBLISHED and material in SETS else ""


def _row(
    name: str, cells: Mapping[str, Cell], trials: Mapping[str, Sequence[SearchTrial]], reference: str
) -> VariantRow:
    own, best = trials[name], best_trials(trials[name])
    scores, baseline = tests_of(best), tests_of(best_trials(trials[reference]))
    p = None if name == reference else welch(scores, baseline, len(cells) - 1)
    everything = tests_of(own)
    return VariantRow(
        cell=name,
        id=cells[name].id,
        trials=len(own),
        tested=len(everything),
        diverged=sum(trial.diverged for trial in own),
        best=scores[0] if scores else None,
        top=len(best),
        mean=float(np.mean(scores)) if scores else None,
        spread=float(np.std(scores, ddof=1)) if len(scores) > 1 else None,
        parameters=float(np.mean([trial.parameters for trial in best])) if best else None,
        median=float(np.median(everything)) if everything else None,
        p=p,
        change=_change(p, scores, baseline),
        paper="",
        edges=edges_of(best),
        unfinished=sum(trial.best == trial.epochs for trial in best),
        seconds=float(np.mean([trial.seconds for trial in own])) if own else 0.0,
    )


def _change(p: float | None, scores: Sequence[float], baseline: Sequence[float]) -> str:
    if p is None:
        return ""
    if p >= ALPHA:
        return "no change"
    return "worse" if np.mean(scores) > np.mean(baseline) else "better"


def edges_of(best: Sequence[SearchTrial]) -> dict[str, str]:
    """Return which hyper-parameters have the median of the best trials at an edge of their range, and at which.

    An end that no range could go beyond, such as no noise, is none.
    """
    found = {}
    for name, given in RANGES.items():
        place = np.median([given.place(getattr(trial.setting, name)) for trial in best]) if best else 0.5
        end = "low" if place <= EDGE else "high" if place >= 1 - EDGE else ""
        if end and end not in given.natural:
            found[name] = end
    return found
