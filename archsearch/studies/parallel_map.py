"""The map of cells: what a trained cell can do on longer sequences, against the Newton steps that it needs there."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure as Picture

from archsearch.studies.parallel import SCORED, ParallelRow, parallel_front, steps_after

INCHES = (9.0, 5.5)
MARKERS = {"dense": "o", "block-diagonal": "s", "diagonal": "D"}
APART = 0.02
"""Skills that lie no further apart share a line of names."""
NAMED = 100
"""Of more cells than these only those on the front are named."""


def parallel_map(rows: Sequence[ParallelRow], most: int) -> Picture:
    """Return the picture: down the side skill on the longer sequences, along the bottom K* at the longest of the lengths.

    A line leads along the front, the cells that no other beats in both.

    Args:
        rows: The cells; one whose networks all diverged is left out.
        most: Newton steps at most; a cell that needs more lies beyond the line.
    """
    picture = Picture(figsize=INCHES, layout="constrained")
    axes = picture.subplots()
    beyond = 1.5 * most
    trained = [row for row in rows if row.after is not None]
    axes.axvline(most, color="grey", linewidth=0.8, linestyle=":", label=f"right of it: more than {most}")
    for form, marker in MARKERS.items():
        for affine in (False, True):
            places = [
                (steps_after(row, beyond), row.skills[SCORED[1]])
                for row in trained
                if row.jacobian == form + ", affine" * affine
            ]
            if places:
                across, up = zip(*places, strict=True)
                label = f"{form}, affine" if affine else form
                axes.plot(across, up, marker, fillstyle="full" if affine else "none", label=label)
    front = parallel_front(rows)
    corners = [(steps_after(row, beyond), row.skills[SCORED[1]]) for row in front]
    axes.step(*zip(*corners, strict=True), where="post", color="grey", linewidth=0.8, label="front")
    for place, names in _names(trained if len(trained) <= NAMED else front, beyond).items():
        slanted = {"rotation": 40.0, "va": "bottom"} if place[0] < beyond else {"va": "center"}
        axes.annotate(names, place, xytext=(6, 0), textcoords="offset points", fontsize="x-small", **slanted)
    length = max(rows[0].before.steps)
    axes.set(xlabel=f"Newton steps K* at T = {length:,}", ylabel="skill on sequences ten times as long")
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter("{x:.0f}")
    axes.minorticks_off()
    axes.set_xlim(None, 3 * beyond)
    axes.legend(fontsize="small", loc="center", title="Jacobian")
    return picture


def _names(rows: Sequence[ParallelRow], beyond: float) -> dict[tuple[float, float], str]:
    """Return what stands beside places; cells that lie together are counted."""
    found: dict[tuple[float, float], list[str]] = {}
    for row in sorted(rows, key=lambda row: row.skills[SCORED[1]]):
        place = (steps_after(row, beyond), row.skills[SCORED[1]])
        near = next(
            (other for other in found if other[0] == place[0] and place[1] - other[1] <= APART), place
        )
        found.setdefault(near, []).append(row.cell)
    return {
        place: names[0]
        if len(names) == 1
        else f"{names[0]}, {names[1]}" + ", …" * (len(names) > 2) + f" ({len(names)})"
        for place, names in found.items()
    }
