"""Workers and restarts for `Search`: trials in flight end in any order, and memory is lost at any moment."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec

from archsearch.cell import Cell, library
from archsearch.mutations import propose
from archsearch.protocol import noise
from archsearch.protocol.evaluation import Ended, evaluate, told_again
from archsearch.protocol.history import Candidate, History
from archsearch.protocol.plan import RunPlan
from archsearch.protocol.priors import belief_of
from archsearch.protocol.racing import StageTrials
from archsearch.protocol.records import Outcome, Step, Trial, Try, Verdict
from archsearch.protocol.references import noise_trials, reference_cells, reference_step, start_cells
from archsearch.protocol.seeds import generator
from archsearch.protocol.settings import Setting
from archsearch.search import Search, sees
from archsearch.search.outside import Outside
from archsearch.search.program import Reception
from tests.helpers.plans import World


class ScriptedProgram:
    """Answers every question at once with a mutant of the GRU; what it has said before it has forgotten."""

    def __init__(self, plan: RunPlan) -> None:
        self.plan = plan

    def proposal(self, step: int, seen: int, draw: int) -> str | None:
        child = propose(library.load("gru"), self.plan.space, generator("program", step, draw), "count")
        return child.cell.text() if child else None

    def receive(self, step: int, draw: int, reception: Reception) -> None:
        pass


@dataclass
class Driver:
    """Drives one search over a simulated world.

    Attributes:
        plan: The run's plan.
        world: How trials end.
        workers: Most trials in flight.
        order: Which of them ends next, and when steps are asked; None for the plain order.
        restarts: Chance of a restart after each trial; it loses what is in flight and all that is in memory.
        keeps: Whether a restart goes on from kept counts and places, and looks candidates up; else all steps are told again.
        stored: What outlives a restart: of each step what was asked and, once it is told, its verdict, both encoded.
        ended: The outcomes, which do as well.
        cells: The texts of the cells, too.
        told_steps: The told steps as they ended, for the tests.
    """

    plan: RunPlan
    world: Callable[[Trial], Outcome] = field(default_factory=World)
    workers: int = 1
    order: random.Random | None = None
    restarts: float = 0.0
    keeps: bool = False

    def __post_init__(self) -> None:
        self.ended: dict[Trial, Outcome] = {}
        self.stored: list[tuple[bytes, bytes | None]] = []
        self.cells: dict[str, str] = {}
        self.trained: Counter[Trial] = Counter()
        self.restarted = 0
        self.baseline = self.train_references()
        draws = self.train_clones()
        self.gates = noise.gates(self.plan, noise.clone_ratios(self.plan, draws))
        self.belief = (
            belief_of(self.plan, draws, self.references, self.baseline) if self.plan.in_blocks else None
        )
        self.open()

    # -- before the search ------------------------------------------------------------------------------------------

    def train(self, trial: Trial) -> None:
        self.trained[trial] += 1
        self.ended[trial] = self.world(trial)

    def train_references(self) -> dict[str, dict[Setting, Try]]:
        """Train the references; return the GRU's tries."""
        tries = []
        for cell in reference_cells(self.plan).values():
            self.cells[cell.id] = cell.text()
            step = reference_step(self.plan, cell.id)
            for stage in step.stages:
                for setting in stage.settings:
                    self.train(self.plan.trial(cell.id, stage.task, setting))
            result = evaluate(self.plan, step, self.ended.get, {}, {})
            assert isinstance(result, Ended)
            tries.append(result.tries)
        self.references = tries
        return tries[0]

    def train_clones(self) -> dict[str, list[StageTrials]]:
        while True:
            draws = noise_trials(self.plan, self.ended.get)
            longest = [each for of_task in draws.values() for draw in of_task for each in draw.values()]
            missing = [each.trial for each in longest if each.outcome is None]
            if not missing:
                return draws
            for trial in missing:
                self.train(trial)

    # -- the search -------------------------------------------------------------------------------------------------

    def open(self) -> None:
        """Begin as a new process does: from what is stored."""
        self.steps: list[Step] = []
        self.told_steps: list[Ended] = []
        self.flying: list[Trial] = []
        for asked, verdict in self.stored:
            step = msgspec.json.decode(asked, type=Step)
            self.steps.append(step)
            if verdict is not None:
                told = msgspec.json.decode(verdict, type=Verdict)
                self.told_steps.append(told_again(self.plan, step, told, self.ended.get))
        steps = [*self.told_steps, *self.steps[len(self.told_steps) :]]
        told = self.kept() if self.keeps else None
        first = min(len(self.told_steps), sees(self.plan, len(self.steps)))
        if told is None or first <= len(start_cells(self.plan)):
            self.search = Search(self.plan, self.baseline, self.gates, belief=self.belief)
            self.search.restore(steps)
            return
        seen = told.before(self.told_steps[first:], self.history(first).steps_without_news)
        brought = dict.fromkeys(step.cell for step in self.steps[:first] if step.cell)
        self.search = Search(self.plan, self.baseline, self.gates, told=told, seen=seen, brought=brought)
        self.search.restore(steps[first:])

    def kept(self) -> History:
        """Return the history of the told steps as it is resumed."""
        whole = self.history(len(self.told_steps))
        return History.resumed(
            self.plan,
            self.baseline,
            past=self.past,
            counts=whole.counts,
            places=[*reversed(whole.places), *whole.placebos],
            starts=whole.starts,
            belief=self.belief,
        )

    def past(self, cell: str, told: int) -> Candidate | None:
        """Return a cell as the first so many steps left it."""
        candidate: Candidate | None = None
        for ended in self.told_steps[:told]:
            if ended.step.candidate == cell:
                candidate = candidate or Candidate.brought(ended.step)
                candidate.tell(ended)
                candidate.judge(self.plan, self.baseline, self.belief)
        return candidate

    def run(self, count: int) -> Driver:
        """Search until so many steps are told."""
        while True:
            jobs = self.jobs()
            self.tell(count)
            if self.told.told >= count:
                return self
            if self.search.may_ask and (self.order is None or not jobs or self.order.random() < 0.5):
                self.ask()
                continue
            self.flying += jobs[: self.workers - len(self.flying)]
            if self.flying:
                place = 0 if self.order is None else self.order.randrange(len(self.flying))
                self.train(self.flying.pop(place))
            if self.order is not None and self.order.random() < self.restarts:
                self.restarted += 1
                self.open()

    def jobs(self) -> list[Trial]:
        """Return what is waited for and not in flight, lowest step first."""
        needed: dict[Trial, None] = {}
        for step in self.search.open_steps:
            needed |= dict.fromkeys(self.search.needs(step, self.ended.get))
        return [trial for trial in needed if trial not in self.flying]

    def tell(self, count: int) -> None:
        while self.told.told < count and (ended := self.search.tell()) is not None:
            asked, _ = self.stored[ended.step.number]
            self.stored[ended.step.number] = asked, msgspec.json.encode(ended.verdict)
            self.told_steps.append(ended)

    def ask(self) -> None:
        asked = self.search.ask(self.cell, Outside(program=ScriptedProgram(self.plan)))
        if asked.cell is not None:
            self.cells.setdefault(asked.cell.id, asked.cell.text())
        self.steps.append(asked.step)
        self.stored.append((msgspec.json.encode(asked.step), None))

    # -- what tests look at -----------------------------------------------------------------------------------------

    def cell(self, identity: str) -> Cell:
        """Return a cell of the run by its id."""
        return Cell.parse(self.cells[identity])

    @property
    def told(self) -> History:
        """What the told steps say."""
        return self.search.told

    @property
    def asked(self) -> list[bytes]:
        """The steps as they are stored."""
        return [asked for asked, _ in self.stored]

    @property
    def verdicts(self) -> dict[int, Verdict]:
        """The verdicts of the told steps, by number."""
        return {ended.step.number: ended.verdict for ended in self.told_steps}

    @property
    def reexamined(self) -> int:
        """How many of the told steps are re-examinations."""
        return sum(ended.step.kind == "reexamine" for ended in self.told_steps)

    def history(self, count: int) -> History:
        """Return what the first steps say, told anew."""
        history = History(self.plan, self.baseline, belief=self.belief)
        for ended in self.told_steps[:count]:
            history.tell(ended)
        return history

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
        """Return everything that docs/architecture.md, "3. Search", promises about the first steps."""
        told = self.told
        counts = (
            told.told,
            told.known,
            sum(ended.step.invalid for ended in self.told_steps),
            self.reexamined,
            told.fates,
            told.finished_first_stage,
            list(told.candidates),
            told.placebos,
        )
        return self.asked[:count], counts, self.leaderboard()
