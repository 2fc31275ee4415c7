"""What a strategy sees at step k: the told steps up to k - W, and what all earlier steps assigned."""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np
from msgspec.structs import replace

from archsearch.cell import Cell, SearchSpace, regrouped
from archsearch.errors import CellError
from archsearch.mutations import Applied, propose
from archsearch.mutations.validity import fault
from archsearch.protocol.history import Candidate, History
from archsearch.protocol.plan import PlannedTask, RunPlan
from archsearch.protocol.records import Stage, Step
from archsearch.protocol.references import reference_stages, start_cells
from archsearch.protocol.settings import Setting
from archsearch.protocol.traits import Traits, traits_of
from archsearch.referee.shrinkage import top_two
from archsearch.search import choice
from archsearch.search.adapted import adapted_weights, credited
from archsearch.search.alike import Tried, behaviour
from archsearch.search.program import OutsideProgram
from archsearch.words import short_id

STEP_DRAWS = 100
"""Draws of a child after which a step is "nothing new"."""

NONE: frozenset[Setting] = frozenset()


class Drawn(NamedTuple):
    """A valid child.

    Attributes:
        parent: Id of the candidate that it came from.
        cell: The child.
        applied: The mutations that made it.
    """

    parent: str
    cell: Cell
    applied: tuple[Applied, ...]


class Asked(NamedTuple):
    """A step as asked.

    Attributes:
        step: The step.
        cell: The cell that it tries, if that may be new to the run.
    """

    step: Step
    cell: Cell | None = None


@dataclass(frozen=True)
class View:
    """The position from which one step is asked.

    Attributes:
        plan: The run's plan.
        number: k.
        history: What the steps say that step k sees.
        unseen: The earlier steps that it does not see, as they were asked.
        cell: Returns a cell of the run by its id.
        references: Ids of all references.
        rng: The step's own generator.
        program: The program outside that a strategy may ask.
        tried: What the cells of the earlier steps compute; None where the space does not tell cells apart by that.
        known_traits: Size and form of the cells that were looked at before, by id, which grows.
    """

    plan: RunPlan
    number: int
    history: History
    unseen: tuple[Step, ...]
    cell: Callable[[str], Cell]
    references: frozenset[str]
    rng: np.random.Generator
    program: OutsideProgram | None = None
    tried: Tried | None = None
    known_traits: dict[str, Traits] = field(default_factory=dict)

    def used(self, cell: str, task: str) -> Set[Setting]:
        """Return the settings that a cell has had on a task, or is assigned in a step not yet seen."""
        candidate = self.history.candidate(cell)
        used = candidate.used.get(task, NONE) if candidate else NONE
        stages = [stage for step in self._unseen_of.get(cell, ()) for stage in step.stages]
        more = [setting for stage in stages if stage.task == task for setting in stage.settings]
        return used.union(more) if more else used

    @cached_property
    def _unseen_of(self) -> dict[str, list[Step]]:
        """The unseen steps by the cell that they try."""
        steps: dict[str, list[Step]] = {}
        for step in self.unseen:
            steps.setdefault(step.candidate, []).append(step)
        return steps

    @cached_property
    def space(self) -> SearchSpace:
        """The plan's space, with the weights of its operators as they are at this step."""
        space = self.plan.space
        if self.plan.preset.mutation.operators != "adapted":
            return space
        return replace(space, weights=adapted_weights(space, credited(self.history)))

    def traits(self, cell: str) -> Traits:
        """Return size and form of a cell of the run."""
        if cell not in self.known_traits:
            self.known_traits[cell] = traits_of(self.cell(cell))
        return self.known_traits[cell]

    def due_reexamination(self) -> Asked | None:
        """Return a re-examination with the odds that the preset gives it; None stands for a proposal."""
        return self.reexamination() if self.rng.random() < self.plan.preset.search.reexamine else None

    def reexamination(self) -> Asked | None:
        """Return a step that tries a member of the pool on new settings; None if no member has any left."""
        members = [member for member in self.history.pool if self.has_settings_left(member)]
        return self.tried_again(members[self._to_be_reexamined(members)]) if members else None

    def _to_be_reexamined(self, members: list[Candidate]) -> int:
        """Return the place of a random member, or of one that could be the first of them."""
        if self.plan.preset.search.reexamination == "random":
            return int(self.rng.integers(len(members)))
        judged = [member.judgement for member in members if member.judgement is not None]
        estimates = np.array([judgement.estimate for judgement in judged])
        return top_two(estimates, np.array([judgement.doubt for judgement in judged]), self.rng)

    def tried_again(self, candidate: Candidate) -> Asked:
        """Return a step that tries a candidate on new settings."""
        stages = self._stages(candidate.id)
        return Asked(Step(self.number, "reexamine", candidate.id, stages=stages, raced=True))

    def has_settings_left(self, candidate: Candidate) -> bool:
        """Whether a candidate has not had all settings, those of unseen steps included."""
        assigned = candidate.id in self._unseen_of
        used = candidate.used
        return any(
            len(self.used(candidate.id, task) if assigned else used.get(task, NONE)) < len(settings)
            for task, settings in self.plan.settings.items()
        )

    def _stages(self, cell: str, parent: Candidate | None = None) -> tuple[Stage, ...]:
        """Return the next settings of a cell on every task; under `published` a child draws on its parent's."""
        return tuple(self._stage(task, cell, parent) for task in self.plan.tasks)

    def _stage(self, task: PlannedTask, cell: str, parent: Candidate | None) -> Stage:
        name, settings, used = task.name, self.plan.settings[task.name], self.used(cell, task.name)
        if self.plan.rule == "paired":
            return choice.paired(name, settings, used, task.rules.k)
        cells = [self.history.candidate(start) for start in self.history.starts]
        starts = [start.tries.get(name, {}) for start in cells if start is not None]
        tries = parent.tries.get(name, {}) if parent else None
        return choice.published(name, settings, used, task.rules.k, rng=self.rng, parent=tries, starts=starts)

    def child_of(self, parent: str, population: Sequence[str] = ()) -> Asked:
        """Return a step that tries a mutant of a cell of the run.

        Args:
            parent: The cell's id.
            population: Ids of the cells that it may mate with.
        """
        cell, magnitude = self.cell(parent), self.plan.preset.mutation.magnitude

        def draw() -> Drawn | None:
            child = propose(cell, self.space, self.rng, magnitude, self.mate(parent, population))
            return Drawn(parent, child.cell, child.applied) if child else None

        return self.proposal(draw)

    def child_of_random(self, population: Sequence[str]) -> Asked:
        """Return a step that tries a mutant of a random one of some cells, which it may mate with.

        Args:
            population: Their ids; of none it is a start cell's.
        """
        members = population or [cell.id for cell in start_cells(self.plan)]
        return self.child_of(members[int(self.rng.integers(len(members)))], members)

    def mate(self, parent: str, population: Sequence[str] = ()) -> Cell | None:
        """Return what a child may take a part from: a random other member, without one a start cell of the search.

        Args:
            parent: The id of the child's parent.
            population: Ids of cells.

        Returns:
            None, drawn without chance, in a space that has no crossover.
        """
        if "crossover" not in self.plan.space.mutations:
            return None
        others = [member for member in population if member != parent]
        choices = list(map(self.cell, others)) or start_cells(self.plan)
        return choices[int(self.rng.integers(len(choices)))]

    def proposal(self, draw: Callable[[], Drawn | None]) -> Asked:
        """Return a step that tries the first drawn child that is valid and not known; after 100 draws nothing new.

        Args:
            draw: Draws a child; None stands for no valid one.
        """
        known, invalid, alike = 0, 0, 0
        for _ in range(STEP_DRAWS):
            drawn = self._as_searched(draw())
            if drawn is None or no_candidate(drawn.cell, self.plan):
                invalid += 1
            elif step := self.trying(drawn, known, invalid):
                return Asked(replace(step, alike=alike), drawn.cell)
            else:
                known += 1
                alike += self._repeats(drawn.cell)
        return Asked(Step(self.number, "nothing", known=known, invalid=invalid, alike=alike))

    def _repeats(self, cell: Cell) -> bool:
        """Whether a cell is new, but computes what the cell of an earlier step does, in a space that asks for that."""
        return self.tried is not None and self.tried.repeats(cell)

    def _as_searched(self, drawn: Drawn | None) -> Drawn | None:
        """Return a child as the run counts cells: with `search.regroup` the one for all groupings, if that is a child."""
        return regrouped_child(drawn, self.plan.space) if drawn and self.plan.preset.search.regroup else drawn

    def trying(self, drawn: Drawn, known: int, invalid: int) -> Step | None:
        """Return the step that tries a child, or None if the child is known and not to be tried again.

        Args:
            drawn: A valid child; one without a parent was brought from outside.
            known: Draws for the step that gave a known cell.
            invalid: Draws that gave no valid child.
        """
        child = drawn.cell.id
        if child in self._unseen_of or self._repeats(drawn.cell):
            return None
        step = Step(self.number, "propose", child, drawn.parent, drawn.applied, known=known, invalid=invalid)
        candidate = self.history.candidate(child)
        if candidate is None and child in self.references:
            return replace(step, stages=reference_stages(self.plan, child))
        setting = self.plan.filter_setting(child, candidate.filter_tries if candidate else 0)
        unfiltered = candidate is None and not self.plan.preset.filter.tries
        if unfiltered or (setting and (candidate is None or candidate.fate == "failed filter")):
            stages = self._stages(child, self.history.candidate(drawn.parent) if drawn.parent else None)
            return replace(step, filter=setting, stages=stages, gated=True, raced=True)
        if candidate is not None and candidate.passed and self._may_return(candidate):
            return replace(step, stages=self._stages(child), gated=True, raced=True)
        return None

    def _may_return(self, candidate: Candidate) -> bool:
        """Whether a proposal may bring a cell again that passed the filter: under `published`, on fresh settings."""
        return self.plan.rule == "published" and self.has_settings_left(candidate)


def no_candidate(cell: Cell, plan: RunPlan) -> str | None:
    """Return why a run does not try a valid child: it is too narrow, or by its outputs no use; None for no reason."""
    return plan.too_narrow(cell) or (behaviour(cell).fault if plan.space.tells_by_outputs else None)


def regrouped_child(drawn: Drawn, space: SearchSpace) -> Drawn | None:
    """Return a child as the cell that stands for all groupings of its sums, None if that is none or too large."""
    try:
        child = regrouped(drawn.cell).canonical()
        child = child.renamed(short_id(child.id), note=())
    except CellError:
        return None
    return None if fault(child, space) else drawn._replace(cell=child)
