"""The picture of maps: places of a text by what a model holds and predicts there, each kind in a colour of its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure as Picture

from archsearch.studies.characters.sample import KINDS, Sample
from archsearch.studies.characters.tsne import tsne_points

INCHES = 3.6
"""Of a map, across and down."""
SHADES = "tab10"
"""The colours of kinds, the most frequent first."""


def maps_picture(models: Sequence[tuple[str, Sample]], seed: int) -> Picture:
    """Return the picture: a line for each model and what its places are told by, a column for states and predictions.

    Args:
        models: What each is called, and its places.
        seed: Of t-SNE.
    """
    lines = len(models) * len(KINDS)
    picture = Picture(figsize=(INCHES * 2 + 1.6, INCHES * lines), layout="constrained")
    grid = picture.subplots(lines, 2, squeeze=False)
    for index, (title, sample) in enumerate(models):
        for column, (name, rows) in enumerate(sample.rows.items()):
            points = tsne_points(rows, seed)
            for line, told_by in enumerate(KINDS, len(KINDS) * index):
                axes, labels = grid[line][column], np.array(sample.kinds[told_by])
                for number, (kind, _) in enumerate(Counter(sample.kinds[told_by]).most_common()):
                    shade = colormaps[SHADES](number % 10)
                    axes.scatter(*points[labels == kind].T, s=7, color=shade, linewidths=0, label=kind)
                axes.set(xticks=[], yticks=[], title=f"{title}: {name} by {told_by}")
        for line in range(len(KINDS) * index, len(KINDS) * (index + 1)):
            grid[line][1].legend(
                fontsize="small", loc="center left", bbox_to_anchor=(1.0, 0.5), markerscale=2
            )
    return picture
