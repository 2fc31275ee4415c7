"""Hearings: a claim with its pairs so far, and what they say of its two cells (docs/measuring.md, "The referee")."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import msgspec
import numpy as np
from msgspec import UNSET

from archsearch.protocol.claims import MARGIN, Claim, Pairs, has_fresh_data
from archsearch.protocol.plan import PlannedTask
from archsearch.referee.bets import Array
from archsearch.referee.ledger import level, level_of_discoveries
from archsearch.referee.ruling import Evidence, Ruling, evidence, pairs_needed, ruling, within_reach

LARGEST = 700.0
"""log of the largest fortune that is printed; a larger one is no number any more."""


@dataclass(frozen=True)
class Hearing:
    """A claim, and what its pairs say so far.

    Attributes:
        claim: The claim.
        number: Its place in the ledger, from 1.
        names: What people call the two cells.
        pairs: The pairs by task, in their order.
        margin: Differences of skill up to this are none.
        scale: How many times the preset's parameters and steps.
    """

    claim: Claim
    number: int
    names: tuple[str, str]
    pairs: Pairs
    margin: float = MARGIN
    scale: float = 1.0

    @property
    def level(self) -> float:
        """What E must reach the inverse of: the chance that "better" is ever false, and the same for "worse".

        Where discoveries are controlled it is more, by as much as was discovered before.
        """
        discoveries = self.claim.discoveries
        return level(self.number) if discoveries is UNSET else level_of_discoveries(self.number, discoveries)

    @cached_property
    def evidence(self) -> dict[str, Evidence]:
        """What the pairs say, task by task."""
        return {task: evidence(values, self.level) for task, values in self._differences.items()}

    @property
    def _differences(self) -> dict[str, Array]:
        return {
            task: np.array([result.difference for result in results]) for task, results in self.pairs.items()
        }

    def is_futile(self, pairs: int) -> bool:
        """Return whether so many pairs could have brought a ruling, and cannot any more as those so far have gone."""
        unheard = {task: np.array([]) for task in self.pairs}
        could, can = (
            within_reach(values, pairs, self.level, self.margin) for values in (unheard, self._differences)
        )
        return could and not can

    @property
    def ruling(self) -> Ruling:
        """What they say together."""
        return ruling(self.evidence, self.level, self.margin)

    @property
    def count(self) -> int:
        """How many pairs there are, on the task that has most."""
        return max(len(results) for results in self.pairs.values())

    def of_task(self, task: str) -> Ruling:
        """Return what is said of one task alone, at the level over the number of tasks, as any of them may be named."""
        return ruling({task: self.evidence[task]}, self.level / len(self.pairs), self.margin)

    def settled(self, task: str) -> bool:
        """Whether a task needs no more pairs: one of the cells is better there, also if the task is taken alone."""
        return self.of_task(task) in (Ruling.BETTER, Ruling.WORSE)

    @property
    def leaders(self) -> set[int]:
        """Which cells lead on some task: 1 for the first, -1 for the second."""
        return {leader for found in self.evidence.values() if (leader := _leader(found))}

    @property
    def is_split(self) -> bool:
        """Whether each cell is better on a task, so that no more pairs bring a ruling on all."""
        return len({_leader(self.evidence[task]) for task in self.pairs if self.settled(task)}) > 1

    @property
    def due(self) -> list[PlannedTask]:
        """The tasks on which one more pair is needed."""
        if self.ruling is not Ruling.NOT_TOLD_APART or self.is_split:
            return []
        return [task for task in self.claim.tasks if not self.settled(task.name)]

    @property
    def needed(self) -> int | None:
        """How many pairs would settle all tasks if wins and losses went on as they do; None if none would."""
        if len(self.leaders) > 1:
            return None
        each = [
            pairs_needed(self.evidence[task.name].wins, self.evidence[task.name].losses, self.level)
            for task in self.due
        ]
        return None if None in each else max((n for n in each if n is not None), default=None)

    def skills(self, task: str) -> tuple[float, float]:
        """Return the mean skills of the two cells on test data, where one that diverged has 0; 0 before the first pair."""
        results = self.pairs[task]
        a, b = (sum(getattr(result, side) or 0.0 for result in results) for side in ("a", "b"))
        return a / max(1, len(results)), b / max(1, len(results))

    def ratio(self, task: str) -> float | None:
        """Return the ratio of mean skills; None where the second learned nothing."""
        ours, theirs = self.skills(task)
        return ours / theirs if theirs > 0 else None

    @property
    def fitness(self) -> float | None:
        """The worst task's ratio; None before there is a pair on every task, or where the second learned nothing."""
        ratios = [self.ratio(task) if results else None for task, results in self.pairs.items()]
        known = [ratio for ratio in ratios if ratio is not None]
        return min(known) if len(known) == len(ratios) else None

    def as_document(self) -> dict[str, object]:
        """Return all that `archsearch judge --json` prints; `equal`, `discoveries` and `length` where the claim has them."""
        more = {
            "equal": self.claim.equal,
            "discoveries": self.claim.discoveries,
            "length": self.claim.length,
        }
        given = {name: msgspec.to_builtins(value) for name, value in more.items() if value is not UNSET}
        return {
            "a": self.claim.a,
            "b": self.claim.b,
            "verdict": self.ruling.value,
            "pairs": self.count,
            "level": self.level,
            "tasks": {task: self._task_document(task, found) for task, found in self.evidence.items()},
            **given,
        }

    def _task_document(self, task: str, found: Evidence) -> dict[str, object]:
        low, high = found.interval.low, found.interval.high
        return {
            "wins": found.wins,
            "losses": found.losses,
            "ties": found.ties,
            "e": math.exp(min(max(found.log_better, found.log_worse), LARGEST)),
            "difference": found.difference,
            "low": low if math.isfinite(low) else None,
            "high": high if math.isfinite(high) else None,
            "verdict": self.of_task(task).value,
            "skills": list(self.skills(task)),
        }


def _leader(found: Evidence) -> int:
    """Return 1 where the first cell leads, -1 where the second does, 0 where neither."""
    return (found.log_better > found.log_worse) - (found.log_better < found.log_worse)


def files_among(hearing: Hearing) -> list[str]:
    """Return the tasks of a claim whose data are files, so that its pairs vary initial weights and settings alone."""
    return [task.name for task in hearing.claim.tasks if not has_fresh_data(task.full_name)]
