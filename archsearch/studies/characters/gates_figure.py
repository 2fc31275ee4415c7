"""The picture of gate saturation: a plot for each gate of each model, a point for each unit, a colour for each layer."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure as Picture

from archsearch.studies.characters.gates import LEFT, RIGHT, Saturation

INCHES = 3.0
"""Of a plot, across."""


def gates_picture(models: Sequence[tuple[str, Sequence[Saturation]]]) -> Picture:
    """Return the picture.

    Args:
        models: What each is called, and its gates.
    """
    plots = [(title, gate) for title, rows in models for gate in dict.fromkeys(row.gate for row in rows)]
    columns = max(len({row.gate for row in rows}) for _, rows in models)
    lines = len(models)
    picture = Picture(figsize=(INCHES * columns, INCHES * lines), layout="constrained")
    grid = picture.subplots(lines, columns, squeeze=False)
    for axes in grid.flat:
        axes.set_visible(False)
    for line, (title, rows) in enumerate(models):
        gates = [gate for owner, gate in plots if owner == title]
        for axes, gate in zip(grid[line], gates, strict=False):
            axes.set_visible(True)
            for row in (row for row in rows if row.gate == gate):
                axes.scatter(row.left, row.right, s=9, alpha=0.6, label=f"layer {row.layer}")
            axes.plot([0, 1], [1, 0], color="lightgrey", linewidth=0.8, zorder=0)
            axes.set(
                xlim=(-0.02, 1.02),
                ylim=(-0.02, 1.02),
                aspect="equal",
                xticks=(0, 0.5, 1),
                yticks=(0, 0.5, 1),
                title=f"{title}: {gate}",
            )
            axes.set_xlabel(f"share of time below {LEFT}")
            axes.set_ylabel(f"share of time above {RIGHT}")
    grid[0][0].legend(fontsize="small")
    return picture
