"""Factors of a random search: every cell under each of their levels, with the same settings, and what the levels change.

An effect is a contrast of scores: of the best tenth of the trials by Welch, as between variants, and of all trials in pairs,
since trial i has the same setting, initial weights and order of sequences under every level.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from typing import Literal, TypeVar

import msgspec
import numpy as np
from scipy.stats import t as student

from archsearch.cell import Cell, Node
from archsearch.studies.odyssey import best_trials, tests_of
from archsearch.studies.random_search.training import SearchTrial

LEVEL = 0.95

Place = Literal["", "inputs", "outputs", "both"]
PLACES: tuple[Place, ...] = ("", "inputs", "outputs", "both")
"""Where a trial drops numbers in training: nowhere, or of what the layer reads, of what it says, of both."""

FACTORS = ("norm", "dropout")

Condition = TypeVar("Condition", bound=Hashable)
Where = tuple[bool, str, str]
"""Whether pre-activations are normalised, a place of dropout, and a cell's name."""


class Effect(msgspec.Struct, frozen=True):
    """What a factor does to the test score, or several together do beyond each; negative is better.

    Attributes:
        name: Of the factor, or of those that act together.
        change: Of the mean of the best tenth.
        low: Where its 95 % interval begins.
        high: Where it ends.
        p: Of no effect, by Welch's t-test.
        pairs: Trials that have a score under all levels.
        paired: The mean change over them; None for fewer than two.
        paired_low: Where its 95 % interval begins.
        paired_high: Where it ends.
    """

    name: str
    change: float
    low: float
    high: float
    p: float
    pairs: int
    paired: float | None
    paired_low: float | None
    paired_high: float | None


def normed_cell(cell: Cell) -> Cell | None:
    """Return the cell in which each sum with a matrix that an activation reads is divided by its root mean square.

    There is no gain and no mean taken off: the op is that of the cell language. None if the cell has no such sum.
    """
    sums = {
        node.inputs[0]
        for node in cell.ops
        if node.op in ("tanh", "sigmoid", "relu") and _has_matrix(cell, node.inputs[0])
    }
    for place in sums:
        handle = cell.fresh_handle()
        changed = {
            node.handle: replace(node, inputs=(handle,))
            for node in cell.ops
            if node.op in ("tanh", "sigmoid", "relu") and node.inputs == (place,)
        }
        edited = cell.edited({handle: Node(handle, "norm", (place,)), **changed})
        assert edited is not None, "a norm on an edge closes no cycle"
        cell = edited
    return cell if sums else None


def _has_matrix(cell: Cell, handle: int) -> bool:
    node = cell.node(handle)
    return node.op == "linear" or (node.op == "add" and any(_has_matrix(cell, one) for one in node.inputs))


def contrast(
    name: str, weights: Mapping[Condition, float], trials: Mapping[Condition, Sequence[SearchTrial]]
) -> Effect | None:
    """Return a weighted sum of mean scores, with the degrees of freedom of Welch and Satterthwaite, and that of pairs.

    Args:
        name: What it is called.
        weights: Of each condition; those that it lacks count nothing.
        trials: Of each condition, in the order of their numbers. None is returned where one has fewer than two scores.
    """
    scores = {key: np.array(tests_of(best_trials(trials[key]))) for key in weights}
    if min(map(len, scores.values())) < 2:
        return None
    change = float(sum(weight * scores[key].mean() for key, weight in weights.items()))
    parts = {key: weight**2 * scores[key].var(ddof=1) / len(scores[key]) for key, weight in weights.items()}
    reach, p = 0.0, 1.0 if not change else 0.0
    if variance := sum(parts.values()):
        freedom = variance**2 / sum(part**2 / (len(scores[key]) - 1) for key, part in parts.items())
        reach = float(student.ppf((1 + LEVEL) / 2, freedom) * variance**0.5)
        p = float(2 * student.sf(abs(change) / variance**0.5, freedom))
    return Effect(name, change, change - reach, change + reach, p, *_paired(weights, trials))


def _paired(
    weights: Mapping[Condition, float], trials: Mapping[Condition, Sequence[SearchTrial]]
) -> tuple[int, float | None, float | None, float | None]:
    rows = zip(*(trials[key] for key in weights), strict=True)
    tests = [[trial.test for trial in row] for row in rows]
    whole = np.array([row for row in tests if None not in row], float).reshape(-1, len(weights))
    if (count := len(whole)) < 2:
        return count, None, None, None
    changes = whole @ np.array(list(weights.values()))
    mean, error = float(changes.mean()), float(changes.std(ddof=1)) / count**0.5
    reach = float(student.ppf((1 + LEVEL) / 2, count - 1)) * error
    return count, mean, mean - reach, mean + reach


def factor_effects(trials: Mapping[Where, Sequence[SearchTrial]]) -> list[Effect]:
    """Return what normalisation and each place of dropout change beside none, and what they do together beyond each.

    Args:
        trials: Of every cell under every level that was tried of both factors.
    """
    norms, places, cells = (list(dict.fromkeys(of)) for of in zip(*trials, strict=True))
    moved = [place for place in places if place]

    def signs(now: Sequence[tuple[bool, str]], before: Sequence[tuple[bool, str]]) -> dict[Where, float]:
        share = 1 / len(now) / len(cells)
        return {(*at, cell): share for at in now for cell in cells} | {
            (*at, cell): -share for at in before for cell in cells
        }

    found = {}
    if True in norms:
        found["norm"] = signs([(True, p) for p in places], [(False, p) for p in places])
    for place in moved:
        found[f"dropout {place}"] = signs([(n, place) for n in norms], [(n, "") for n in norms])
    for place in moved if True in norms else []:
        together = signs([(True, place), (False, "")], [(True, ""), (False, place)])
        found[f"norm x dropout {place}"] = {key: 2 * share for key, share in together.items()}
    effects = (contrast(name, weights, trials) for name, weights in found.items())
    return [effect for effect in effects if effect is not None]
