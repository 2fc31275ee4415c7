"""The picture of gradients through time: their norm against the lag, and beside it which lags are bridged."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure as Picture

from archsearch.studies.gradient import DECAYING, GradientRow, decay_bound

INCHES = (9.0, 4.8)
FADED = -16.0
"""The gradient is drawn down to here: less is lost in any sum of numbers in double precision."""
MARKERS = ("o-", "s-", "^-", "v-", "D-")
"""So that cells are seen which solve the same."""
EXAMPLE = 0.9 * DECAYING
"""The weight of a logistic unit whose bound is drawn."""


def gradient_picture(rows: Sequence[GradientRow]) -> Picture:
    """Return the picture of cells at several lags."""
    picture = Picture(figsize=INCHES, layout="constrained")
    left, right = picture.subplots(1, 2)
    _draw_gradients(left, rows)
    _draw_success(right, rows)
    picture.legend(*left.get_legend_handles_labels(), fontsize="small", loc="outside lower center", ncols=4)
    return picture


def _draw_gradients(axes: Axes, rows: Sequence[GradientRow]) -> None:
    lags = sorted(rows[0].curve_before)
    axes.plot(lags, [1.0] * len(lags), color="grey", linewidth=0.8, linestyle=":", label="carousel")
    bound = [10 ** max(decay_bound(EXAMPLE, lag), 2 * FADED) for lag in lags]
    axes.plot(
        lags, bound, color="grey", linewidth=0.8, linestyle="-.", label=f"logistic unit, w = {EXAMPLE:g}"
    )
    for index, name in enumerate(dict.fromkeys(row.cell for row in rows)):
        own, color = [row for row in rows if row.cell == name], f"C{index}"
        axes.plot(*_points(own[0].curve_before), "--", color=color, label=f"{name}, initial")
        trained = [row for row in own if row.curve_after]
        if trained:
            shown = max(trained, key=lambda row: (bool(row.solved), row.lag if row.solved else -row.lag))
            axes.plot(
                *_points(shown.curve_after), "-", color=color, label=f"{name}, trained at lag {shown.lag}"
            )
    axes.set(xscale="log", yscale="log", ylim=(10**FADED, 10**3), xlabel="lag T - t")
    axes.set_ylabel("norm of $\\partial h_T / \\partial s_t$")


def _points(curve: dict[int, float | None]) -> tuple[list[int], list[float]]:
    known = {lag: value for lag, value in curve.items() if value is not None}
    return list(known), [10 ** min(max(value, 2 * FADED), 300.0) for value in known.values()]


def _draw_success(axes: Axes, rows: Sequence[GradientRow]) -> None:
    for index, name in enumerate(dict.fromkeys(row.cell for row in rows)):
        shares = {row.lag: row.solved for row in rows if row.cell == name and row.solved is not None}
        if shares:
            marker = MARKERS[index % len(MARKERS)]
            axes.plot(
                list(shares), list(shares.values()), marker, color=f"C{index}", label=name, fillstyle="none"
            )
    axes.set(xscale="log", ylim=(-0.05, 1.05), xlabel="lag of the task", ylabel="share of runs that solve it")
    if axes.lines:
        axes.legend(fontsize="small")
