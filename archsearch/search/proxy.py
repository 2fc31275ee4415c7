"""A control that trains nothing to choose: of several random cells the one with the best score before training.

The score is hidden covariance (Serianni and Kalita 2023, "Training-free Neural Architecture Search for RNNs and
Transformers"): a cell that keeps inputs apart has states whose correlation matrix over a minibatch is near the identity.
With its eigenvalues l it is -sum(log(l + k) + 1 / (l + k)).
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from archsearch.cell import Cell
from archsearch.protocol.seeds import generator
from archsearch.search.random_walk import random_mutant
from archsearch.search.untrained import hidden_states, initial_weights
from archsearch.search.view import Asked, Drawn, View

MUTANTS = 8
"""Random mutants, of which the best is proposed."""

STEPS, BATCH, WIDTH, SYMBOLS = 35, 20, 32, 16
"""Time steps, sequences, width, and letters of the random text that a cell reads; each letter is a random vector."""

DIGITS = 6
"""To which scores are compared, so that the last bits of a matrix library decide nothing."""

K = 1e-5
"""Keeps logarithm and quotient finite where an eigenvalue is 0; the paper's."""


def walk_by_proxy(view: View) -> Asked:
    """Return the next step: with even odds a re-examination, else the best of some random mutants by the score."""
    return view.due_reexamination() or view.proposal(lambda: _best_mutant(view))


def _best_mutant(view: View) -> Drawn | None:
    """Return the mutant with the highest score, the first of equals; None if no draw was valid."""
    drawn = [mutant for _ in range(MUTANTS) if (mutant := random_mutant(view)) is not None]
    return max(drawn, key=lambda mutant: hidden_covariance(mutant.cell), default=None)


@lru_cache(4_096)
def hidden_covariance(cell: Cell) -> float:
    """Return the score of a cell, the same for isomorphic ones; -inf where states are not finite, or never change."""
    rng = generator("hidden covariance")
    text = rng.integers(SYMBOLS, size=(STEPS, BATCH))
    live, width = cell.canonical(), cell.width_from(WIDTH)
    x = rng.uniform(-1, 1, (SYMBOLS, width))[text] / np.sqrt(width)
    states = hidden_states(live, initial_weights(live, width, rng), x).swapaxes(0, 1).reshape(BATCH, -1)
    with np.errstate(all="ignore"):
        correlations = np.corrcoef(states)
    if not np.isfinite(correlations).all():
        return -np.inf
    eigenvalues = np.maximum(np.linalg.eigvalsh(correlations), 0)
    return round(-float(np.sum(np.log(eigenvalues + K) + 1 / (eigenvalues + K))), DIGITS)
