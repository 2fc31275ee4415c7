"""The ledger of operators: what became of the children that each mutation made.

A child made by several operators stands in the row of each. Fitness is what the told steps say in the end, of child and
parent alike; parents were chosen because they looked good, so part of a loss is the parent's luck.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import msgspec
import numpy as np

from archsearch.mutations import MUTATIONS
from archsearch.protocol.history import Candidate
from archsearch.protocol.seeds import generator
from archsearch.store import RunStore
from archsearch.store.history import RecordedOutcomes
from archsearch.studies.courses import told_one_by_one
from archsearch.studies.resampling import Figure, plain_mean, with_interval

ALL = "all"


@dataclass(frozen=True)
class Offspring:
    """A child of a run.

    Attributes:
        operators: Those that made it, each once.
        passed: Whether it passed the filter.
        scored: Whether it has a fitness.
        change: Its fitness less its parent's; None where one has none.
    """

    operators: frozenset[str]
    passed: bool
    scored: bool
    change: float | None


class OperatorRow(msgspec.Struct, frozen=True):
    """What became of the children of an operator.

    Attributes:
        operator: Its name; "all" for all children together.
        children: How many it made.
        passed: How many of them passed the filter.
        scored: How many got a fitness.
        better: How many have a higher fitness than their parent.
        change: Mean of fitness less the parent's, with its 95 % interval; None where no child has one.
    """

    operator: str
    children: int
    passed: int
    scored: int
    better: int
    change: Figure | None


def offspring(store: RunStore) -> Iterator[Offspring]:
    """Yield the children of a run, in the order in which they came.

    Raises:
        StoreError: The records cannot be read, or contradict each other.
    """
    told = [history for history, _ in told_one_by_one(store, store.facts.plan, RecordedOutcomes(store))]
    candidates = told[-1].candidates if told else {}
    for child in candidates.values():
        if child.applied:
            yield Offspring(
                operators=frozenset(applied.operator for applied in child.applied),
                passed=child.passed,
                scored=child.judgement is not None,
                change=_change(child, candidates.get(child.parent)),
            )


def _change(child: Candidate, parent: Candidate | None) -> float | None:
    if child.judgement is None or parent is None or parent.judgement is None:
        return None
    return child.fitness - parent.fitness


def operator_rows(children: Iterable[Offspring]) -> list[OperatorRow]:
    """Return a row for each operator that made a child, in the order of MUTATIONS, and one for all."""
    known = list(children)
    names = {name for child in known for name in child.operators}
    order = [*(name for name in MUTATIONS if name in names), *sorted(names - MUTATIONS.keys())]
    rows = [_row_of(name, [child for child in known if name in child.operators]) for name in order]
    return [*rows, _row_of(ALL, known)]


def _row_of(name: str, children: list[Offspring]) -> OperatorRow:
    changes = [child.change for child in children if child.change is not None]
    return OperatorRow(
        operator=name,
        children=len(children),
        passed=sum(child.passed for child in children),
        scored=sum(child.scored for child in children),
        better=sum(change > 0 for change in changes),
        change=_mean_change(name, changes) if changes else None,
    )


def _mean_change(name: str, changes: list[float]) -> Figure:
    return with_interval(plain_mean, generator("study", "operators", name), np.array(changes))
