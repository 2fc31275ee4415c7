"""The history of a search: what the told steps say, in the order in which they were told."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from archsearch.mutations import Applied
from archsearch.protocol.evaluation import Ended
from archsearch.protocol.fitness import Judgement, judge
from archsearch.protocol.plan import RunPlan
from archsearch.protocol.records import Step, Try
from archsearch.protocol.settings import Setting

SETTLED = {"evaluated", "stopped at gate", "diverged"}
"""Fates of candidates that passed the filter, or skipped it."""


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

    @property
    def fitness(self) -> float:
        """The fitness; only of a scored candidate."""
        assert self.judgement is not None
        return self.judgement.fitness

    @property
    def trials(self) -> int:
        """How many trials it had."""
        return self.filter_tries + sum(len(tries) for tries in self.tries.values())


class History:
    """Folds told steps into candidates; two histories that were told the same steps are equal.

    Attributes:
        plan: The run's plan.
        baseline: The GRU's trials.
        told: How many steps were told.
        candidates: The candidates by id, in the order in which they came.
        fates: How many steps ended in each way.
        known: How many draws gave a known cell.
        steps_without_news: How many of the last steps, in a row, brought nothing new.
        _ranked: The ranked candidates, until the next step is told.
    """

    def __init__(self, plan: RunPlan, baseline: dict[str, dict[Setting, Try]]) -> None:
        self.plan, self.baseline = plan, baseline
        self.told = 0
        self.candidates: dict[str, Candidate] = {}
        self.fates: Counter[str] = Counter()
        self.known = 0
        self.steps_without_news = 0
        self._ranked: list[Candidate] | None = None

    def tell(self, ended: Ended) -> None:
        """Take in the next step."""
        step = ended.step
        assert step.number == self.told, "steps are told in order"
        self.told += 1
        self.known += step.known
        self.fates[ended.verdict.fate] += 1
        self.steps_without_news = self.steps_without_news + 1 if step.kind == "nothing" else 0
        self._ranked = None
        if step.kind != "nothing":
            self._tell_candidate(self._candidate(step), ended)

    def _candidate(self, step: Step) -> Candidate:
        """Return the candidate that a step is about, a new one if it brings it."""
        if step.cell not in self.candidates:
            self.candidates[step.cell] = Candidate(
                id=step.cell,
                step=step.number,
                parent=step.parent,
                applied=step.applied,
                is_start=step.kind == "start",
            )
        return self.candidates[step.cell]

    def _tell_candidate(self, candidate: Candidate, ended: Ended) -> None:
        step, verdict = ended.step, ended.verdict
        candidate.filter_tries += step.filter is not None
        candidate.passed = candidate.passed or verdict.fate in SETTLED
        candidate.fate = verdict.fate if step.kind != "reexamine" else candidate.fate
        candidate.reached = max(candidate.reached, verdict.reached)
        for stage in step.stages[: verdict.reached]:
            candidate.used.setdefault(stage.task, set()).update(stage.settings)
        for task, tries in ended.tries.items():
            candidate.tries.setdefault(task, {}).update(tries)
        candidate.judgement = judge(self.plan, candidate.tries, self.baseline)

    @property
    def ranked(self) -> list[Candidate]:
        """All candidates with a fitness, the best first; of equals the one with the older step."""
        if self._ranked is None:
            scored = [c for c in self.candidates.values() if c.judgement is not None]
            self._ranked = sorted(scored, key=lambda c: (-c.fitness, c.step))
        return self._ranked

    @property
    def pool(self) -> list[Candidate]:
        """The best candidates, as many as the preset's pool holds."""
        return self.ranked[: self.plan.preset.search.pool]

    @property
    def finished_first_stage(self) -> int:
        """How many candidates other than start cells finished the first stage."""
        found = [candidate for candidate in self.candidates.values() if not candidate.is_start]
        return sum(candidate.reached > (candidate.fate == "not evaluated") for candidate in found)
