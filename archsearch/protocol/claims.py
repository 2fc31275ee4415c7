"""Claims: what is said of two cells, and the fresh trials of each of its pairs (docs/measuring.md, "The referee").

Everything here follows from the claim and the number of the pair alone, so a pair may be trained anywhere and at any time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cached_property
from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from archsearch.protocol.equality import Equal, Equality
from archsearch.protocol.plan import PlannedTask, RunPlan
from archsearch.protocol.preset import Rule, TrainingRules
from archsearch.protocol.records import Outcome, Trial
from archsearch.protocol.seeds import FRESH, generator, seed_of
from archsearch.protocol.settings import Grid, Setting, stratified_settings
from archsearch.tasks import TaskName

Control = Literal["family", "discoveries"]
"""What a ledger keeps at 5 %: the chance of any false "better", or the share of false ones among all its "better"."""

PAIRS, SETTINGS, MARGIN = 40, 6, 0.02
"""What is taken where nothing is said: most pairs, settings of a pair, and the difference of skills that is none."""

LEAST = 1e-9
"""What a cell that diverges under every setting loses by at least, however little the other has learned."""


class Claim(msgspec.Struct, frozen=True, dict=True):
    """That one cell is better, or worse, than another on some tasks: everything that decides a pair.

    Attributes:
        a: Id of the cell that the claim is about.
        b: Id of the cell that it is compared with.
        tasks: Where, in the order of their names; of their rules only what decides a trial.
        settings: k: settings of a pair; each cell is as good as its best of them.
        rule: How a score becomes a skill.
        grid: What settings are drawn from, where a task does not say otherwise.
        training: What all trials share.
        engine: What executes the cells, with its version.
        machine: Instruction set or device, and torch's version.
        ledger: Where the claim is made: the user's, or a run's; its pairs are others in another ledger.
        equal: What both cells get where it is not the same number of parameters; absent, also from the key, where it is.
        discoveries: Claims that the ledger called better when this one was made, where the share of false ones among these
            is kept small; absent where the chance of any is.
        length: Steps of the sequences that the cells are compared on, of those that are read out; absent where it is the
            test set.
    """

    a: str
    b: str
    tasks: tuple[PlannedTask, ...]
    settings: int
    rule: Rule
    grid: Grid
    training: TrainingRules
    engine: str
    machine: str
    ledger: str = "user"
    equal: Equality | UnsetType = UNSET
    discoveries: int | UnsetType = UNSET
    length: int | UnsetType = UNSET

    @classmethod
    def of(
        cls,
        plan: RunPlan,
        a: str,
        b: str,
        settings: int,
        ledger: str = "user",
        equal: Equality | UnsetType = UNSET,
    ) -> Claim:
        """Return the claim about two cells on all tasks of a plan.

        Args:
            plan: What both are measured under.
            a: Id of the cell that it is about.
            b: Id of the other.
            settings: Settings of a pair.
            ledger: Where the claim is made.
            equal: What both cells get where it is not the same number of parameters.
        """
        return cls(
            a=a,
            b=b,
            tasks=tuple(sorted((_bare(task) for task in plan.tasks), key=lambda task: task.name)),
            settings=settings,
            rule=plan.rule,
            grid=plan.preset.grid,
            training=plan.preset.training,
            engine=plan.engine,
            machine=plan.machine,
            ledger=ledger,
            equal=equal,
        )

    @property
    def alike(self) -> Equal:
        """What is the same for both cells."""
        return "parameters" if self.equal is UNSET else self.equal.what

    @property
    def question(self) -> Claim:
        """The claim without what was found out when it was made: what each cell gets, and what was discovered before."""
        return replace(self, equal=UNSET, discoveries=UNSET)

    @property
    def is_placebo(self) -> bool:
        """Whether it compares a cell with itself, from other initial weights: what is said of that is chance."""
        return self.a == self.b

    @property
    def key(self) -> str:
        """SHA-256 of the claim, 64 hex digits."""
        return hashlib.sha256(msgspec.json.encode(self)).hexdigest()

    @cached_property
    def _words(self) -> str:
        """What all chance comes from; the same on every machine."""
        return replace(self, engine="", machine="", discoveries=UNSET).key

    def seed(self, pair: int) -> int:
        """Return the seed of a pair's trials: of its training and test data, and of the initial weights."""
        return FRESH + (seed_of("judge", self.ledger, self._words, pair) >> 1)

    def drawn(self, task: PlannedTask, pair: int) -> tuple[Setting, ...]:
        """Return the settings of a pair on a task, the same for both cells; fewer than k where the grid has no more."""
        rng = generator("judge", "settings", self._words, task.full_name, pair)
        return stratified_settings(rng, task.rules.grid_over(self.grid), task.rules.budgets, self.settings)

    def trials(self, plan: RunPlan, task: PlannedTask, pair: int) -> tuple[list[Trial], list[Trial]]:
        """Return the trials of a pair on a task: those of a, and those of b.

        Args:
            plan: What both are measured under.
            task: One of the claim's.
            pair: From 1.
        """
        settings, seed = self.drawn(task, pair), self.seed(pair)
        ours, theirs = (
            [plan.trial(cell, task.name, setting, seed=seed, init_draw=draw) for setting in settings]
            for cell, draw in ((self.a, int(self.is_placebo)), (self.b, 0))
        )
        return (ours, theirs) if self.equal is UNSET else self.equal.given(task.name, ours, theirs)


class PairResult(msgspec.Struct, frozen=True, array_like=True):
    """What came of a pair on one task.

    Attributes:
        a: Skill of the one cell on the pair's test data, of its best setting by validation; None if all diverged.
        b: The same of the other.
    """

    a: float | None
    b: float | None

    @property
    def difference(self) -> float:
        """d, above 0 where a won: a cell that has diverged has skill 0, and loses; if both have, nobody wins."""
        if self.a is None and self.b is None:
            return 0.0
        if self.a is None:
            return -max(self.b or 0.0, LEAST)
        if self.b is None:
            return max(self.a, LEAST)
        return self.a - self.b


Pairs = dict[str, tuple[PairResult, ...]]
"""The pairs of a claim by task, in their order."""


def pair_result(
    plan: RunPlan,
    task: str,
    trials: tuple[list[Trial], list[Trial]],
    outcomes: Mapping[Trial, Outcome],
    length: int | UnsetType = UNSET,
) -> PairResult:
    """Return what came of a pair on a task.

    Args:
        plan: What both cells are measured under.
        task: What people call the task.
        trials: Those of a, and those of b.
        outcomes: How they ended; none was ended by the host.
        length: As in the claim.
    """
    a, b = (tested_skill(plan, task, [outcomes[trial] for trial in side], length) for side in trials)
    return PairResult(a, b)


def tested_skill(
    plan: RunPlan, task: str, outcomes: list[Outcome], length: int | UnsetType = UNSET
) -> float | None:
    """Return the test skill of the outcome that validates best, the first of equals; None if none has a score.

    Args:
        plan: What they were measured under.
        task: What people call the task.
        outcomes: Of trials of one cell, under several settings.
        length: Steps of the sequences that are read out, where it is not the skill on the test set.
    """
    accuracy = plan.measure(task) == "accuracy"

    def tested_score(outcome: Outcome) -> float | None:
        if length is not UNSET:
            return next((read.accuracy for read in outcome.read_outs if read.length == length), None)
        return outcome.test_accuracy if accuracy else outcome.test_nll

    skills = [
        (skill, tested)
        for outcome in outcomes
        if (skill := plan.skill(task, outcome.score)) is not None
        and (tested := plan.skill(task, tested_score(outcome))) is not None
    ]
    return max(skills, key=lambda pair: pair[0])[1] if skills else None


def ledger_of(plan: RunPlan) -> str:
    """Return the words for a run's ledger: the same for equal runs, so that no other run meets its pairs."""
    run = replace(plan.without_limits(), engine="", machine="")
    return f"run {hashlib.sha256(msgspec.json.encode(run)).hexdigest()}"


def has_fresh_data(task: str) -> bool:
    """Return whether a task, given by its full name, makes new data for every seed, and is no file that ends."""
    return not TaskName.parse(task).is_file


def _bare(task: PlannedTask) -> PlannedTask:
    """Return a task without those of its rules that no trial of a pair depends on."""
    rules = replace(task.rules, k=0, G=0, gate=0.0, min_skill=0.0, rungs=())
    return PlannedTask(name=task.name, facts=task.facts, rules=rules)
