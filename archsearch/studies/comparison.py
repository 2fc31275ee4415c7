"""What the runs of several strategies say: anytime curves, chances of improvement, verdicts, and selection bias."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from archsearch.protocol.seeds import generator
from archsearch.referee.ruling import Ruling
from archsearch.studies.resampling import (
    Array,
    Figure,
    improvement,
    interquartile_mean,
    plain_mean,
    with_interval,
)
from archsearch.studies.strategies import StudiedRun

RIVALS = ("random", "jozefowicz")
"""What every strategy is compared with, where the study has it."""

POINTS = 40
"""Points of a curve."""


class Point(msgspec.Struct, frozen=True):
    """One point of an anytime curve.

    Attributes:
        spent: Trials, or seconds of a core.
        best: Interquartile mean over runs of the best cell's fitness.
    """

    spent: float
    best: Figure


class FinalCell(msgspec.Struct, frozen=True):
    """The cell that a run ended with.

    Attributes:
        run: The run's name.
        cell: The cell's id.
        new: Whether the search made it; else it is a published cell.
        fitness: What the search says of it: the worst task's ratio to the GRU.
        fresh: The same from the referee's pairs, on data that no search has seen; None if it was not asked.
        verdict: What the referee says of it against the GRU; None if it was not asked.
        pairs: After how many pairs.
        trials: Trials of the run.
        seconds: Seconds of a core that these took.
    """

    run: str
    cell: str
    new: bool
    fitness: float
    fresh: float | None
    verdict: str | None
    pairs: int
    trials: int
    seconds: float


class StrategyRow(msgspec.Struct, frozen=True):
    """A strategy.

    Attributes:
        strategy: Its name.
        best: Interquartile mean over runs of the best cell's fitness after all trials.
        timed: The same after as many seconds of a core as every run of the study took.
        over: By rival, the chance that a run ends with a better cell than one of the rival's, after all trials.
        over_timed: The same after as many seconds.
        new: Share of the runs whose best cell was made by the search.
        confirmed: Share of the runs whose final cell the referee calls better than the GRU; None if it was not asked.
        bias: Mean of how much the search overrates its final cells: fitness less fresh fitness; None without the latter.
        by_trials: The anytime curve.
        by_seconds: The same over seconds of a core.
        finals: The cells that the runs ended with.
    """

    strategy: str
    best: Figure
    timed: Figure
    over: dict[str, Figure]
    over_timed: dict[str, Figure]
    new: float
    confirmed: float | None
    bias: Figure | None
    by_trials: tuple[Point, ...]
    by_seconds: tuple[Point, ...]
    finals: tuple[FinalCell, ...]


class Contest(msgspec.Struct, frozen=True):
    """The study's figures.

    Attributes:
        trials: Trials of each run.
        seconds: Seconds of a core at which strategies are compared: the fewest that a run took for its trials, without those
            that had nothing more to try.
        rows: The strategies.
    """

    trials: int
    seconds: float
    rows: tuple[StrategyRow, ...]


def compared(runs: Sequence[StudiedRun], trials: int) -> Contest:
    """Return what the runs say.

    Args:
        runs: All runs of the study.
        trials: The trials of each.
    """
    going = [run.course for run in runs if not run.course.exhausted] or [run.course for run in runs]
    seconds = min(course.seconds[-1] for course in going)
    by_strategy: dict[str, list[StudiedRun]] = {}
    for run in runs:
        by_strategy.setdefault(run.strategy, []).append(run)
    ends = {
        name: (_by_trials(those, trials), _by_seconds(those, seconds)) for name, those in by_strategy.items()
    }
    rows = [_row(name, those, ends, trials, seconds) for name, those in by_strategy.items()]
    return Contest(trials, seconds, tuple(rows))


def _row(
    name: str,
    runs: Sequence[StudiedRun],
    ends: dict[str, tuple[Array, Array]],
    trials: int,
    seconds: float,
) -> StrategyRow:
    rivals = [rival for rival in RIVALS if rival in ends and rival != name]
    after_trials, after_seconds = ends[name]
    finals = tuple(final for run in runs if (final := _final(run)) is not None)
    too_much = [final.fitness - final.fresh for final in finals if final.fresh is not None]
    better = [run.hearing is not None and run.hearing.ruling is Ruling.BETTER for run in runs]
    return StrategyRow(
        strategy=name,
        best=_mean(after_trials),
        timed=_mean(after_seconds),
        over={rival: _over(after_trials, ends[rival][0]) for rival in rivals},
        over_timed={rival: _over(after_seconds, ends[rival][1]) for rival in rivals},
        new=sum(final.new for final in finals) / len(runs),
        confirmed=float(np.mean(better)) if any(run.hearing for run in runs) else None,
        bias=with_interval(plain_mean, _rng(), np.array(too_much)) if too_much else None,
        by_trials=tuple(Point(at, _mean(_by_trials(runs, at))) for at in _points(trials)),
        by_seconds=tuple(Point(at, _mean(_by_seconds(runs, at))) for at in _points(seconds)),
        finals=finals,
    )


def _points(end: float) -> list[float]:
    return [float(at) for at in np.linspace(0, end, POINTS)]


def _by_trials(runs: Sequence[StudiedRun], trials: float) -> Array:
    return np.array([run.course.after_trials(trials) for run in runs])


def _by_seconds(runs: Sequence[StudiedRun], seconds: float) -> Array:
    return np.array([run.course.after_seconds(seconds) for run in runs])


def _rng() -> np.random.Generator:
    """Return the generator of an interval, the same for each."""
    return generator("study", "strategies")


def _mean(values: Array) -> Figure:
    return with_interval(interquartile_mean, _rng(), values)


def _over(ours: Array, theirs: Array) -> Figure:
    """Return the chance of improvement over a rival."""
    return with_interval(improvement, _rng(), ours, theirs)


def _final(run: StudiedRun) -> FinalCell | None:
    """Return the cell that a run ended with, None if it has none."""
    final, hearing = run.course.final, run.hearing
    if final is None:
        return None
    return FinalCell(
        run=run.folder.name,
        cell=final.id,
        new=final.is_found,
        fitness=final.fitness,
        fresh=hearing.fitness if hearing else None,
        verdict=hearing.ruling.value if hearing else None,
        pairs=hearing.count if hearing else 0,
        trials=run.course.trials[-1],
        seconds=run.course.seconds[-1],
    )
