"""The front as a section: which cells are the best at their cost, in parameters and in time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from archsearch.actions.board_words import cell_name
from archsearch.actions.relative_time import relative_time
from archsearch.protocol.front import best_at_cost
from archsearch.protocol.traits import WIDTH, layer_parameters
from archsearch.reports.content import DrawnSeries, Panel, Section, ShownTable
from archsearch.reports.material import RunMaterial
from archsearch.store import Row


def front(material: RunMaterial) -> Section:
    """Return fitness against parameters of a layer and against the time of a training step."""
    key, heading = "front", "Fitness at its cost"
    rows = list(material.board.rows)
    if not rows:
        return Section(key, heading, ("No cell has a fitness yet.",))
    parameters = {row.id: layer_parameters(row.polynomial) for row in rows}
    times = {row.id: time for row in rows if (time := _time(material, row)) is not None}
    of = {row.id: row.estimate for row in rows}
    best = best_at_cost(parameters, of), best_at_cost(times, of)
    panels = [_panel(rows, parameters, best[0], f"parameters at width {WIDTH}")]
    panels += [_panel(rows, times, best[1], "time of a training step, the GRU's is 1")] if times else []
    shown = [row for row in rows if row.id in best[0] | best[1] or row.reference or row in material.ranked]
    table = ShownTable(
        (
            "cell",
            "fitness",
            "estimate",
            f"parameters at width {WIDTH}",
            "step time beside the GRU",
            "on a front",
        ),
        tuple(
            (
                row.name or cell_name(row.id),
                row.fitness,
                row.estimate,
                parameters[row.id],
                times.get(row.id),
                " and ".join(
                    name for name, ids in zip(("parameters", "time"), best, strict=True) if row.id in ids
                ),
            )
            for row in shown
        ),
    )
    words = (
        "On a front: no cell that is as cheap is better. In the search all cells have the same number of parameters, so "
        "that a cell with fewer per unit has more units.",
        "The time of a step is that of training, as the search itself took it under the same settings, since the last "
        "pause of a trial. It is rough, for other processes shared the machine; `archsearch bench CELL` measures it.",
    )
    return Section(key, heading, words, tuple(panels), table, folded=True)


def _time(material: RunMaterial, row: Row) -> float | None:
    """Return how long a training step of a cell took beside the GRU's."""
    return relative_time(material.plan, row.id, row.judgement, lambda trial: material.outcomes.get(trial.key))


def _panel(rows: Sequence[Row], cost: Mapping[str, float], best: set[str], x: str) -> Panel:
    """Return one cost's panel.

    Args:
        rows: The cells.
        cost: Of each, by id; one without is left out.
        best: The ids of those on the front.
        x: What the cost is called.
    """
    groups = {
        "found": [row for row in rows if not row.reference],
        "published": [row for row in rows if row.reference],
    }
    series = []
    for name, of in groups.items():
        known = [row for row in of if row.id in cost]
        labels = tuple(row.name or cell_name(row.id) for row in known)
        x_of, y_of = tuple(cost[row.id] for row in known), tuple(row.estimate for row in known)
        series += [DrawnSeries(name, "points", x_of, y_of, labels=labels)] if known else []
    line = sorted((cost[row.id], row.estimate) for row in rows if row.id in best)
    series.append(DrawnSeries("front", "steps", tuple(a for a, _ in line), tuple(b for _, b in line)))
    return Panel(f"Against {x.partition(',')[0]}", x, "fitness, as believed", tuple(series))
