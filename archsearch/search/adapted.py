"""Operators drawn by what they brought: probability matching (Thierens 2005, "An Adaptive Pursuit Strategy for Allocating
Operator Probabilities", section 2), from the ledger of the children that a step sees.

An operator's reward is the share of its scored children that are better than their parents, shrunk towards that of all
operators, so that one with few children is drawn as before; bounds keep every operator in the search.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from heapq import nlargest
from typing import NamedTuple

from archsearch.cell import SearchSpace
from archsearch.protocol.history import History

REMEMBERED = 200
"""Scored cells, the youngest, whose operators are looked at: what helped a bad population need not help a good one."""

DOUBT = 10
"""Children at the mean of all that an operator is credited with before it has any."""

MOST = 4.0
"""By how much a weight rises at most, and its inverse."""


class Credit(NamedTuple):
    """What the ledger says of a child.

    Attributes:
        operators: Those that made it, each once.
        better: Whether it is better than its parent.
    """

    operators: frozenset[str]
    better: bool


def credited(history: History) -> Iterator[Credit]:
    """Yield what the youngest scored cells say of the operators that made them, as far as their parents are scored."""
    for place in nlargest(REMEMBERED, history.places, key=lambda place: place.step):
        child = history.candidate(place.id)
        parent = history.candidate(child.parent) if child is not None and child.parent else None
        if child is not None and parent is not None and parent.judgement is not None:
            operators = frozenset(applied.operator for applied in child.applied)
            yield Credit(operators, child.estimate > parent.estimate)


def adapted_weights(space: SearchSpace, ledger: Iterable[Credit]) -> dict[str, float]:
    """Return the weights of a space's operators, each times its share of better children over that of all.

    Args:
        space: Its operators, and the weights that they begin with.
        ledger: What is known of the children.
    """
    known = list(ledger)
    begun = space.operator_weights
    overall = _share([credit.better for credit in known], 0.0, 0)
    if not overall:
        return begun
    return {
        name: weight * _bounded(_share(_of(name, known), overall, DOUBT) / overall)
        for name, weight in begun.items()
    }


def _of(operator: str, ledger: Sequence[Credit]) -> list[bool]:
    """Return of each child of an operator whether it is better."""
    return [credit.better for credit in ledger if operator in credit.operators]


def _share(better: Sequence[bool], prior: float, doubt: int) -> float:
    """Return the share of the better, with so many children at the prior besides; 0 of none."""
    count = len(better) + doubt
    return (sum(better) + doubt * prior) / count if count else 0.0


def _bounded(factor: float) -> float:
    return min(max(factor, 1 / MOST), MOST)
