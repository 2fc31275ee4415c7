"""A simulated evaluator: says how a trial ends from a file of candidates, so that a search takes no training.

What the file has is told as it was. Of a cell that it does not have, the cell in it that is most like it answers
(`cell.likeness`); under a setting that a cell was never tried on, the GRU's score there, times the ratio of the two on the
settings that both had. So a search over the file meets the filter, gates and noise that the run met, on a landscape of as
many heights as the file has cells. Strategies may be tested and compared on it; what it says of a cell that the file does
not have is no measurement.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from statistics import fmean

from msgspec.structs import replace

from archsearch.cell import Cell, library
from archsearch.cell.likeness import Labels, distance, labels_of
from archsearch.errors import InputError
from archsearch.protocol.candidates import CandidatesFile, TrialLine
from archsearch.protocol.plan import RunPlan
from archsearch.protocol.racing import score_at
from archsearch.protocol.records import BASELINE, HOST_STATUSES, Outcome, Trial
from archsearch.protocol.seeds import seed_of
from archsearch.protocol.settings import Setting

VERSION = 1
"""Of what it answers to the same trial from the same file."""

NEAREST = 10_000
"""Cells whose nearest ones are remembered."""

Place = tuple[str, str]
"""A cell's id and a task with its difficulty."""


class RecordedTrials:
    """Answers trials from a file.

    Args:
        file: What the file holds.

    Raises:
        InputError: It has nothing of the GRU on a task.

    Attributes:
        file, plan: The same, and its plan.
        gru: The GRU's id.
        trials: The trials of each cell on each task, those that the host ended left out.
        tried: The ids of the cells with trials on each task, and under None of all, in the order of the file.
        labels: The labels of every cell in the file, by id.
        nearest: Returns the id of the cell of the file, with trials on a task, that is most like one; of equals the older.
    """

    def __init__(self, file: CandidatesFile) -> None:
        self.file, self.plan = file, file.header.plan
        self.gru = library.load(BASELINE).id
        self.trials: dict[Place, list[tuple[Setting, TrialLine]]] = {}
        for line in file.lines:
            for trial in line.trials:
                if trial.status not in HOST_STATUSES:
                    self.trials.setdefault((line.id, trial.task), []).append((trial.read_setting(), trial))
        self.tried: dict[str | None, list[str]] = {None: [line.id for line in file.lines]}
        for identity, tried in self.trials:
            self.tried.setdefault(tried, []).append(identity)
        for task in self.plan.tasks:
            if (self.gru, task.full_name) not in self.trials:
                raise InputError(
                    f"the file has no trial of the GRU on {task.name}: export the run once its references have ended"
                )
        self.labels: dict[str, Labels] = {identity: labels_of(cell) for identity, cell in file.cells.items()}
        self.nearest = lru_cache(NEAREST)(self._nearest)

    def __call__(self, trial: Trial, cell: Cell) -> Outcome:
        """Return how a trial ends.

        Args:
            trial: The trial.
            cell: Its cell.
        """
        if trial.stop_at is not None:
            return self._filtered(trial, cell)
        known = (trial.cell, trial.task) in self.trials
        identity = trial.cell if known else self.nearest(cell, trial.task)
        longest = self._under(identity, trial)
        if longest is None:
            return self._by_the_gru(identity, trial)
        return longest.outcome if longest.asked <= trial.steps else self._cut(longest, trial)

    def _filtered(self, trial: Trial, cell: Cell) -> Outcome:
        """Return how a trial on the filter ends; a published cell, which no filter was asked about, passes it."""
        identity = trial.cell if trial.cell in self.file.cells else self.nearest(cell, None)
        tried = self.trials.get((identity, trial.task), [])
        for setting, line in tried:
            if setting == trial.setting:
                return line.outcome
        return tried[-1][1].outcome if tried else Outcome("done", score=1.0, accuracy=1.0, nll=0.0)

    def _nearest(self, cell: Cell, task: str | None) -> str:
        labels = labels_of(cell)
        return min(self.tried[task], key=lambda identity: distance(labels, self.labels[identity]))

    def _under(self, cell: str, trial: Trial) -> TrialLine | None:
        """Return what a cell reached under a trial's setting: of its own draw, else of another, the longest."""
        same = [line for setting, line in self.trials[cell, trial.task] if setting == trial.setting]
        draws = [line for line in same if (line.seed, line.init_draw) == (trial.seed, trial.init_draw)]
        if not draws and trial.init_draw:
            clones = sorted({line.init_draw for line in same if line.init_draw})
            drawn = clones[seed_of("clone", trial.init_draw) % len(clones)] if clones else 0
            draws = [line for line in same if line.init_draw == drawn]
        return max(draws or same, key=lambda line: line.asked, default=None)

    def _cut(self, line: TrialLine, trial: Trial) -> Outcome:
        """Return how a longer trial would have ended at a rung."""
        outcome = line.outcome
        score = score_at(outcome, trial.steps, trial.measure)
        if score is None:
            return outcome
        curve = tuple(point for point in outcome.curve if point.step <= trial.steps)
        return replace(
            outcome,
            status="done",
            reason="",
            score=score,
            curve=curve,
            steps=trial.steps,
            seconds=outcome.seconds * trial.steps / max(1, line.asked),
        )

    def _by_the_gru(self, cell: str, trial: Trial) -> Outcome:
        """Return what a cell reaches under a setting that it was never tried on."""
        plan, task = self.plan, self._task(trial)
        own = self._skills(self.trials[cell, trial.task], task, trial)
        gru = self._skills(self.trials.get((self.gru, trial.task), []), task, trial)
        ratios = [skill / gru[setting] for setting, skill in own.items() if gru.get(setting, 0.0) > 0]
        there = gru.get(trial.setting)
        model = self.trials[cell, trial.task][0][1].outcome
        if not own:
            return model
        skill = fmean(own.values()) if there is None or not ratios else there * fmean(ratios)
        score = _score(plan, task, skill)
        return replace(model, status="done", reason="", score=score, steps=trial.steps, curve=())

    def _task(self, trial: Trial) -> str:
        task = self.plan.task_of(trial)
        return self.plan.tasks[0].name if task is None else task.name

    def _skills(
        self, tried: Iterable[tuple[Setting, TrialLine]], task: str, trial: Trial
    ) -> dict[Setting, float]:
        """Return the skills that a cell had under its settings after a trial's steps, in draws that are no clone's."""
        skills: dict[Setting, float] = {}
        for setting, line in tried:
            score = (
                line.score
                if line.asked <= trial.steps
                else score_at(line.outcome, trial.steps, trial.measure)
            )
            skill = self.plan.skill(task, score)
            if skill is not None and not line.init_draw:
                skills[setting] = skill
        return skills


def _score(plan: RunPlan, task: str, skill: float) -> float:
    if plan.rule == "published":
        return skill
    facts = plan.task[task].facts
    return facts.floor + skill * (facts.ceiling - facts.floor)
