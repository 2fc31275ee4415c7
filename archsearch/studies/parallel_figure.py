"""The picture of Newton steps: K* against T, at the initial weights and after training."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Picture
from matplotlib.ticker import ScalarFormatter

from archsearch.studies.parallel import Medians, ParallelRow

INCHES = (9.0, 4.5)
TITLES = {"before": "initial weights", "after": "after training"}


def parallel_picture(rows: Sequence[ParallelRow], most: int) -> Picture:
    """Return the picture of cells at several lengths.

    Args:
        rows: The cells.
        most: Newton steps at most; a cell that needs more lies on the line there.
    """
    picture = Picture(figsize=INCHES, layout="constrained")
    sides = [side for side in TITLES if any(getattr(row, side) for row in rows)]
    all_axes = picture.subplots(1, len(sides), sharey=True, squeeze=False)[0]
    for axes, side in zip(all_axes, sides, strict=True):
        axes.axhline(most, color="grey", linewidth=0.8, linestyle=":", label=f"more than {most}")
        for index, row in enumerate(rows):
            _draw(axes, getattr(row, side), index, row.cell, most)
        axes.set(xscale="log", xlabel="length T", title=TITLES[side])
        axes.set_yscale("log", base=2)
        axes.yaxis.set_major_formatter(ScalarFormatter())
        axes.set_xticks(list(rows[0].before.steps), [f"{length:,}" for length in rows[0].before.steps])
        axes.minorticks_off()
    all_axes[0].set_ylabel("Newton steps K*")
    picture.legend(
        *all_axes[0].get_legend_handles_labels(), fontsize="small", loc="outside lower center", ncols=5
    )
    return picture


def _draw(axes: Axes, found: Medians | None, index: int, name: str, most: int) -> None:
    if found is not None:
        steps = [most if value is None else value for value in found.steps.values()]
        axes.plot(list(found.steps), steps, "o-", color=f"C{index}", label=name, fillstyle="none")
