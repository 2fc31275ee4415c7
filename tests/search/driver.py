"""A search without an engine: any number of trials in flight, ended in any order, and restarts at any moment."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec

from archsearch.cell import Cell
from archsearch.protocol import noise
from archsearch.protocol.evaluation import evaluate, step_tries
from archsearch.protocol.history import History
from archsearch.protocol.plan import RunPlan
from archsearch.protocol.records import Outcome, Step, Trial, Verdict
from archsearch.protocol.references import noise_trials, reference_cells, reference_step
from archsearch.search import ask, sees
from tests.helpers.plans import World


@dataclass
class Driver:
    """Drives one search over a simulated world.

    Attributes:
        plan: The run's plan.
        world: How trials end.
        workers: Most trials in flight.
        order: Which of them ends next, and when steps are asked; None for the plain order.
        restarts: Chance of a restart after each trial; it loses what is in flight and all that is in memory.
    """

    plan: RunPlan
    world: Callable[[Trial], Outcome] = field(default_factory=World)
    workers: int = 1
    order: random.Random | None = None
    restarts: float = 0.0

    def __post_init__(self) -> None:
        self.ended: dict[Trial, Outcome] = {}
        self.asked: list[bytes] = []
        self.cells: dict[str, str] = {}
        self.trained: Counter[Trial] = Counter()
        self.restarted = 0
        for cell in reference_cells(self.plan).values():
            self.cells[cell.id] = cell.text()
            for stage in reference_step(self.plan, cell.id).stages:
                for setting in stage.settings:
                    self.train(self.plan.trial(cell.id, stage.task, setting))
        while missing := [
            trial
            for draws in noise_trials(self.plan, self.ended.get).values()
            for draw in draws
            for trial in draw
            if trial not in self.ended
        ]:
            for trial in missing:
                self.train(trial)
        baseline = reference_step(self.plan, next(iter(reference_cells(self.plan).values())).id)
        self.baseline = step_tries(self.plan, baseline, len(baseline.stages), self.ended.get)
        self.gates = noise.gates(self.plan, noise.clone_ratios(self.plan, self.ended.get))
        self.open()

    def train(self, trial: Trial) -> None:
        self.trained[trial] += 1
        self.ended[trial] = self.world(trial)

    def open(self) -> None:
        """Begin as a new process does: from the asked steps and the outcomes."""
        self.steps = [msgspec.json.decode(text, type=Step) for text in self.asked]
        self.told, self.seen = History(self.plan, self.baseline), History(self.plan, self.baseline)
        self.verdicts: dict[int, Verdict] = {}
        self.flying: list[Trial] = []

    def run(self, count: int) -> Driver:
        """Search until so many steps are told."""
        while True:
            jobs = self.jobs()
            self.tell(count)
            if self.told.told >= count:
                return self
            if self.may_ask() and (self.order is None or not jobs or self.order.random() < 0.5):
                self.ask()
                continue
            self.fly(jobs)
            if self.flying:
                self.train(
                    self.flying.pop(0 if self.order is None else self.order.randrange(len(self.flying)))
                )
            if self.order is not None and self.order.random() < self.restarts:
                self.restarted += 1
                self.open()

    def jobs(self) -> list[Trial]:
        """Return what is waited for, lowest step first."""
        wanted: dict[Trial, None] = {}
        for step in self.steps[self.told.told :]:
            if step.number in self.verdicts:
                continue
            found = evaluate(self.plan, step, self.ended.get, self.baseline, self.gates)
            if isinstance(found, Verdict):
                self.verdicts[step.number] = found
            else:
                wanted |= dict.fromkeys(found)
        return [trial for trial in wanted if trial not in self.flying]

    def fly(self, jobs: list[Trial]) -> None:
        self.flying += jobs[: self.workers - len(self.flying)]

    def take(self, book: History, step: Step) -> None:
        verdict = self.verdicts.get(step.number)
        assert verdict is not None
        book.tell(step, verdict, step_tries(self.plan, step, verdict.reached, self.ended.get))

    def tell(self, count: int) -> None:
        while self.told.told < min(count, len(self.steps)) and self.told.told in self.verdicts:
            self.take(self.told, self.steps[self.told.told])

    def may_ask(self) -> bool:
        return sees(self.plan, len(self.steps)) <= self.told.told

    def ask(self) -> None:
        number = len(self.steps)
        while self.seen.told < sees(self.plan, number):
            self.take(self.seen, self.steps[self.seen.told])
        unseen = self.steps[self.seen.told :]
        asked = ask(self.plan, number, self.seen, unseen, lambda cell: Cell.parse(self.cells[cell]))
        if asked.cell is not None:
            self.cells.setdefault(asked.cell.id, asked.cell.text())
        self.steps.append(asked.step)
        self.asked.append(msgspec.json.encode(asked.step))

    def leaderboard(self) -> list[tuple[object, ...]]:
        """Return what people see of the told steps, and all that counts."""
        return [
            (
                c.id,
                c.fitness,
                c.step,
                c.parent,
                c.applied,
                c.trials,
                c.judgement,
                c.filter_tries,
                c.fate,
                c.tries,
                c.used,
            )
            for c in self.told.ranked
        ]

    def record(self, count: int) -> tuple[object, ...]:
        """Return everything that contract 3 promises about the first steps."""
        book = self.told
        counts = (
            book.told,
            book.known,
            book.invalid,
            book.reexamined,
            book.fates,
            book.first_stage,
            list(book.candidates),
        )
        return self.asked[:count], counts, self.leaderboard()
