"""The cells of Jozefowicz et al. (2015) on polyphonic music: their Table 2 beside what a random search gives here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
from scipy.stats import kendalltau

from archsearch.errors import InputError
from archsearch.studies.odyssey import best_trials, tests_of
from archsearch.studies.random_search.training import SearchTrial
from archsearch.studies.table2 import COLUMNS_2, TABLE_2
from archsearch.words import did_you_mean


class PanelRow(msgspec.Struct, frozen=True):
    """A cell under one column of the table.

    Attributes:
        column: A key of COLUMNS_2.
        cell: Its name.
        trials: How many there are.
        diverged: How many ended since a loss was no number.
        test: The test NLL per step of the trial with the best validation, nats; None if no trial has one.
        dropout: The rate of dropout of that trial.
        paper: That of the paper; None for a cell that it does not have.
    """

    column: str
    cell: str
    trials: int
    diverged: int
    test: float | None
    dropout: float | None
    paper: float | None


def check_columns(names: Sequence[str]) -> None:
    """Refuse a column that the table has not.

    Raises:
        InputError: Names the nearest.
    """
    for name in names:
        if name not in COLUMNS_2:
            hint = did_you_mean(name, COLUMNS_2, " ({})")
            raise InputError(f"no column {name!r}{hint}; there are {', '.join(COLUMNS_2)}")


def panel_rows(column: str, trials: Mapping[str, Sequence[SearchTrial]]) -> list[PanelRow]:
    """Return a row for each cell under a column, its trials by the cell's name."""
    place = list(COLUMNS_2).index(column)
    rows = []
    for cell, own in trials.items():
        best = best_trials(own)[:1]
        rows.append(
            PanelRow(
                column=column,
                cell=cell,
                trials=len(own),
                diverged=sum(trial.diverged for trial in own),
                test=next(iter(tests_of(best)), None),
                dropout=best[0].dropout if best else None,
                paper=TABLE_2[cell][place] if cell in TABLE_2 else None,
            )
        )
    return rows


def paper_agreement(rows: Sequence[PanelRow]) -> float | None:
    """Return Kendall's tau between the scores here and the paper's; None for fewer than three cells."""
    both = [(row.test, row.paper) for row in rows if row.test is not None and row.paper is not None]
    return float(kendalltau(*zip(*both, strict=True)).statistic) if len(both) > 2 else None
