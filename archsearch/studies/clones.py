"""Real clones of the GRU: what chance is in them is trained, not assumed, and the referee's study goes on from it.

A clone is the GRU from other initial weights. As a search would see it, it has a run: the best of some settings on the data
of seed 0. As the referee would see it, it has a pair: fresh data and settings, held against the GRU.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec
import numpy as np
from msgspec.structs import replace

from archsearch.errors import WorkerError
from archsearch.protocol.claims import Claim, PairResult, pair_result
from archsearch.protocol.plan import PlannedTask
from archsearch.protocol.records import BASELINE, Outcome, Trial
from archsearch.studies.instrument import StudyPlan, train_trials
from archsearch.studies.referee import World
from archsearch.workers.pool import WorkerPool


class TaskClones(msgspec.Struct, frozen=True):
    """What clones of the GRU have on one task.

    Attributes:
        task: Its name, with the difficulty.
        runs: Skill of each clone as a search would see it; those that diverged have 0.
        pairs: The clone's and the GRU's skills in a fresh pair of each clone.
    """

    task: str
    runs: tuple[float, ...]
    pairs: tuple[PairResult, ...]

    @property
    def won(self) -> int:
        """Pairs that the clone won."""
        return sum(pair.difference > 0 for pair in self.pairs)

    @property
    def world(self) -> World:
        """Chance as it is here: runs and pairs drawn from these, in standard deviations.

        Clone and GRU of a pair are alike but for their draws, so a pair is as likely with either sign.
        """
        skills, pairs = np.array(self.runs), np.array([pair.difference for pair in self.pairs])
        runs, pairs = (skills - skills.mean()) / skills.std(), pairs / np.sqrt((pairs**2).mean())
        return World(
            runs=lambda rng, shape: rng.choice(runs, shape),
            pairs=lambda rng, shape: rng.choice(pairs, shape) * rng.choice([-1.0, 1.0], shape),
            mean=float(skills.mean()),
            deviation=float(skills.std()),
        )


def train_clones(
    plan: StudyPlan, pool: WorkerPool, progressed: Callable[[int, int], None]
) -> list[TaskClones]:
    """Return what clones have on each task; what an earlier call trained comes from the cache.

    Args:
        plan: Of the GRU alone, with as many draws as there are clones.
        pool: Who trains.
        progressed: Told how many trials of how many have ended.
    """
    sides = [
        side
        for task in plan.run.tasks
        for group in (_runs(plan, task), *_pairs(plan, task))
        for side in group
    ]
    ended = train_trials(plan, pool, [trial for side in sides for trial in side], progressed)
    check_host(ended)
    return [_task_clones(plan, task, ended) for task in plan.run.tasks]


def check_host(ended: Mapping[Trial, Outcome]) -> None:
    """Refuse outcomes that say nothing of a cell.

    Raises:
        WorkerError: The host ended a trial.
    """
    failed = [(trial, outcome) for trial, outcome in ended.items() if outcome.by_host]
    if failed:
        trial, outcome = failed[0]
        words = f"{len(failed)} of {len(ended)} trials ended by crash, memory or timeout, the first on {trial.task}"
        raise WorkerError(f"{words}; the same command trains these again\n{outcome.reason}".rstrip())


def _runs(plan: StudyPlan, task: PlannedTask) -> list[list[Trial]]:
    return plan.trials(plan.cells[BASELINE].id, task.name)


def _pairs(plan: StudyPlan, task: PlannedTask) -> list[tuple[list[Trial], list[Trial]]]:
    """Return a pair of each clone: the clone's trials, and the GRU's."""
    gru = plan.cells[BASELINE].id
    claim = Claim.of(plan.run, gru, gru, plan.settings, ledger="study")
    pairs = []
    for clone in range(1, plan.draws + 1):
        ours, theirs = claim.trials(plan.run, task, clone)
        pairs.append(([replace(trial, init_draw=clone) for trial in ours], theirs))
    return pairs


def _task_clones(plan: StudyPlan, task: PlannedTask, ended: dict[Trial, Outcome]) -> TaskClones:
    runs = tuple(_best(plan, task, [ended[trial] for trial in draw]) for draw in _runs(plan, task))
    pairs = tuple(pair_result(plan.run, task.name, sides, ended) for sides in _pairs(plan, task))
    return TaskClones(task.described, runs, pairs)


def _best(plan: StudyPlan, task: PlannedTask, outcomes: Sequence[Outcome]) -> float:
    skills = (plan.run.skill(task.name, outcome.score) for outcome in outcomes)
    return max((skill for skill in skills if skill is not None), default=0.0)
