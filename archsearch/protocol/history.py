"""The history of a search: what the told steps say, in the order in which they were told."""

from __future__ import annotations

import zlib
from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import msgspec

from archsearch.mutations import Applied
from archsearch.protocol.belief import Belief
from archsearch.protocol.evaluation import Ended
from archsearch.protocol.fitness import Judgement, judge
from archsearch.protocol.plan import RunPlan
from archsearch.protocol.records import PLACEBO, Proposer, Step, Try
from archsearch.protocol.settings import Setting

SETTLED = {"evaluated", "stopped at gate", "diverged"}
"""Fates of candidates that passed the filter, or skipped it."""

KEPT = 2_000
"""Candidates that a history keeps in memory where the others can be looked up; more than a pool and its look-ahead."""


@dataclass
class Candidate:
    """A distinct cell that entered evaluation.

    Attributes:
        id: The cell's id.
        step: The step that brought it first.
        parent: Whose child it is; empty for a start cell.
        applied: The mutations that made it.
        is_start: Whether it is a start cell.
        filter_tries: The filter's settings it was tried on.
        passed: Whether it passed the filter or skipped it.
        fate: How its last proposal ended; a re-examination leaves it.
        reached: The most stages that it was trained on.
        tries: Its trials by task and setting; without those that the host ended.
        used: The settings that were assigned and reached, by task.
        judgement: Its fitness, if it has one.
        proposer: Who has brought it, if that was not the search.
    """

    id: str
    step: int
    parent: str
    applied: tuple[Applied, ...]
    is_start: bool
    filter_tries: int = 0
    passed: bool = False
    fate: str = ""
    reached: int = 0
    tries: dict[str, dict[Setting, Try]] = field(default_factory=dict)
    used: dict[str, set[Setting]] = field(default_factory=dict)
    judgement: Judgement | None = None
    proposer: Proposer = ""

    @classmethod
    def brought(cls, step: Step) -> Candidate:
        """Return the candidate that a step brings, before anything is known of it."""
        return cls(
            id=step.candidate,
            step=step.number,
            parent=step.parent,
            applied=step.applied,
            is_start=step.kind == "start",
            proposer=step.proposer,
        )

    @property
    def fitness(self) -> float:
        """The fitness; only of a scored candidate."""
        assert self.judgement is not None
        return self.judgement.fitness

    @property
    def estimate(self) -> float:
        """What the fitness is believed to be; only of a scored candidate."""
        assert self.judgement is not None
        return self.judgement.estimate

    @property
    def trials(self) -> int:
        """How many trials it had."""
        return self.filter_tries + sum(len(tries) for tries in self.tries.values())

    @property
    def is_found(self) -> bool:
        """Whether it is a mutant or was proposed from outside, and no published cell that the search began with."""
        return bool(self.parent or self.proposer)

    @property
    def finished_first_stage(self) -> bool:
        """Whether it is no start cell and was trained on a whole stage."""
        return not self.is_start and self.reached > (self.fate == "not evaluated")

    def tell(self, ended: Ended) -> None:
        """Take in a step that tried it; `judge` says what follows for its fitness."""
        step, verdict = ended.step, ended.verdict
        self.filter_tries += step.filter is not None
        self.passed = self.passed or verdict.fate in SETTLED
        self.fate = verdict.fate if step.kind != "reexamine" else self.fate
        self.reached = max(self.reached, verdict.reached)
        for stage in step.stages[: verdict.reached]:
            self.used.setdefault(stage.task, set()).update(stage.settings)
        for task, tries in ended.tries.items():
            self.tries.setdefault(task, {}).update(tries)

    def judge(self, plan: RunPlan, baseline: dict[str, dict[Setting, Try]], belief: Belief | None) -> None:
        """Find its fitness, and what is believed of it.

        Args:
            plan: The run's plan.
            baseline: The GRU's trials.
            belief: What is known of cells before they are trained; None believes what is measured.
        """
        self.judgement = judge(plan, self.tries, baseline, belief)


Past = Callable[[str, int], Candidate | None]
"""Returns a cell as the first so many steps of the search left it; None if none of them tried it."""


class Place(NamedTuple):
    """Where a scored candidate stands among the others: the lowest first.

    Attributes:
        loss: What its fitness is believed to be, negative; of a clone in a candidate's place the fitness itself.
        step: That brought it first; of equals the older stands before the younger.
        id: The cell's id.
    """

    loss: float
    step: int
    id: str

    @property
    def check(self) -> int:
        """A number from 0 to 2^32 that tells places apart."""
        return zlib.crc32(repr((self.loss + 0.0, self.step, self.id)).encode())  # a database knows no -0.0

    @property
    def is_placebo(self) -> bool:
        """Whether it is that of a clone in a candidate's place."""
        return self.id.startswith(PLACEBO)


class Counts(msgspec.Struct):
    """What a history counts.

    Attributes:
        told: Steps told.
        candidates: Candidates that they tried.
        scored: Candidates that have a fitness.
        placebos: Clones that were tried in a candidate's place.
        check: The sum of the checks of their places, so that places that were kept elsewhere can be held against it.
        finished_first_stage: Candidates other than start cells that finished the first stage.
        known: Draws that gave a known cell.
        alike: How many of them gave one that is known by its outputs alone.
        steps_without_news: Steps, the last in a row but for clones, that brought nothing new.
        fates: How many steps ended in each way.
    """

    told: int = 0
    candidates: int = 0
    scored: int = 0
    placebos: int = 0
    check: int = 0
    finished_first_stage: int = 0
    known: int = 0
    steps_without_news: int = 0
    fates: dict[str, int] = msgspec.field(default_factory=dict)
    alike: int = 0


class History:
    """Folds told steps into candidates; two histories that were told the same steps are equal.

    What a step costs to tell does not grow with the steps before it: everything is counted as it comes, and a candidate
    whose fitness changes moves to its new place among the others.

    Args:
        plan: The run's plan.
        baseline: The GRU's trials.
        past: Looks up the candidates that are not in memory; None keeps all of them there.
        belief: What is known of cells before they are trained; None believes what is measured.

    Attributes:
        plan, baseline, past, belief: The same.
        candidates: The candidates in memory by id; without a `past` all, in the order in which they came.
        counts: What is counted.
        places: The scored candidates, the best first.
        placebos: Likewise the clones that were tried in a candidate's place, which are none.
        starts: The ids of the start cells that were told.
    """

    def __init__(
        self,
        plan: RunPlan,
        baseline: dict[str, dict[Setting, Try]],
        past: Past | None = None,
        belief: Belief | None = None,
    ) -> None:
        self.plan, self.baseline, self.past, self.belief = plan, baseline, past, belief
        self.candidates: dict[str, Candidate] = {}
        self.counts = Counts()
        self.places: list[Place] = []
        self.placebos: list[Place] = []
        self.starts: list[str] = []

    @property
    def told(self) -> int:
        """How many steps were told."""
        return self.counts.told

    @property
    def known(self) -> int:
        """How many draws gave a known cell."""
        return self.counts.known

    @property
    def alike(self) -> int:
        """How many of these gave a cell that is known by its outputs alone."""
        return self.counts.alike

    @property
    def fates(self) -> Counter[str]:
        """How many steps ended in each way."""
        return Counter(self.counts.fates)

    @property
    def steps_without_news(self) -> int:
        """How many of the last steps, in a row, brought nothing new."""
        return self.counts.steps_without_news

    @property
    def finished_first_stage(self) -> int:
        """How many candidates other than start cells finished the first stage."""
        return self.counts.finished_first_stage

    def candidate(self, cell: str) -> Candidate | None:
        """Return what the told steps say of a cell; None if none of them tried it."""
        found = self.candidates.get(cell)
        if found is None and self.past is not None and (found := self.past(cell, self.told)) is not None:
            self._keep(found)
        return found

    def _keep(self, candidate: Candidate) -> None:
        """Keep a candidate in memory; where the past is known, the one that came first goes."""
        self.candidates[candidate.id] = candidate
        if self.past is not None and len(self.candidates) > KEPT:
            del self.candidates[next(iter(self.candidates))]

    # -- telling ------------------------------------------------------------------------------------------------

    def tell(self, ended: Ended) -> None:
        """Take in the next step."""
        step, counts = ended.step, self.counts
        assert step.number == self.told, "steps are told in order"
        if step.kind == "placebo":
            self._count_placebo(ended, 1)
        elif step.kind != "nothing":
            self._tell_candidate(ended)
        counts.told += 1
        counts.known += step.known
        counts.alike += step.alike
        counts.fates[ended.verdict.fate] = counts.fates.get(ended.verdict.fate, 0) + 1
        if step.kind != "placebo":
            counts.steps_without_news = counts.steps_without_news + 1 if step.kind == "nothing" else 0

    def _tell_candidate(self, ended: Ended) -> None:
        candidate = self.candidate(ended.step.cell)
        if candidate is None:
            candidate = Candidate.brought(ended.step)
            self._keep(candidate)
            self.starts += [candidate.id] * candidate.is_start
        else:
            self._leave(candidate)
        candidate.tell(ended)
        candidate.judge(self.plan, self.baseline, self.belief)
        self._enter(candidate)

    def told_by(self, ended: Ended) -> Candidate | None:
        """Return what is known of what a told step tried; None for a step that tried nothing."""
        if ended.step.kind != "placebo":
            return self.candidate(ended.step.cell) if ended.step.cell else None
        placebo = Candidate.brought(ended.step)
        placebo.tell(ended)
        placebo.judge(self.plan, self.baseline, self.belief)
        return placebo

    def _count_placebo(self, ended: Ended, by: Literal[1, -1]) -> None:
        """Count a clone in or out, and put it in its place or take it from there."""
        self.counts.placebos += by
        placebo = self.told_by(ended)
        if placebo is None or placebo.judgement is None:
            return
        here = place(placebo)
        self.counts.check += by * here.check
        if by == 1:
            insort(self.placebos, here)
        else:
            self.placebos.remove(here)

    def _enter(self, candidate: Candidate) -> None:
        """Count a candidate in, and put it in its place."""
        self.counts.candidates += 1
        self.counts.finished_first_stage += candidate.finished_first_stage
        if candidate.judgement is not None:
            here = place(candidate)
            self.counts.scored += 1
            self.counts.check += here.check
            insort(self.places, here)

    def _leave(self, candidate: Candidate) -> None:
        """Count a candidate out, and take it from its place."""
        self.counts.candidates -= 1
        self.counts.finished_first_stage -= candidate.finished_first_stage
        if candidate.judgement is not None:
            here = place(candidate)
            self.counts.scored -= 1
            self.counts.check -= here.check
            del self.places[bisect_left(self.places, here)]

    # -- what the places say ------------------------------------------------------------------------------------

    def best(self, count: int | None = None) -> list[Candidate]:
        """Return the first candidates by rank; None for all that have a fitness."""
        found = [self.candidate(each.id) for each in self.places[:count]]
        return [candidate for candidate in found if candidate is not None]

    @property
    def ranked(self) -> list[Candidate]:
        """All candidates with a fitness, the best first; of equals the one with the older step."""
        return self.best()

    @property
    def pool(self) -> list[Candidate]:
        """The best candidates, as many as the preset's pool holds."""
        return self.best(self.plan.preset.search.pool)

    @property
    def best_found(self) -> Candidate | None:
        """The best candidate that is no start cell; None while none has a fitness."""
        first = self.best(len(self.starts) + 1)
        return next((candidate for candidate in first if not candidate.is_start), None)

    @property
    def best_placebo(self) -> float | None:
        """The best fitness of a clone in a candidate's place; None while none has one."""
        return -self.placebos[0].loss if self.placebos else None

    # -- going back ---------------------------------------------------------------------------------------------

    @classmethod
    def resumed(
        cls,
        plan: RunPlan,
        baseline: dict[str, dict[Setting, Try]],
        past: Past,
        counts: Counts,
        places: Iterable[Place],
        starts: Iterable[str],
        belief: Belief | None = None,
    ) -> History:
        """Return a history of which counts and places were kept, and whose candidates are looked up.

        Args:
            plan: The run's plan.
            baseline: The GRU's trials.
            past: Looks the candidates up.
            counts: What the told steps count.
            places: The places of the scored candidates and clones, in any order.
            starts: The ids of the start cells that were told.
            belief: What is known of cells before they are trained.
        """
        history = cls(plan, baseline, past, belief)
        history.counts, history.starts = counts, list(starts)
        for each in sorted(places):
            (history.placebos if each.is_placebo else history.places).append(each)
        return history

    def before(self, last: Sequence[Ended], steps_without_news: int) -> History:
        """Return the history without the last steps that it was told.

        Args:
            last: Those steps, in order; all start cells come before them.
            steps_without_news: Of the steps before them.
        """
        assert self.past is not None, "what was told before is looked up"
        counts = msgspec.structs.replace(self.counts, fates=dict(self.counts.fates))
        earlier = History.resumed(
            self.plan,
            self.baseline,
            past=self.past,
            counts=counts,
            places=[*self.places, *self.placebos],
            starts=self.starts,
            belief=self.belief,
        )
        for ended in last:
            if ended.step.kind == "placebo":
                earlier._count_placebo(ended, -1)
        cells = dict.fromkeys(
            ended.step.cell for ended in last if ended.step.cell and ended.step.kind != "placebo"
        )
        for cell in cells:
            if (candidate := earlier.candidate(cell)) is not None:
                earlier._leave(candidate)
        for ended in last:
            counts.told -= 1
            counts.known -= ended.step.known
            counts.alike -= ended.step.alike
            counts.fates[ended.verdict.fate] -= 1
        counts.fates = {fate: count for fate, count in counts.fates.items() if count}
        counts.steps_without_news = steps_without_news
        earlier.candidates.clear()
        for cell in cells:
            if (candidate := earlier.candidate(cell)) is not None:
                earlier._enter(candidate)
        return earlier


def place(candidate: Candidate) -> Place:
    """Return the place of a scored candidate, or of a clone in a candidate's place."""
    value = candidate.fitness if candidate.id.startswith(PLACEBO) else candidate.estimate
    return Place(-value, candidate.step, candidate.id)
