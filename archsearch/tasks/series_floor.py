"""The floor of a series: the mean, the last value and the last season's, predictors that need no memory."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from archsearch.tasks.gaussian import gaussian_nll
from archsearch.tasks.series_options import SeriesOptions
from archsearch.tasks.series_rows import bounds
from archsearch.tasks.task import Numbers


def losses_without_memory(
    series: Sequence[Numbers], targets: Sequence[int], options: SeriesOptions
) -> Numbers:
    """Return what the best predictor loses at every step of the validation part, shape (steps,), summed over the targets.

    Where a prediction has a variance, that of each target is fitted to what the predictor misses in the training part.

    Args:
        series: All rows of each, shape (n, channels), their mean 0 in training.
        targets: The columns that are predicted.
        options: Horizon and season, and what a prediction is scored by.
    """
    h, s = options.horizon, options.season
    wanted = [rows[:, targets] for rows in series]
    found = []
    for behind in (0, h, *([s * -(-h // s)] if s else [])):
        missed = [_missed(rows, behind, options, "valid") for rows in wanted]
        if options.measure == "gaussian_nll":
            trained = [np.square(_missed(rows, behind, options, "train")) for rows in wanted]
            variance = np.concatenate(trained).mean(axis=0)
            found.append([gaussian_nll(each, variance).sum(axis=1) for each in missed])
        else:
            found.append([np.square(each).sum(axis=1) for each in missed])
    return min(map(np.concatenate, found), key=np.mean)


def _missed(rows: Numbers, behind: int, options: SeriesOptions, part: str) -> Numbers:
    """Return what a part's targets differ by from the values so many rows before, from their mean where that is 0."""
    place = bounds(len(rows))[part]
    first = max(place.start + options.horizon, behind)
    met = rows[first : place.stop]
    missed: Numbers = met - (rows[first - behind : place.stop - behind] if behind else np.zeros_like(met))
    return missed
