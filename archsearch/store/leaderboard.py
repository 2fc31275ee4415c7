"""The leaderboard: the pool and the references as people read them, with the noise beside them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import msgspec

from archsearch.cell import library
from archsearch.errors import InputError, StoreError
from archsearch.protocol import noise
from archsearch.protocol.evaluation import evaluate, step_tries
from archsearch.protocol.fitness import Judgement, TaskResult, judge
from archsearch.protocol.history import Candidate, History
from archsearch.protocol.plan import RunPlan
from archsearch.protocol.records import BASELINE, Applied, Outcome, Trial, Verdict
from archsearch.protocol.references import noise_trials, reference_cells, reference_step
from archsearch.store.run_store import RunStore
from archsearch.store.schema import RECOVERY
from archsearch.words import short_id


class Row(msgspec.Struct, frozen=True):
    """One cell of the leaderboard; a reference that is no candidate has no rank."""

    rank: int | None
    id: str
    name: str
    judgement: Judgement
    reference: bool
    polynomial: tuple[int, int]
    trials: int
    parent: str
    applied: tuple[Applied, ...]

    @property
    def fitness(self) -> float:
        """The worst task's ratio."""
        return self.judgement.fitness


class Noise(msgspec.Struct, frozen=True):
    """What clones of the GRU would score: the 5 to 95 % band of one, and the best of as many as there were candidates."""

    low: float
    high: float
    luck: float
    clones: int
    finding: bool


class Leaderboard(msgspec.Struct, frozen=True):
    """A run's told steps, ranked."""

    run: str
    plan: RunPlan
    told: int
    candidates: int
    fates: dict[str, int]
    known: int
    baseline: dict[str, float]
    champion: str
    noise: Noise | None
    rows: tuple[Row, ...]


@contextmanager
def _coherent(store: RunStore) -> Iterator[None]:
    """Turn records that contradict each other into an error that a person can act on."""
    try:
        yield
    except (InputError, AssertionError, ArithmeticError, LookupError, TypeError, ValueError) as error:
        problem = f"its records contradict each other ({type(error).__name__}: {error})"
        raise StoreError(f"{store.path}: {problem}; {RECOVERY}") from error


def read_history(store: RunStore, plan: RunPlan) -> tuple[History, dict[str, Judgement]]:
    """Return the book of all told steps, and the judgement of each finished reference by id.

    Raises:
        StoreError: The records cannot be read, or contradict each other.
    """
    with _coherent(store):
        return _read_book(store, plan)


def _read_book(store: RunStore, plan: RunPlan) -> tuple[History, dict[str, Judgement]]:
    def outcome(trial: Trial) -> Outcome | None:
        return store.outcome(trial.key)

    def recorded(trial: Trial) -> Outcome:
        if (found := outcome(trial)) is None:
            raise StoreError(
                f"{store.path}: a trial of cell {short_id(trial.cell)} on {trial.task} is missing; {RECOVERY}"
            )
        return found

    ended = {}
    for cell in reference_cells(plan).values():
        step = reference_step(plan, cell.id)
        if isinstance(evaluate(plan, step, outcome, {}, {}), Verdict):
            ended[cell.id] = step_tries(plan, step, len(step.stages), outcome)
    baseline = ended.get(library.load(BASELINE).id)
    if baseline is None:
        return History(plan, {course.task: {} for course in plan.courses}), {}
    book = History(plan, baseline)
    for step, verdict in store.steps():
        if verdict is None:
            break
        book.tell(step, verdict, step_tries(plan, step, verdict.reached, recorded))
    judged = {cell: judge(plan, tries, baseline) for cell, tries in ended.items()}
    return book, {cell: judgement for cell, judgement in judged.items() if judgement is not None}


def read_leaderboard(store: RunStore, run: str) -> Leaderboard:
    """Return the leaderboard of a run from its database alone.

    Raises:
        StoreError: The records cannot be read, or contradict each other.
    """
    with _coherent(store):
        return _read_leaderboard(store, run)


def _read_leaderboard(store: RunStore, run: str) -> Leaderboard:
    plan = store.plan
    book, references = read_history(store, plan)
    names = {cell.id: name for name, cell in reference_cells(plan).items()}
    rows = [_row(store, rank, candidate, names) for rank, candidate in enumerate(book.pool, 1)]
    outside = sorted(
        (cell for cell in references if cell not in book.candidates),
        key=lambda cell: -references[cell].fitness,
    )
    rows += [_reference_row(cell, names[cell], references[cell]) for cell in outside]
    gru = references.get(library.load(BASELINE).id)
    champion = max(references, key=lambda cell: references[cell].fitness, default="")
    return Leaderboard(
        run=run,
        plan=plan,
        told=book.told,
        candidates=len(book.candidates),
        fates=dict(sorted(book.fates.items())),
        known=book.known,
        baseline={task: result.score for task, result in gru.tasks.items()} if gru else {},
        champion=names.get(champion, ""),
        noise=_noise(store, plan, book),
        rows=tuple(rows),
    )


def _row(store: RunStore, rank: int, candidate: Candidate, names: dict[str, str]) -> Row:
    assert candidate.judgement is not None
    cell = store.cell(candidate.id)
    reference, name = candidate.id in names, names.get(candidate.id, "")
    return Row(
        rank,
        candidate.id,
        name,
        candidate.judgement,
        reference,
        cell.polynomial,
        candidate.trials,
        candidate.parent,
        candidate.applied,
    )


def _reference_row(cell: str, name: str, judgement: Judgement) -> Row:
    trials = sum(result.settings for result in judgement.tasks.values())
    return Row(None, cell, name, judgement, True, library.load(name).polynomial, trials, "", ())


def _noise(store: RunStore, plan: RunPlan, book: History) -> Noise | None:
    """Return the noise statement, None while its trials are not finished."""

    @cache
    def outcome(trial: Trial) -> Outcome | None:
        return store.outcome(trial.key)

    draws = noise_trials(plan, outcome)
    if any(outcome(trial) is None for of in draws.values() for draw in of for trial in draw):
        return None
    ratios = noise.clone_ratios(plan, outcome)
    clones = book.first_stage
    low, high = noise.band(plan, ratios)
    luck = noise.luck(plan, ratios, clones)
    found = [candidate.fitness for candidate in book.ranked if not candidate.started]
    return Noise(low, high, luck, clones, bool(found) and max(found) > luck)


def as_document(board: Leaderboard, top: int | None = None) -> dict[str, Any]:
    """Return the leaderboard as plain values, without any time in it; floats in full."""
    rows = [row for row in board.rows if row.rank is None or top is None or row.rank <= top]
    return {
        "run": board.run,
        "preset": board.plan.preset_name,
        "seed": board.plan.seed,
        "steps": board.told,
        "candidates": board.candidates,
        "scored": sum(row.rank is not None for row in board.rows),
        "baseline": board.baseline,
        "champion": board.champion,
        "noise": None if board.noise is None else msgspec.to_builtins(board.noise),
        "rows": [_row_document(row) for row in rows],
    }


def _row_document(row: Row) -> dict[str, Any]:
    return {
        "rank": row.rank,
        "id": row.id,
        "fitness": row.fitness,
        "reference": row.reference,
        "tasks": {task: _task_document(result) for task, result in row.judgement.tasks.items()},
        "parameters": {"n2": row.polynomial[0], "n": row.polynomial[1]},
        "trials": row.trials,
        "parent": row.parent or None,
        "mutations": [one.operator for one in row.applied],
    }


def _task_document(result: TaskResult) -> dict[str, Any]:
    return {
        "score": result.score,
        "skill": result.skill,
        "ratio": result.ratio,
        "setting": result.setting.as_dict(),
        "units": result.units,
        "settings": result.settings,
    }
