"""What a strategy sees at step k: the told steps up to k - W, and what all earlier steps assigned."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from archsearch.cell import Cell, SearchSpace, regrouped
from archsearch.errors import CellError
from archsearch.mutations import Child
from archsearch.mutations.validity import fault
from archsearch.protocol.history import Candidate, History
from archsearch.protocol.plan import RunPlan
from archsearch.protocol.records import Applied, Stage, Step
from archsearch.protocol.references import reference_stages
from archsearch.protocol.settings import Setting
from archsearch.search import choice

DRAWS = 100
"""Draws after which a step is "nothing new"."""


class Drawn(NamedTuple):
    """A valid child, the candidate it came from and the mutations that made it."""

    parent: str
    cell: Cell
    applied: tuple[Applied, ...]


class Asked(NamedTuple):
    """A step as asked, with the cell it tries, if that is new to the run."""

    step: Step
    cell: Cell | None = None


@dataclass(frozen=True)
class View:
    """The position from which one step is asked.

    Attributes:
        plan: The run's plan.
        number: k.
        book: What the steps say that step k sees.
        unseen: The earlier steps that it does not see, as they were asked.
        cell: Returns a cell of the run by its id.
        references: Ids of all references.
        rng: The step's own generator.
    """

    plan: RunPlan
    number: int
    book: History
    unseen: tuple[Step, ...]
    cell: Callable[[str], Cell]
    references: frozenset[str]
    rng: np.random.Generator

    def used(self, cell: str, task: str) -> set[Setting]:
        """Return the settings that a cell has had on a task, or is assigned in a step not yet seen."""
        candidate = self.book.candidates.get(cell)
        used = set(candidate.used.get(task, ())) if candidate else set()
        for step in self.unseen:
            if step.cell == cell:
                used.update(s for stage in step.stages if stage.task == task for s in stage.settings)
        return used

    def reexamination(self) -> Asked | None:
        """Return a step that tries a random member of the pool on new settings; None if no member has any left."""
        members = [member for member in self.book.pool if self._has_settings_left(member.id)]
        if not members:
            return None
        member = members[int(self.rng.integers(len(members)))]
        return Asked(Step(self.number, "reexamine", member.id, stages=self._stages(member.id), raced=True))

    def _has_settings_left(self, cell: str) -> bool:
        return any(
            len(self.used(cell, task)) < len(settings) for task, settings in self.plan.settings.items()
        )

    def _stages(self, cell: str, parent: Candidate | None = None) -> tuple[Stage, ...]:
        """Return the next settings of a cell on every task; under `published` a child draws on its parent's."""
        stages = []
        for course in self.plan.courses:
            task, k, settings = course.task, course.plan.k, self.plan.settings[course.task]
            used = self.used(cell, task)
            if self.plan.rule == "paired":
                stages.append(choice.paired(task, settings, used, k))
            else:
                starts = [c.tries.get(task, {}) for c in self.book.candidates.values() if c.started]
                tries = parent.tries.get(task, {}) if parent else None
                stages.append(choice.published(task, settings, used, k, self.rng, tries, starts))
        return tuple(stages)

    def proposal(self, draw: Callable[[], Drawn | None]) -> Asked:
        """Return a step that tries the first drawn child that is valid and not known; after 100 draws nothing new.

        Args:
            draw: Draws a child; None stands for no valid one.
        """
        known, invalid = 0, 0
        for _ in range(DRAWS):
            drawn = self._as_searched(draw())
            if drawn is None or self.plan.too_narrow(drawn.cell):
                invalid += 1
            elif step := self._trying(drawn, known, invalid):
                return Asked(step, drawn.cell)
            else:
                known += 1
        return Asked(Step(self.number, "nothing", known=known, invalid=invalid))

    def _as_searched(self, drawn: Drawn | None) -> Drawn | None:
        """Return a child as the run counts cells: with `search.regroup` the one for all groupings, if that is a child."""
        return regrouped_child(drawn, self.plan.space) if drawn and self.plan.preset.search.regroup else drawn

    def _trying(self, drawn: Drawn, known: int, invalid: int) -> Step | None:
        """Return the step that tries a child, or None if the child is known and not to be tried again."""
        child, parent = drawn.cell.id, self.book.candidates.get(drawn.parent)
        candidate = self.book.candidates.get(child)
        if any(step.cell == child for step in self.unseen):
            return None
        following = self.plan.filter_setting(child, candidate.filter_tries if candidate else 0)
        if candidate is None and child in self.references:
            filtered, gated, stages = None, False, reference_stages(self.plan, child)
        elif following and (candidate is None or candidate.fate == "failed filter"):
            filtered, gated, stages = following, True, self._stages(child, parent)
        elif (
            self.plan.rule == "published"
            and candidate is not None
            and candidate.passed
            and self._has_settings_left(child)
        ):
            filtered, gated, stages = None, True, self._stages(child)
        else:
            return None
        return Step(
            self.number,
            "propose",
            child,
            drawn.parent,
            drawn.applied,
            filtered,
            stages,
            gated,
            known,
            invalid,
            gated,
        )


def drawn(parent: str, child: Child | None) -> Drawn | None:
    """Return a mutation's child as a strategy hands it in, None if there is none."""
    if child is None:
        return None
    applied = tuple(Applied(one.operator, one.node, one.words) for one in child.applied)
    return Drawn(parent, child.cell, applied)


def regrouped_child(drawn: Drawn, space: SearchSpace) -> Drawn | None:
    """Return a child as the cell that stands for all groupings of its sums, None if that is none or too large."""
    try:
        child = regrouped(drawn.cell).canonical()
        child = child.renamed(child.id[:9], note=())
    except CellError:
        return None
    return None if fault(child, space) else drawn._replace(cell=child)
