"""Small run plans with made-up tasks, and a simulated world in which trials end without being trained."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
from msgspec.structs import replace

from archsearch.cell import SearchSpace, library, load_space
from archsearch.protocol.plan import PlannedTask, RunPlan, TaskFacts
from archsearch.protocol.preset import (
    FilterRules,
    MutationRules,
    Preset,
    SearchRules,
    TaskRules,
    TrainingRules,
)
from archsearch.protocol.records import Outcome, Trial, Validation
from archsearch.protocol.seeds import seed_of
from archsearch.protocol.settings import Grid, Setting

GRU = library.load("gru").id
GRID = Grid(optimiser=("adamw",), rate=(0.003, 0.01, 0.03), scale=(0.7, 1.0), clip=(1.0, 5.0))
TASK = TaskRules(
    difficulty="small", budget=10_000, steps=20, epoch_steps=10, validation=2, k=2, G=6, gate=0.6, rungs=(10,)
)
FACTS = {
    "arithmetic": TaskFacts("arithmetic:small", 40, "accuracy", 0.4, 1.0, 0.46, "arithmetic"),
    "xml": TaskFacts("xml:small", 9, "accuracy", 0.577, 0.781, 0.47, "xml"),
    "english": TaskFacts("english:small", 200, "nll", 4.0, 0.0, 1.5, "english"),
}
MEMORY = TaskFacts("memorization:small", 9, "accuracy", 0.125, 1.0, 0.5, "memorization")


def task_plan(**changes: Any) -> TaskRules:
    """Return a small task's plan with changes."""
    return replace(TASK, **changes)


def preset(
    tasks: Mapping[str, TaskRules] | None = None,
    rule: str = "paired",
    grid: Grid = GRID,
    tries: int = 3,
    **search: Any,
) -> Preset:
    """Return a small preset; `search` changes its search plan."""
    planned = dict(tasks) if tasks else {"arithmetic": TASK, "xml": TASK}
    plan = SearchRules(
        tasks=tuple(planned), look_ahead=4, pool=6, start=("gru", "lstm"), references=("gru", "lstm", "mut1")
    )
    memory = FilterRules(
        task=MEMORY.name, budget=5_000, steps=20, epoch_steps=10, validation=2, tries=tries, grid=GRID
    )
    return Preset(
        rule=rule,  # type: ignore[arg-type]
        search=replace(plan, **search),
        mutation=MutationRules("count"),
        filter=memory,
        grid=grid,
        training=TrainingRules(),
        tasks=planned,
        own=TASK,
    )


def run_plan(
    given: Preset | None = None,
    strategy: str = "jozefowicz",
    seed: int = 0,
    space: SearchSpace | None = None,
    **of: Any,
) -> RunPlan:
    """Return a run's plan for a preset, or for `preset(**of)`."""
    given = given or preset(**of)
    courses = tuple(PlannedTask(task, FACTS[task], given.tasks[task]) for task in given.search.tasks)
    space = space or load_space("jozefowicz2015")
    return RunPlan("small", given, strategy, space, seed, courses, MEMORY, "simulated 1", "no machine")


def chance(*words: str | int) -> float:
    """Return a number in [0, 1) that depends on the words alone."""
    return seed_of(*words) / 2**63


def named(setting: Setting) -> str:
    """Return a setting as a word."""
    return msgspec.json.encode(setting).decode()


def done(score: float, units: int = 20) -> Outcome:
    """Return the outcome of a trial that reached a score."""
    return Outcome(
        "done", score, score, 1.0, score, 1.0, 20, 20, units, 10_000, (Validation(20, score, 1.0),)
    )


@dataclass
class World:
    """Says how a trial ends, from its record alone; some cells are good, some settings are, and the rest is luck.

    Attributes:
        fails: Share of filter trials that fail.
        diverges: Share of trials that diverge.
        spread: How much cells differ, as skill.
        luck: How much equal cells differ, as skill.
    """

    fails: float = 0.5
    diverges: float = 0.03
    spread: float = 0.6
    luck: float = 0.05
    facts: dict[str, TaskFacts] = field(
        default_factory=lambda: {facts.name: facts for facts in FACTS.values()}
    )

    def __call__(self, trial: Trial) -> Outcome:
        """Return how a trial ends."""
        words = (trial.cell, trial.task, named(trial.setting), trial.seed, trial.init_draw)
        if trial.stop_at is not None:
            return done(0.5 if chance("filter", *words) < self.fails else 0.97)
        if trial.cell != GRU and chance("diverges", *words) < self.diverges:
            return Outcome("diverged", reason="loss nan at step 3")
        skill = (
            0.3
            + 0.1 * chance("setting", trial.task, named(trial.setting))
            + self.spread * (chance("cell", trial.cell, trial.task) - 0.5) * (trial.cell != GRU)
            + self.luck * chance("luck", *words)
        )
        facts = self.facts[trial.task]
        score = facts.floor + skill * (facts.ceiling - facts.floor)
        steps = range(trial.epoch_steps, trial.steps + 1, trial.epoch_steps)
        return replace(
            done(score), steps=trial.steps, curve=tuple(Validation(step, score, score) for step in steps)
        )


def outcomes_of(world: Callable[[Trial], Outcome], ended: set[str]) -> Callable[[Trial], Outcome | None]:
    """Return a look-up that knows how the trials in `ended`, by key, end."""
    return lambda trial: world(trial) if trial.key in ended else None
