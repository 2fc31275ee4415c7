"""Settings as a section: what skill trials reached under each value of each hyper-parameter."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import numpy as np

from archsearch.actions.board_words import title
from archsearch.protocol.records import Outcome, Trial
from archsearch.protocol.settings import Setting
from archsearch.reports.content import DrawnSeries, Panel, Section, ShownTable, Value
from archsearch.reports.material import SAMPLE, RunMaterial

Group = dict[tuple[str, str, Any], list[float | None]]
"""Skills by task, hyper-parameter and value; None for a trial that diverged."""


def settings_scores(material: RunMaterial) -> Section:
    """Return the skills that trials reached, by the values of each hyper-parameter that has several."""
    groups = _groups(material)
    key, heading = "settings", "Settings"
    if not groups:
        return Section(key, heading, ("No trial has ended yet.",))
    axes = [axis for axis in Setting.__struct_fields__ if any(axis == one for _, one, _ in groups)]
    some = "A random draw of" if len(material.trials) == SAMPLE else "All"
    words = (
        f"{some} {len(material.trials):,} trials, of all cells: the median skill under each value, with the middle half. "
        "Those that diverged have none; the table says how many did.",
    )
    rows: tuple[tuple[Value, ...], ...] = tuple(
        (title(task), axis, _said(value), len(skills), *_quartiles(skills), skills.count(None) / len(skills))
        for (task, axis, value), skills in groups.items()
    )
    columns = ("task", "setting", "value", "trials", "lower quartile", "median", "upper quartile", "diverged")
    panels = tuple(_panel(material, groups, axis) for axis in axes)
    return Section(key, heading, words, panels, ShownTable(columns, rows), folded=True)


def trial_skills(material: RunMaterial) -> dict[str, list[tuple[Setting, float | None]]]:
    """Return for each task the settings of its trials with their skills, None for one that diverged.

    Trials that a rung stopped are left out: they had less training.
    """
    found: dict[str, list[tuple[Setting, float | None]]] = defaultdict(list)
    for trial, outcome in material.trials:
        task = material.plan.task_of(trial)
        if task is not None and trial.stop_at is None and not material.plan.pauses(trial):
            found[task.name].append((trial.setting, _skill(material, task.name, trial, outcome)))
    return found


def _skill(material: RunMaterial, task: str, trial: Trial, outcome: Outcome) -> float | None:
    return material.plan.skill(task, outcome.score) if trial.measure == material.plan.measure(task) else None


def _groups(material: RunMaterial) -> Group:
    groups: Group = {}
    for task, trials in trial_skills(material).items():
        for axis in Setting.__struct_fields__:
            values = sorted({getattr(setting, axis) for setting, _ in trials})
            for value in values if len(values) > 1 else ():
                groups[task, axis, value] = [
                    skill for setting, skill in trials if getattr(setting, axis) == value
                ]
    return groups


def _quartiles(skills: list[float | None]) -> tuple[float | None, float | None, float | None]:
    known = [skill for skill in skills if skill is not None]
    if not known:
        return None, None, None
    low, middle, high = np.quantile(known, [0.25, 0.5, 0.75])
    return float(low), float(middle), float(high)


def _said(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _panel(
    material: RunMaterial, groups: Mapping[tuple[str, str, Any], list[float | None]], axis: str
) -> Panel:
    """Return one hyper-parameter's panel, with ranges for each task."""
    series = []
    for task in material.plan.tasks:
        found = {
            _said(value): _quartiles(skills)
            for (name, one, value), skills in groups.items()
            if name == task.name and one == axis
        }
        known = {
            value: (a, b, c)
            for value, (a, b, c) in found.items()
            if a is not None and b is not None and c is not None
        }
        if known:
            lows, middles, highs = zip(*known.values(), strict=True)
            series.append(
                DrawnSeries(title(task.name), "ranges", tuple(known), middles, low=lows, high=highs)
            )
    values = sorted({value for _, one, value in groups if one == axis})
    return Panel(axis, axis, "skill", tuple(series), names=tuple(map(_said, values)))
