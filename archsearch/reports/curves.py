"""Training curves as a section: how the best cells learned, beside the GRU."""

from __future__ import annotations

from collections.abc import Sequence

from archsearch.actions.board_words import cell_name, title
from archsearch.protocol.plan import PlannedTask
from archsearch.protocol.records import Outcome, Trial
from archsearch.reports.content import DrawnSeries, Panel, Section, ShownTable, Value
from archsearch.reports.material import RunMaterial, gru_row
from archsearch.store import Row
from archsearch.tasks.measures import MEASURES

CELLS = 5
"""Cells that are drawn beside the GRU."""

OTHERS = 40
"""Trials of one cell that are drawn besides its best."""


def curves(material: RunMaterial) -> Section:
    """Return the validations of the best trial of each of the best cells, task by task."""
    rows = material.ranked[:CELLS]
    gru = gru_row(material.board)
    rows += [gru] if gru is not None and gru not in rows else []
    panels = [panel for task in material.plan.tasks if (panel := _panel(material, task, rows)) is not None]
    if not panels:
        return Section("curves", "Training curves", ("No curve is kept yet.",))
    words = (
        "Validations of each cell's best trial on each task; each cell is shown under the setting that suited it best.",
    )
    return Section("curves", "Training curves", words, tuple(panels), _table(material, rows), folded=True)


def best_trial(material: RunMaterial, row: Row, task: str) -> Outcome | None:
    """Return the best trial of a cell on a task; None if it cannot be looked up.

    Args:
        material: The run.
        row: The cell's row.
        task: What people call the task.
    """
    result = row.judgement.tasks[task]
    trial = material.plan.trial(row.id, task, result.setting, steps=result.steps)
    return material.outcomes.get(trial.key)


def curves_of_trials(
    material: RunMaterial, name: str, trials: Sequence[tuple[Trial, Outcome]]
) -> tuple[Panel, ...]:
    """Return the validations of all trials of a cell beside the best of the GRU's, task by task.

    Args:
        material: The run.
        name: What people call the cell.
        trials: Its trials, each with how it ended.
    """
    gru, panels = gru_row(material.board), []
    for task in material.plan.tasks:
        ended = [
            outcome
            for trial, outcome in trials
            if outcome.curve and material.plan.task_of(trial) == task and trial.stop_at is None
        ]
        better = min if material.plan.measure(task.name) != "accuracy" else max
        known = [outcome for outcome in ended if outcome.score is not None]
        best = better(known, key=lambda outcome: outcome.score or 0.0) if known else None
        theirs = best_trial(material, gru, task.name) if gru is not None else None
        lines = [(f"{name}, others", one, True) for one in ended if one is not best][:OTHERS]
        lines += [(f"{name}, best", best, False)] if best else []
        lines += [("gru, best", theirs, False)] if theirs and theirs.curve and theirs is not best else []
        series = tuple(_series(material, task, *line) for line in lines)
        if series:
            measure = MEASURES[material.plan.measure(task.name)].unit
            panels.append(Panel(title(task.name), "training steps", measure, series))
    return tuple(panels)


def _series(material: RunMaterial, task: PlannedTask, name: str, outcome: Outcome, thin: bool) -> DrawnSeries:
    """Return the validations of one trial.

    Args:
        material: The run.
        task: What it was trained on.
        name: In the legend.
        outcome: How it ended.
        thin: Whether it stands behind the others.
    """
    accuracy = material.plan.measure(task.name) == "accuracy"
    y = tuple(point.accuracy if accuracy else point.nll for point in outcome.curve)
    return DrawnSeries(name, "line", tuple(float(point.step) for point in outcome.curve), y, thin=thin)


def _panel(material: RunMaterial, task: PlannedTask, rows: list[Row]) -> Panel | None:
    series = [
        _series(material, task, row.name or cell_name(row.id), outcome, False)
        for row in rows
        if (outcome := best_trial(material, row, task.name)) is not None and outcome.curve
    ]
    if not series:
        return None
    return Panel(
        title(task.name), "training steps", MEASURES[material.plan.measure(task.name)].unit, tuple(series)
    )


def _table(material: RunMaterial, rows: list[Row]) -> ShownTable:
    lines: list[tuple[Value, ...]] = []
    for task in material.plan.tasks:
        for row in rows:
            outcome, result = best_trial(material, row, task.name), row.judgement.tasks[task.name]
            if outcome is not None:
                tested = (
                    outcome.test_accuracy
                    if material.plan.measure(task.name) == "accuracy"
                    else outcome.test_nll
                )
                values = (result.score, tested, outcome.best_step, outcome.steps, str(result.setting))
                lines.append((title(task.name), row.name or cell_name(row.id), *values))
    return ShownTable(
        ("task", "cell", "score", "test score", "best at step", "steps", "setting"), tuple(lines)
    )
