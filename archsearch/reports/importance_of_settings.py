"""The importance of settings as a section, made of shares of variance that a study has found."""

from __future__ import annotations

from collections.abc import Mapping

from archsearch.actions.board_words import title
from archsearch.reports.content import DrawnSeries, Panel, Section, ShownTable, Value

Shares = Mapping[str, Mapping[str, tuple[float, float, float]]]
"""Task -> hyper-parameter -> its share of the variance of skill, and where its interval begins and ends."""


def importance_of_settings(shares: Shares | None) -> Section:
    """Return which settings decide the skill of a trial; None says that scikit-learn is missing."""
    key, heading = "importance", "Importance of settings"
    if shares is None:
        missing = "Left out: it needs scikit-learn, which is not installed: pip install archsearch[studies]"
        return Section(key, heading, (missing,))
    if not shares:
        return Section(key, heading, ("Too few trials have ended to say.",))
    series = []
    for task, found in shares.items():
        middle, low, high = zip(*found.values(), strict=True)
        series.append(DrawnSeries(title(task), "ranges", tuple(found), middle, low=low, high=high))
    rows: tuple[tuple[Value, ...], ...] = tuple(
        (title(task), axis, *values) for task, found in shares.items() for axis, values in found.items()
    )
    words = (
        "The share of the variance of skill that each setting explains by itself, by functional analysis of variance of a "
        "random forest over the trials of all cells (Hutter, Hoos and Leyton-Brown, 2014), with the range of nine in ten "
        "draws of the trials. What the cells differ in is noise here.",
    )
    panel = Panel("Share of the variance", "setting", "share", tuple(series))
    return Section(
        key,
        heading,
        words,
        (panel,),
        ShownTable(("task", "setting", "share", "low", "high"), rows),
        folded=True,
    )
