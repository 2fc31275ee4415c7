"""What a run's records say of its search: the steps as they ended, the references, and the history."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from archsearch.cell import library
from archsearch.errors import StoreError
from archsearch.protocol.belief import Belief
from archsearch.protocol.evaluation import Ended, Waiting, evaluate, told_again
from archsearch.protocol.fitness import Judgement, Tries, judge
from archsearch.protocol.history import Candidate, History, place
from archsearch.protocol.plan import RunPlan
from archsearch.protocol.priors import belief_of
from archsearch.protocol.records import BASELINE, Outcome, Step, Trial, Try, Verdict
from archsearch.protocol.references import noise_trials, reference_cells, reference_step, start_cells
from archsearch.protocol.settings import Setting
from archsearch.store.run_store import RunStore
from archsearch.words import short_id

Baseline = dict[str, dict[Setting, Try]]
"""The GRU's trials: task -> setting -> what came of it."""


class LostTrial(StoreError):
    """The result of a told step's trial is missing, or does not hold; the trial can be trained again.

    Args:
        trial: The trial.
        message: What people are told.

    Attributes:
        trial: The same.
    """

    def __init__(self, trial: Trial, message: str) -> None:
        super().__init__(message)
        self.trial = trial


class RecordedOutcomes:
    """Looks up how a run's trials ended; those of the GRU are read once, since every race is held against them.

    Args:
        store: The run's database.

    Attributes:
        gru: The GRU's id.
        known: How the GRU's trials ended that were looked up; None for those that have not.
    """

    def __init__(self, store: RunStore) -> None:
        self.store = store
        self.gru = library.load(BASELINE).id
        self.known: dict[Trial, Outcome | None] = {}

    def __call__(self, trial: Trial) -> Outcome | None:
        """Return how a trial ended, None if it has not."""
        if trial.cell != self.gru:
            return self.store.trials.outcome(trial.key)
        if trial not in self.known:
            self.known[trial] = self.store.trials.outcome(trial.key)
        return self.known[trial]

    def ended(self, trial: Trial) -> Outcome:
        """Return how a trial ended that must have ended.

        Raises:
            LostTrial: It has not.
        """
        outcome = self(trial)
        if outcome is None:
            missing = f"a trial of cell {short_id(trial.cell)} on {trial.task} is missing"
            raise LostTrial(trial, str(self.store.database.damaged(missing)))
        return outcome


def read_steps(
    store: RunStore, plan: RunPlan, outcomes: RecordedOutcomes | None = None, since: int = 0
) -> Iterator[Ended | Step]:
    """Yield all steps in order: the told ones as they ended, then those that are still open.

    Args:
        store: The run's database.
        plan: Its plan.
        outcomes: How its trials ended, as far as they were looked up before.
        since: The number of the first one.

    Raises:
        StoreError: The records cannot be read, or contradict each other.
    """
    lookup = outcomes or RecordedOutcomes(store)
    for step, verdict in store.steps.read(since):
        yield _read(store, plan, lookup, step, verdict)


def _read(
    store: RunStore, plan: RunPlan, lookup: RecordedOutcomes, step: Step, verdict: Verdict | None
) -> Ended | Step:
    for fault in _step_faults(plan, step, verdict):
        raise store.database.damaged(f"step {step.number} {fault}")
    return step if verdict is None else told_again(plan, step, verdict, lookup.ended)


class RecordedPast:
    """Looks up candidates in a run's records: what the steps that tried a cell say of it.

    Args:
        store: The run's database.
        plan: Its plan.
        baseline: The GRU's trials.
        outcomes: How the run's trials ended.
        belief: What is known of cells before they are trained.
    """

    def __init__(
        self,
        store: RunStore,
        plan: RunPlan,
        baseline: Baseline,
        outcomes: RecordedOutcomes,
        belief: Belief | None,
    ) -> None:
        self.store, self.plan, self.baseline = store, plan, baseline
        self.outcomes, self.belief = outcomes, belief

    def __call__(self, cell: str, told: int) -> Candidate | None:
        """Return a cell as the first so many steps left it; None if none of them tried it.

        Args:
            cell: The cell's id.
            told: How many steps.
        """
        candidate: Candidate | None = None
        for step, verdict in self.store.steps.of(cell, told):
            if step.kind == "placebo":
                continue
            ended = _read(self.store, self.plan, self.outcomes, step, verdict)
            if not isinstance(ended, Ended):
                raise self.store.database.damaged(f"step {step.number} is not told")
            candidate = candidate or Candidate.brought(step)
            candidate.tell(ended)
        if candidate is not None:
            candidate.judge(self.plan, self.baseline, self.belief)
        return candidate


def _step_faults(plan: RunPlan, step: Step, verdict: Verdict | None) -> Iterator[str]:
    """Yield in what a step cannot be one of the run's, and its verdict not one of the step's."""
    for stage in step.stages:
        if stage.task not in plan.task:
            yield f"is on task {stage.task!r}, which is none of the run's"
    if (step.kind == "nothing") != (step.cell == ""):
        yield f"is {step.kind!r} with cell {step.cell!r}"
    if verdict is None:
        return
    if (verdict.fate == "nothing new") != (step.kind == "nothing"):
        yield f"is {step.kind!r} and ended as {verdict.fate!r}"
    if not 0 <= verdict.reached <= len(step.stages):
        yield f"reached stage {verdict.reached} of {len(step.stages)}"


def reference_tries(plan: RunPlan, outcomes: RecordedOutcomes) -> dict[str, dict[str, dict[Setting, Try]]]:
    """Return the trials of the references, by id, that were evaluated on every task.

    Raises:
        LostTrial: One is missing, though all had ended before the first step was told.
    """
    steps = [reference_step(plan, cell.id) for cell in reference_cells(plan).values()]
    results = [evaluate(plan, step, outcomes, {}, {}) for step in steps]
    missing = [trial for result in results if isinstance(result, Waiting) for trial in result.trials]
    if missing and outcomes.store.steps.has_told:
        outcomes.ended(missing[0])
    ended = [result for result in results if isinstance(result, Ended)]
    return {each.step.cell: each.tries for each in ended if each.verdict.fate == "evaluated"}


def read_history(
    store: RunStore, plan: RunPlan, outcomes: RecordedOutcomes | None = None
) -> tuple[History, dict[str, Judgement]]:
    """Return the history of all told steps, and the judgement of each finished reference by id.

    Args:
        store: The run's database.
        plan: Its plan.
        outcomes: How its trials ended, as far as they were looked up before.

    Raises:
        StoreError: The records cannot be read, or contradict each other.
    """
    lookup = outcomes or RecordedOutcomes(store)
    references = reference_tries(plan, lookup)
    baseline = references.get(library.load(BASELINE).id)
    if baseline is None:
        return History(plan, {task.name: {} for task in plan.tasks}), {}
    belief = read_belief(plan, lookup, references, baseline)
    history = _kept(store, plan, baseline, lookup, belief) or _told(store, plan, baseline, lookup, belief)
    judged = {cell: judge(plan, tries, baseline, belief) for cell, tries in references.items()}
    return history, {cell: judgement for cell, judgement in judged.items() if judgement is not None}


def untold_history(plan: RunPlan, outcomes: RecordedOutcomes) -> History:
    """Return the history of a run before its first step, with all candidates in memory, to be told step by step.

    Raises:
        LostTrial: One of a reference is missing, though all had ended before the first step was told.
    """
    references = reference_tries(plan, outcomes)
    baseline = references.get(library.load(BASELINE).id, {})
    return History(plan, baseline, belief=read_belief(plan, outcomes, references, baseline))


def read_belief(
    plan: RunPlan,
    outcomes: RecordedOutcomes,
    references: Mapping[str, Tries],
    baseline: Tries,
) -> Belief | None:
    """Return what the search believes before its first step; None before the noise trials have ended, or if it never does.

    Args:
        plan: The run's plan.
        outcomes: Looks up the noise trials.
        references: The trials of every reference that was evaluated, by id.
        baseline: The GRU's.

    Raises:
        LostTrial: One is missing, though all had ended before the first step was told.
    """
    if not plan.in_blocks:
        return None
    trials = noise_trials(plan, outcomes)
    longest = [each for draws in trials.values() for draw in draws for each in draw.values()]
    missing = [each.trial for each in longest if each.outcome is None]
    if missing and outcomes.store.steps.has_told:
        outcomes.ended(missing[0])
    return None if missing else belief_of(plan, trials, references.values(), baseline)


def _told(
    store: RunStore, plan: RunPlan, baseline: Baseline, lookup: RecordedOutcomes, belief: Belief | None
) -> History:
    """Return the history that the told steps make, each told again."""
    history = History(plan, baseline, belief=belief)
    for step in read_steps(store, plan, lookup):
        if isinstance(step, Ended):
            history.tell(step)
    return history


def _kept(
    store: RunStore, plan: RunPlan, baseline: Baseline, lookup: RecordedOutcomes, belief: Belief | None
) -> History | None:
    """Return the history as it was kept; None if it was not, or its best are not what their trials say."""
    counts, places = store.standings.counts, store.standings.places()
    if counts is None or counts.check != sum(each.check for each in places):
        return None
    starts = [cell.id for cell in start_cells(plan)][: counts.told]
    history = History.resumed(
        plan,
        baseline,
        past=RecordedPast(store, plan, baseline, lookup, belief),
        counts=counts,
        places=places,
        starts=starts,
        belief=belief,
    )
    best = history.places[: plan.preset.search.pool]
    found = [history.candidate(each.id) for each in best]
    scored = [candidate for candidate in found if candidate is not None and candidate.judgement is not None]
    return history if list(map(place, scored)) == best else None


def read_for_search(store: RunStore, plan: RunPlan, seen: int) -> tuple[History, History, list[Ended | Step]]:
    """Return what a search goes on from: the history of all told steps, that of the first ones, and the steps after these.

    Args:
        store: The run's database, opened for writing: what was not kept is kept from now on.
        plan: Its plan.
        seen: How many steps the next one sees.
    """
    history, _ = read_history(store, plan)
    if history.past is None:
        store.standings.keep_all(history)
        history, _ = read_history(store, plan)
    first = min(seen, history.told)
    if history.past is None or first <= len(start_cells(plan)):
        first = 0
    steps = list(read_steps(store, plan, since=first))
    last = [step for step in steps if isinstance(step, Ended)]
    if not first:
        return history, History(plan, history.baseline, history.past, history.belief), steps
    return history, history.before(last, store.steps.without_news(first)), steps
