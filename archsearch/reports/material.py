"""What a report is made from: everything that it needs of a run, read once and of one moment; nothing is written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from archsearch.actions.status import RunStatus, status_of
from archsearch.cell import Cell
from archsearch.protocol.history import Candidate, History
from archsearch.protocol.noise import Statement, clone_skills, statement
from archsearch.protocol.plan import RunPlan
from archsearch.protocol.records import Outcome, Step, Trial, Verdict
from archsearch.protocol.references import noise_trials
from archsearch.store import Leaderboard, Lock, Row, RunStore, Session, read_history, read_leaderboard
from archsearch.store.history import RecordedOutcomes

SAMPLE = 3_000
"""Trials of a run that are looked at; all of them where there are no more."""


Told = tuple[tuple[Step, Verdict], ...]
"""Told steps, each with how it ended, in order."""


@dataclass(frozen=True)
class RunMaterial:
    """A run as a report needs it.

    Attributes:
        folder: The run's.
        top: Ranks that are shown.
        status: What it is doing.
        session: What was said of its end last; None in runs that did not note it.
        board: Its leaderboard.
        history: What its told steps amount to.
        steps: The told steps, each with how it ended.
        trials: Trials that ended by themselves, drawn at random where there are more than `SAMPLE`.
        candidates: Those among the first ranks and the ones that were the best once, by id.
        outcomes: Of the trials that a report asks for by name, by their keys.
        cells: Cells that are drawn or told of, by id.
        luck: For some numbers of candidates what as many clones would reach; empty where nothing says so.
    """

    folder: Path
    top: int
    status: RunStatus
    session: Session | None
    board: Leaderboard
    history: History
    steps: Told
    trials: tuple[tuple[Trial, Outcome], ...]
    candidates: dict[str, Candidate] = field(default_factory=dict)
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    cells: dict[str, Cell] = field(default_factory=dict)
    luck: dict[int, Statement] = field(default_factory=dict)

    @property
    def plan(self) -> RunPlan:
        """The run's plan."""
        return self.board.plan

    @property
    def ranked(self) -> list[Row]:
        """The rows of the first ranks."""
        return [row for row in self.board.rows if row.rank is not None and row.rank <= self.top]


def read_run_material(folder: Path, top: int, before: RunMaterial | None = None) -> RunMaterial:
    """Return what a report of a run needs; a search that goes on in it is not held up.

    Args:
        folder: The run's.
        top: Ranks that are shown.
        before: The same run, read earlier: told steps stay as they are and are not read again.

    Raises:
        StoreError: The records cannot be read, or contradict each other.
    """
    searcher = Lock(folder).holder or ""
    with RunStore.open(folder, again=before is not None) as store, store.database.moment():
        board, outcomes = read_leaderboard(store, folder.name), RecordedOutcomes(store)
        plan = board.plan
        history, _ = read_history(store, plan, outcomes)
        steps = _told_steps(store, before.steps if before else ())
        found = RunMaterial(
            folder=folder,
            top=top,
            status=status_of(store, folder, board, searcher),
            session=store.facts.session,
            board=board,
            history=history,
            steps=steps,
            trials=tuple(store.trials.some(SAMPLE)),
            luck=_luck(outcomes, board, before.luck if before and before.plan == plan else {}),
        )
        for place in leaders(history):
            if (candidate := history.candidate(place)) is not None:
                found.candidates[place] = candidate
        for trial in wanted_trials(found):
            if (outcome := outcomes(trial)) is not None:
                found.outcomes[trial.key] = outcome
        _read_family(store, found)
    return found


def _told_steps(store: RunStore, known: Told) -> Told:
    """Return the told steps; those known from an earlier reading are not read again where the last of them is the same."""
    if known:
        later = store.steps.read(len(known) - 1)
        if later and later[0] == known[-1]:
            return (*known, *_ended(later[1:]))
    return tuple(_ended(store.steps.read()))


def _ended(steps: Iterable[tuple[Step, Verdict | None]]) -> Iterator[tuple[Step, Verdict]]:
    return ((step, verdict) for step, verdict in steps if verdict is not None)


def leaders(history: History) -> list[str]:
    """Return the cells that were the best so far when they came, as is believed of all now, in the order of their steps."""
    best, found = float("inf"), []
    for place in sorted(history.places, key=lambda each: each.step):
        if place.loss < best:
            best = place.loss
            found.append(place.id)
    return found


def wanted_trials(material: RunMaterial) -> list[Trial]:
    """Return the best trial of each cell of the leaderboard on each task, and the GRU's under the same setting."""
    plan, gru = material.plan, gru_row(material.board)
    trials = []
    for row in material.board.rows:
        for task, result in row.judgement.tasks.items():
            trials.append(plan.trial(row.id, task, result.setting, steps=result.steps))
            if gru is not None:
                trials.append(plan.trial(gru.id, task, result.setting))
    return trials


def gru_row(board: Leaderboard) -> Row | None:
    """Return the row of the GRU, None where it is not trained yet."""
    return next((row for row in board.rows if row.name == "gru"), None)


def _luck(
    outcomes: RecordedOutcomes, board: Leaderboard, known: dict[int, Statement]
) -> dict[int, Statement]:
    """Return the noise statement for 1, 2, 4 … clones, up to as many as there were candidates.

    Args:
        outcomes: How the run's trials ended.
        board: Its leaderboard.
        known: Statements of an earlier reading: the clones they are made of do not change.
    """
    if board.noise is None:
        return {}
    plan = board.plan
    skills, found = clone_skills(plan, noise_trials(plan, outcomes)), dict[int, Statement]()
    counts = [2**power for power in range(max(1, board.noise.clones).bit_length())]
    for clones in sorted({*counts, max(1, board.noise.clones)}):
        if (said := known.get(clones) or statement(plan, skills, clones)) is not None:
            found[clones] = said
    return found


def _read_family(store: RunStore, material: RunMaterial) -> None:
    """Read the cells of the first ranks and their ancestors."""
    parents: dict[str, str] = {}
    for step, _ in material.steps:
        if step.kind != "placebo":
            parents.setdefault(step.cell, step.parent)
    for row in material.ranked:
        cell = row.id
        while cell and cell not in material.cells:
            material.cells[cell] = store.cells.read(cell)
            cell = parents.get(cell, "")
