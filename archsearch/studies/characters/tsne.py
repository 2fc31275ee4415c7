"""A map of rows: van der Maaten and Hinton's t-SNE (2008), by scikit-learn, with the same points for the same seed."""

from __future__ import annotations

import numpy as np
from sklearn.manifold import TSNE

from archsearch.studies.characters.ngram_scores import Rows

PERPLEXITY = 30.0
"""How many neighbours count, roughly; fewer where there are few rows."""


def tsne_points(rows: Rows, seed: int) -> Rows:
    """Return a point in the plane for each row, shape (places, 2).

    Args:
        rows: Shape (places, any), at least 4 places.
        seed: Of what is random in it; the start is the first two principal components.
    """
    perplexity = min(PERPLEXITY, (len(rows) - 1) / 3)
    maker = TSNE(2, perplexity=perplexity, init="pca", learning_rate="auto", random_state=seed)
    points: Rows = maker.fit_transform(np.ascontiguousarray(rows, np.float32))
    return points
