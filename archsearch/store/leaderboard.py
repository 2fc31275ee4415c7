"""The leaderboard: the pool and the references as people read them, with the noise beside them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from archsearch.cell import library
from archsearch.cell.cell import Polynomial, coefficients
from archsearch.mutations import Applied
from archsearch.protocol import noise
from archsearch.protocol.claims import Control
from archsearch.protocol.fitness import Judgement, TaskResult
from archsearch.protocol.hearing import Hearing
from archsearch.protocol.history import Candidate, History
from archsearch.protocol.plan import RunPlan
from archsearch.protocol.records import BASELINE, Proposer, ReadOut
from archsearch.protocol.references import noise_trials, reference_cells
from archsearch.protocol.sampling import score_error
from archsearch.store.claims import RunLedger, read_hearings
from archsearch.store.history import RecordedOutcomes, read_history
from archsearch.store.part import Part
from archsearch.store.run_store import RunStore


class Row(msgspec.Struct, frozen=True):
    """One cell of the leaderboard.

    Attributes:
        rank: Its place, from 1; None for a reference that is no candidate.
        id: The cell's id.
        name: The reference's name; empty for a found cell.
        judgement: Its fitness, and what that is made of.
        reference: Whether it is a reference.
        polynomial: Its parameters: the factors of n² and of n.
        trials: How many trials it had.
        parent: Whose child it is; empty for a published cell.
        applied: The mutations that made it.
        verdict: What the referee says of it beside the GRU; None if it was not asked.
        proposer: Who has brought it, if that was not the search.
        read_outs: What its best trial does on long sequences, on each task that has some.
    """

    rank: int | None
    id: str
    name: str
    judgement: Judgement
    reference: bool
    polynomial: Polynomial
    trials: int
    parent: str
    applied: tuple[Applied, ...]
    verdict: Hearing | None = None
    proposer: Proposer = ""
    read_outs: dict[str, tuple[ReadOut, ...]] = {}

    @property
    def is_found(self) -> bool:
        """Whether it is ranked and a mutant, or was proposed from outside."""
        return self.rank is not None and bool(self.parent or self.proposer)

    @property
    def fitness(self) -> float:
        """The worst task's ratio."""
        return self.judgement.fitness

    @property
    def estimate(self) -> float:
        """What the fitness is believed to be; the rank is by it."""
        return self.judgement.estimate


class Noise(msgspec.Struct, frozen=True):
    """What clones of the GRU would score.

    Attributes:
        low: The 5 % point of a clone's fitness.
        high: Its 95 % point.
        luck: The best fitness among as many clones as there were candidates, in the median.
        line: The same at its 95 % point.
        clones: How many that are.
        worth_confirming: Whether the best found cell is above the line.
    """

    low: float
    high: float
    luck: float
    line: float
    clones: int
    worth_confirming: bool


class Placebo(msgspec.Struct, frozen=True):
    """What clones of the GRU scored that were tried in a candidate's place.

    Attributes:
        clones: How many.
        fitness: Their best; None while none has one.
    """

    clones: int
    fitness: float | None


class Leaderboard(msgspec.Struct, frozen=True):
    """A run's told steps, ranked.

    Attributes:
        run: The run's name.
        plan: Its plan.
        told: Steps told.
        candidates: Candidates told.
        fates: How many steps ended in each way.
        known: Draws that gave a known cell.
        alike: How many of them gave one that is known by its outputs alone.
        baseline: The GRU's score on each task.
        champion: The name of the best reference; empty while none is trained.
        noise: The noise statement; None while its trials have not ended, or where a preset has no clones.
        rows: The pool by rank, then the references that are no candidates.
        placebo: The clones that the search tried in a candidate's place; None where there was none.
        errors: The standard error of a score on each task, where the size of its validation is known.
        verdict: Of the best row that has one, else the last of the run; None if the referee was never asked.
        control: What the ledger of the run keeps at 5 %.
        merged: The runs that it was made of; nothing of a run that was searched in.
    """

    run: str
    plan: RunPlan
    told: int
    candidates: int
    fates: dict[str, int]
    known: int
    alike: int
    baseline: dict[str, float]
    champion: str
    noise: Noise | None
    rows: tuple[Row, ...]
    placebo: Placebo | None = None
    errors: dict[str, float] = {}
    verdict: Hearing | None = None
    control: Control = "family"
    merged: tuple[Part, ...] = ()


def read_leaderboard(store: RunStore, run: str) -> Leaderboard:
    """Return the leaderboard of a run from its database alone.

    Raises:
        StoreError: The records cannot be read, or contradict each other.
    """
    plan, outcomes = store.facts.plan, RecordedOutcomes(store)
    history, references = read_history(store, plan, outcomes)
    names = {cell.id: name for name, cell in reference_cells(plan).items()}
    gru = references.get(library.load(BASELINE).id)
    hearings = {cell: heard for cell, heard in read_hearings(store, plan).items() if heard.count}
    rows = (
        *_pool_rows(store, history, names, hearings),
        *_reference_rows(store, history, references, names, hearings),
    )
    if gru is not None and (long := _read_outs(plan, gru, outcomes.gru, tuple(gru.tasks), outcomes)):
        rows = tuple(
            msgspec.structs.replace(
                row, read_outs=_read_outs(plan, row.judgement, row.id, tuple(long), outcomes)
            )
            for row in rows
        )
    champion = max(references, key=lambda cell: references[cell].estimate, default="")
    placebos = history.counts.placebos
    return Leaderboard(
        run=run,
        plan=plan,
        told=history.told,
        candidates=history.counts.candidates,
        fates=dict(sorted(history.fates.items())),
        known=history.known,
        alike=history.alike,
        baseline={task: result.score for task, result in gru.tasks.items()} if gru else {},
        champion=names.get(champion, ""),
        noise=noise_of(plan, history, outcomes),
        rows=rows,
        placebo=Placebo(placebos, history.best_placebo) if placebos else None,
        errors=_errors(plan, store.facts.scored),
        verdict=_last_verdict(rows, hearings),
        control=RunLedger(store).control,
        merged=store.facts.merged,
    )


def _read_outs(
    plan: RunPlan, judgement: Judgement, cell: str, tasks: tuple[str, ...], outcomes: RecordedOutcomes
) -> dict[str, tuple[ReadOut, ...]]:
    """Return what the best trial of a cell does on long sequences, for those of the tasks that have a length."""
    found = dict[str, tuple[ReadOut, ...]]()
    for task in tasks:
        if (result := judgement.tasks.get(task)) is None:
            continue
        outcome = outcomes(plan.trial(cell, task, result.setting, steps=result.steps))
        if outcome is not None and outcome.read_outs:
            found[task] = outcome.read_outs
    return found


def _last_verdict(rows: Sequence[Row], hearings: dict[str, Hearing]) -> Hearing | None:
    """Return what the referee says of the best found cell that it was asked about."""
    ranked = (row.verdict for row in rows if row.rank is not None and row.verdict is not None)
    return next(ranked, max(hearings.values(), key=lambda hearing: hearing.number, default=None))


def _errors(plan: RunPlan, scored: dict[str, int]) -> dict[str, float]:
    known = {task.name: (task, scored.get(task.full_name, 0)) for task in plan.tasks}
    return {name: score_error(plan, task, count) for name, (task, count) in known.items() if count > 0}


def _pool_rows(
    store: RunStore, history: History, names: dict[str, str], hearings: dict[str, Hearing]
) -> list[Row]:
    return [_row(store, rank, candidate, names, hearings) for rank, candidate in enumerate(history.pool, 1)]


def _row(
    store: RunStore, rank: int, candidate: Candidate, names: dict[str, str], hearings: dict[str, Hearing]
) -> Row:
    assert candidate.judgement is not None
    return Row(
        rank=rank,
        id=candidate.id,
        name=names.get(candidate.id, ""),
        judgement=candidate.judgement,
        reference=candidate.id in names,
        polynomial=store.cells.read(candidate.id).polynomial,
        trials=candidate.trials,
        parent=candidate.parent,
        applied=candidate.applied,
        verdict=hearings.get(candidate.id),
        proposer=candidate.proposer,
    )


def _reference_rows(
    store: RunStore,
    history: History,
    references: dict[str, Judgement],
    names: dict[str, str],
    hearings: dict[str, Hearing],
) -> list[Row]:
    """Return the rows of the references that are no candidates, the best first."""
    outside = [cell for cell in references if history.candidate(cell) is None]
    outside.sort(key=lambda cell: -references[cell].estimate)
    return [_reference_row(store, cell, names[cell], references[cell], hearings) for cell in outside]


def _reference_row(
    store: RunStore, cell: str, name: str, judgement: Judgement, hearings: dict[str, Hearing]
) -> Row:
    return Row(
        rank=None,
        id=cell,
        name=name,
        judgement=judgement,
        reference=True,
        polynomial=store.cells.read(cell).polynomial,
        trials=sum(result.settings for result in judgement.tasks.values()),
        parent="",
        applied=(),
        verdict=hearings.get(cell),
    )


def noise_of(plan: RunPlan, history: History, outcomes: RecordedOutcomes) -> Noise | None:
    """Return the noise statement.

    Args:
        plan: The run's plan.
        history: What was told.
        outcomes: Looks up the noise trials.

    Returns:
        None while its trials have not ended, or where there are no clones.
    """
    if plan.preset.search.noise_draws < 1:
        return None  # without a clone nothing says what luck is
    trials = noise_trials(plan, outcomes)
    longest = [each for draws in trials.values() for draw in draws for each in draw.values()]
    if any(each.outcome is None for each in longest):
        return None
    clones = history.finished_first_stage
    said = noise.statement(plan, noise.clone_skills(plan, trials), clones)
    if said is None:
        return None
    worth = noise.is_worth_confirming(history, said.line)
    return Noise(*said, clones=clones, worth_confirming=worth)


def as_document(board: Leaderboard, top: int | None = None) -> dict[str, Any]:
    """Return the leaderboard as plain values, without any time in it; floats in full.

    Args:
        board: The leaderboard.
        top: How many ranks; None for all.
    """
    rows = [row for row in board.rows if row.rank is None or top is None or row.rank <= top]
    return {
        "run": board.run,
        "preset": board.plan.preset_name,
        "seed": board.plan.seed,
        "merged": msgspec.to_builtins(board.merged) or None,
        "steps": board.told,
        "candidates": board.candidates,
        "scored": sum(row.rank is not None for row in board.rows),
        "baseline": board.baseline,
        "champion": board.champion,
        "sampling_error": board.errors,
        "noise": None if board.noise is None else msgspec.to_builtins(board.noise),
        "verdict": _verdict_document(board.verdict),
        "placebo": None if board.placebo is None else msgspec.to_builtins(board.placebo),
        "rows": [_row_document(row) for row in rows],
    }


def _row_document(row: Row) -> dict[str, Any]:
    return {
        "rank": row.rank,
        "id": row.id,
        "fitness": row.fitness,
        "estimate": row.estimate,
        "reference": row.reference,
        "tasks": {
            task: _task_document(result) | read_outs_document(row.read_outs.get(task, ()))
            for task, result in row.judgement.tasks.items()
        },
        "parameters": coefficients(row.polynomial),
        "trials": row.trials,
        "diverged": row.judgement.diverged,
        "parent": row.parent or None,
        "mutations": [one.operator for one in row.applied],
        "proposer": row.proposer or None,
        "verdict": _verdict_document(row.verdict),
    }


def read_outs_document(read_outs: tuple[ReadOut, ...]) -> dict[str, Any]:
    """Return what stands in a document of read-outs: accuracy by length; nothing where there are none."""
    return {"accuracy_at": {str(each.length): each.accuracy for each in read_outs}} if read_outs else {}


def _verdict_document(hearing: Hearing | None) -> dict[str, Any] | None:
    return None if hearing is None else hearing.as_document()


def _task_document(result: TaskResult) -> dict[str, Any]:
    return {
        "score": result.score,
        "skill": result.skill,
        "ratio": result.ratio,
        "setting": result.setting.as_dict(),
        "units": result.units,
        "settings": result.settings,
    }
