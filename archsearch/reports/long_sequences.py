"""What the best cells do on sequences longer than those they were trained on, as a section."""

from __future__ import annotations

from archsearch.actions.board_words import cell_name, title
from archsearch.protocol.plan import PlannedTask
from archsearch.reports.content import DrawnSeries, Panel, Section, ShownTable, Value
from archsearch.reports.curves import CELLS
from archsearch.reports.material import RunMaterial, gru_row
from archsearch.store import Row

FLOOR = "floor"


def long_sequences(material: RunMaterial) -> tuple[Section, ...]:
    """Return the accuracy of the best cells by length, task by task; no section where no task has read-outs."""
    rows = material.ranked[:CELLS]
    gru = gru_row(material.board)
    rows += [gru] if gru is not None and gru not in rows else []
    panels = tuple(panel for task in material.plan.tasks if (panel := _panel(task, rows)) is not None)
    if not panels:
        return ()
    words = ("Accuracy of each cell's best trial on sequences of each length; it was trained on short ones.",)
    table = ShownTable(("task", "cell", "steps", "accuracy"), tuple(_lines(material, rows)))
    return (Section("lengths", "Long sequences", words, panels, table, folded=True),)


def _panel(task: PlannedTask, rows: list[Row]) -> Panel | None:
    series = tuple(
        DrawnSeries(
            row.name or cell_name(row.id),
            "line",
            tuple(float(each.length) for each in row.read_outs[task.name]),
            tuple(each.accuracy for each in row.read_outs[task.name]),
        )
        for row in rows
        if task.name in row.read_outs
    )
    return (
        Panel(title(task.name), "steps", "accuracy", series, ((FLOOR, task.facts.floor),)) if series else None
    )


def _lines(material: RunMaterial, rows: list[Row]) -> list[tuple[Value, ...]]:
    return [
        (title(task.name), row.name or cell_name(row.id), each.length, each.accuracy)
        for task in material.plan.tasks
        for row in rows
        for each in row.read_outs.get(task.name, ())
    ]
