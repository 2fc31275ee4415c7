"""Selection bias: what a search says of the cells that it chose, beside what unread data say of the same cells.

A search keeps what looks best, so what it says flatters. Its own trials have test scores that it never read, which are free
of the choice of settings; the referee's pairs are free of the choice of the cell as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import msgspec
import numpy as np

from archsearch.cell import library
from archsearch.protocol.claims import tested_skill
from archsearch.protocol.fitness import Tries
from archsearch.protocol.history import Candidate
from archsearch.protocol.plan import RunPlan
from archsearch.protocol.records import BASELINE, Outcome, Try
from archsearch.protocol.seeds import generator
from archsearch.protocol.settings import Setting
from archsearch.store import RunStore
from archsearch.store.claims import read_hearings
from archsearch.store.history import RecordedOutcomes
from archsearch.studies.courses import core_seconds, told_one_by_one
from archsearch.studies.resampling import Figure, plain_mean, with_interval

SCORES = {
    "fitness": "search: fitness",
    "estimate": "search: estimate",
    "test": "same trials, test data",
    "fresh": "referee's pairs",
}
"""The scores of a cell, by field -> what a legend calls them."""


class JudgedCell(msgspec.Struct, frozen=True):
    """A found cell that the referee was asked about; every score is the worst task's ratio to the GRU.

    Attributes:
        run: The run's name.
        cell: The cell's id.
        seconds: Seconds of a core that the search had taken when it first had a fitness for the cell.
        fitness: What the search measured, in the end.
        estimate: What it believed.
        test: Of the same trials, on test data; None where the GRU learned nothing there.
        fresh: Of the mean test skills in the referee's pairs; None without a pair on every task.
        pairs: How many there are.
        verdict: The ruling.
    """

    run: str
    cell: str
    seconds: float
    fitness: float
    estimate: float
    test: float | None
    fresh: float | None
    pairs: int
    verdict: str


class Overrated(msgspec.Struct, frozen=True):
    """By how much the scores of a search are above those of fresh pairs.

    Attributes:
        cells: All cells that the referee was asked about, by run and time.
        above: Score -> its mean less the fresh score, over the cells that have both; None without such a cell.
    """

    cells: tuple[JudgedCell, ...]
    above: dict[str, Figure | None]


def judged_cells(store: RunStore, run: str) -> Iterator[JudgedCell]:
    """Yield the found cells of a run that have a claim against the GRU, the earliest first.

    Args:
        store: The run's database.
        run: The run's name.

    Raises:
        StoreError: The records cannot be read, or contradict each other.
    """
    plan, outcomes, hearings = (
        store.facts.plan,
        RecordedOutcomes(store),
        read_hearings(store, store.facts.plan),
    )
    seconds, first = 0.0, dict[str, float]()
    found, baseline = dict[str, Candidate](), dict[str, dict[Setting, Try]]()
    for history, ended in told_one_by_one(store, plan, outcomes):
        seconds += core_seconds(plan, ended, outcomes)
        found, baseline = history.candidates, history.baseline
        candidate = found.get(ended.step.candidate)
        if candidate is not None and candidate.judgement is not None:
            first.setdefault(candidate.id, seconds)
    for cell, at in first.items():
        candidate, hearing = found[cell], hearings.get(cell)
        if hearing is not None and candidate.is_found and candidate.judgement is not None:
            yield JudgedCell(
                run=run,
                cell=cell,
                seconds=at,
                fitness=candidate.fitness,
                estimate=candidate.estimate,
                test=tested_fitness(plan, candidate, baseline, outcomes),
                fresh=hearing.fitness,
                pairs=hearing.count,
                verdict=hearing.ruling.value,
            )


def tested_fitness(
    plan: RunPlan, candidate: Candidate, baseline: Tries, outcomes: RecordedOutcomes
) -> float | None:
    """Return a candidate's fitness by the test scores of its trials, each side under its setting with the best validation.

    Args:
        plan: The run's plan.
        candidate: Who has a fitness.
        baseline: The GRU's trials.
        outcomes: How the run's trials ended.

    Returns:
        None where the GRU learned nothing on some task.
    """
    ratios = []
    for task in plan.tasks:
        of_task = list(_blocks(plan, task.name, candidate, baseline, outcomes))
        if not of_task:
            return None
        ratios.append(sum(of_task) / len(of_task))
    return min(ratios)


def _blocks(
    plan: RunPlan, task: str, candidate: Candidate, baseline: Tries, outcomes: RecordedOutcomes
) -> Iterator[float]:
    """Yield the ratio of test skills on each block of settings; without blocks there is one."""
    ours, theirs = candidate.tries[task], baseline[task]
    if plan.rule == "paired":
        ours, theirs = ({s: tries[s] for s in tries if s in ours and s in theirs} for tries in (ours, theirs))
    tested = _by_block(plan, task, candidate.id, ours, outcomes)
    against = _by_block(plan, task, library.load(BASELINE).id, theirs, outcomes)
    for block, skill in tested.items():
        other = against.get(block)
        if other is not None and other > 0:
            yield (skill or 0.0) / other


def _by_block(
    plan: RunPlan, task: str, cell: str, tries: Mapping[Setting, Try], outcomes: RecordedOutcomes
) -> dict[int, float | None]:
    """Return the test skill of a cell on each block; None where it diverged everywhere."""
    blocks: dict[int, list[Outcome]] = {}
    for setting, tried in tries.items():
        ended = outcomes.ended(plan.trial(cell, task, setting, steps=tried.steps))
        blocks.setdefault(plan.block(task, setting), []).append(ended)
    return {block: tested_skill(plan, task, ended) for block, ended in blocks.items()}


def overrated(cells: Iterable[JudgedCell]) -> Overrated:
    """Return the cells with the means of what each score says too much."""
    known = tuple(cells)
    return Overrated(known, {score: _above(known, score) for score in SCORES if score != "fresh"})


def _above(cells: Iterable[JudgedCell], score: str) -> Figure | None:
    both = [(getattr(cell, score), cell.fresh) for cell in cells]
    excess = [said - fresh for said, fresh in both if said is not None and fresh is not None]
    return with_interval(plain_mean, generator("study", "bias", score), np.array(excess)) if excess else None
