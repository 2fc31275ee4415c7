"""Trains one cell on one task beside the GRU, under the same settings, for people who want to know a cell."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from operator import itemgetter
from pathlib import Path

from archsearch.actions.cells import load_cell
from archsearch.actions.own_tasks import named_sources
from archsearch.actions.request import PRESET
from archsearch.actions.resolve import ResolvedRequest
from archsearch.actions.tabular import Records
from archsearch.actions.tasks import resolve_task
from archsearch.cell import Cell, library
from archsearch.errors import InputError
from archsearch.protocol.checks import LARGEST
from archsearch.protocol.loading import load_preset
from archsearch.protocol.plan import RunPlan, TaskFacts
from archsearch.protocol.records import BASELINE, Outcome, ReadOut
from archsearch.protocol.references import least_skill
from archsearch.protocol.sampling import skill_error
from archsearch.protocol.settings import Setting
from archsearch.store.leaderboard import read_outs_document
from archsearch.workers.devices import worker_devices
from archsearch.workers.dispatch import Dispatcher, Progressed
from archsearch.workers.pool import WorkerPool
from archsearch.workers.trial_log import MemoryTrialLog


@dataclass(frozen=True)
class Pair:
    """How two cells ended under one setting.

    Attributes:
        setting: The setting.
        cell: How the cell ended.
        baseline: How the GRU did.
    """

    setting: Setting
    cell: Outcome
    baseline: Outcome


@dataclass(frozen=True)
class Comparison:
    """A cell beside the GRU on one task.

    Attributes:
        plan: What it was measured under.
        task: What people call the task.
        pairs: A pair per setting, in the settings' order.
        scored: How many positions a validation scores; 0 where that is not known.
    """

    plan: RunPlan
    task: str
    pairs: tuple[Pair, ...]
    scored: int = 0

    @property
    def facts(self) -> TaskFacts:
        """What the task says of itself."""
        return self.plan.task[self.task].facts

    @property
    def described(self) -> str:
        """The task with its difficulty and, where it says one, its budget."""
        return self.plan.task[self.task].described

    def skill(self, outcome: Outcome) -> float | None:
        """Return how far a score is from no memory (0) to the ceiling (1); None without a score."""
        return self.plan.skill(self.task, outcome.score)

    @property
    def best(self) -> float | None:
        """The cell's best skill over the settings; None if no trial has a score."""
        return self._best([pair.cell for pair in self.pairs])

    @property
    def baseline_best(self) -> float | None:
        """The GRU's best skill over the settings; None if no trial has a score."""
        return self._best([pair.baseline for pair in self.pairs])

    def _best(self, outcomes: list[Outcome]) -> float | None:
        skills = [skill for outcome in outcomes if (skill := self.skill(outcome)) is not None]
        return max(skills, default=None)

    @property
    def read_outs(self) -> list[tuple[ReadOut, ReadOut]]:
        """What the best trial of the cell and that of the GRU do on sequences of each length; empty without both."""
        ours, theirs = [pair.cell for pair in self.pairs], [pair.baseline for pair in self.pairs]
        return list(zip(self._best_read_outs(ours), self._best_read_outs(theirs), strict=False))

    def _best_read_outs(self, outcomes: list[Outcome]) -> tuple[ReadOut, ...]:
        scored = [(skill, outcome) for outcome in outcomes if (skill := self.skill(outcome)) is not None]
        return max(scored, key=itemgetter(0))[1].read_outs if scored else ()

    @property
    def skill_error(self) -> float | None:
        """The standard error of a skill, for the validation is a sample; None where its size is not known."""
        return skill_error(self.plan, self.plan.task[self.task], self.scored) if self.scored else None

    @property
    def ratio(self) -> float | None:
        """The cell's best skill over the GRU's; None without both, or where `no_ratio` says why there is none."""
        if self.best is None or self.baseline_best is None or self.no_ratio:
            return None
        return self.best / self.baseline_best

    @property
    def no_ratio(self) -> str:
        """Why two skills make no ratio, in words; empty where they make one."""
        least = least_skill(self.plan, self.plan.task[self.task])
        if self.best is None or self.baseline_best is None:
            return "no finite score on one side"
        if self.baseline_best < least:
            return f"the GRU has learned nothing (a ratio means something from {least:.3g} on)"
        return "the cell has learned nothing" if self.best <= 0 else ""

    def records(self) -> Records:
        """Return a row per setting: how the cell ended there, and how the GRU did."""
        return Records(
            {
                "setting": pair.setting.as_dict(),
                "cell": self._side(pair.cell),
                "gru": self._side(pair.baseline),
            }
            for pair in self.pairs
        )

    def _side(self, outcome: Outcome) -> dict[str, object]:
        return {
            "status": outcome.status,
            "score": outcome.score,
            "skill": self.skill(outcome),
            "units": outcome.units,
            **read_outs_document(outcome.read_outs),
        }

    def as_document(self) -> dict[str, object]:
        """Return all that `archsearch train --json` prints."""
        return {
            "task": self.described,
            "ratio": self.ratio,
            "skill_error": self.skill_error,
            "rows": list(self.records()),
        }

    def _repr_html_(self) -> str:
        return self.records()._repr_html_()


def train(
    cell: Cell | str,
    task: str,
    *,
    difficulty: str | None = None,
    preset: str = PRESET,
    settings: int = 8,
    seed: int = 0,
    runs: str | os.PathLike[str] | None = None,
    data: str | os.PathLike[str] | None = None,
    workers: int | None = None,
    device: str = "auto",
    progressed: Progressed | None = None,
) -> Comparison:
    """Train a cell on a task, beside the GRU, both under the same settings on the same data.

    ```python
    archsearch.train("mut1", "xml", settings=4).ratio
    ```

    Args:
        cell: A cell, or what `load_cell` takes.
        task: A task of the preset, `text:FILE`, `series:FILE`, `labels:FILE` or `FILE.py:NAME`.
        difficulty: Another one than the preset's.
        preset: How the cell is measured: a name or a TOML file.
        settings: How many settings; fewer are used where the preset's grid has fewer.
        seed: Seed of the training data.
        runs: Folder of all runs, for a cell of one; None for ARCHSEARCH_RUNS, else "runs".
        data: Folder of the Penn Treebank's files.
        workers: Worker processes; None for one per GPU or CPU core.
        device: "auto" (all GPUs, else the CPU), "cpu", or "cuda:0,cuda:1".
        progressed: Told how many trials of how many have ended; None: nobody is told.

    Raises:
        InputError: Something is unknown, or the cell is too wide for the budget.
    """
    if not 0 <= seed <= LARGEST:
        raise InputError(f"seed {seed}: it lies between 0 and {LARGEST:,}")
    subject = cell if isinstance(cell, Cell) else load_cell(cell, runs)
    preset_name, rules = load_preset(preset)
    resolved = resolve_task(preset_name, rules, task, difficulty)
    request = ResolvedRequest(preset_name, rules, (resolved.with_settings(settings),))
    sources = named_sources(question.task for question in request.questions)
    with WorkerPool(
        list(worker_devices(device, workers)), str(Path(data).resolve()) if data else None, sources
    ) as pool:
        pool.name_workers(f"archsearch train {subject.name}")
        probed = request.probed(pool)
        comparison = compare_with_baseline(subject, request.plan(probed), seed, pool, progressed)
        return replace(comparison, scored=probed.scored[resolved.full_name])


def compare_with_baseline(
    cell: Cell, plan: RunPlan, seed: int, pool: WorkerPool, progressed: Progressed | None
) -> Comparison:
    """Train a cell and the GRU under all settings of a plan's only task.

    Args:
        cell: The cell.
        plan: What both are measured under.
        seed: Seed of the training data.
        pool: The workers that train.
        progressed: Told how many trials of how many have ended; None: nobody is told.

    Raises:
        InputError: The cell is too wide for the budget.
    """
    if problem := plan.too_narrow(cell):
        raise InputError(problem)
    (task,) = plan.tasks
    baseline, settings = library.load(BASELINE), plan.settings[task.name][: task.rules.G]
    ours, theirs = (
        [plan.trial(identity, task.name, setting, seed=seed) for setting in settings]
        for identity in (cell.id, baseline.id)
    )
    dispatcher = Dispatcher(MemoryTrialLog(), pool, {cell.id: cell, baseline.id: baseline}.__getitem__)
    outcomes = dispatcher.finish([*ours, *theirs], progressed)
    pairs = tuple(
        Pair(setting, outcomes[one], outcomes[other])
        for setting, one, other in zip(settings, ours, theirs, strict=True)
    )
    return Comparison(plan, task.name, pairs)
