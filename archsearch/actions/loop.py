"""The search itself: references, noise, then step after step, for any number of workers the same steps.

The contract of a search (docs/architecture.md, "3. Search"): a step is asked from exactly the steps that it sees, told when
all before it are told, and stored when asked, so that a killed search goes on where it was.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from archsearch.actions.listener import Ending, Listener, Progress, SearchLimits
from archsearch.protocol import noise
from archsearch.protocol.evaluation import evaluate, step_tries
from archsearch.protocol.history import History
from archsearch.protocol.plan import RunPlan
from archsearch.protocol.racing import possible
from archsearch.protocol.records import Step, Trial, Try, Verdict
from archsearch.protocol.references import check_baseline, noise_trials, reference_cells, reference_step
from archsearch.protocol.settings import Setting
from archsearch.search import ask, sees
from archsearch.store import RunStore
from archsearch.workers.dispatch import Dispatcher

GRACE = 3.0
"""Seconds that running trials have to end after an interrupt."""

BARREN = 200
"""Steps in a row with nothing new, after which the space counts as exhausted."""

REFERENCES, NOISE = -10_000, -1
"""Priorities of what is trained before step 0."""

TURN = 0.25
"""Seconds between looks at the clock and at signals."""


class SearchLoop:
    """One session of a run.

    Args:
        store: The run's database, opened for writing.
        plan: Its plan.
        desk: Where trials are trained.
        limits: When the run is finished.
        watcher: Who is told.
        stopped: Whether an interrupt has come.
    """

    def __init__(
        self,
        store: RunStore,
        plan: RunPlan,
        desk: Dispatcher,
        limits: SearchLimits,
        watcher: Listener,
        stopped: Callable[[], bool],
    ) -> None:
        self.store, self.plan, self.desk = store, plan, desk
        self.limits, self.watcher, self.stopped = limits, watcher, stopped
        self.began, self.before = time.monotonic(), store.elapsed
        self.baseline: dict[str, dict[Setting, Try]] = {}
        self.gates: dict[str, float] = {}
        self.asked: dict[int, Step] = {}
        self.verdicts: dict[int, Verdict] = {}
        self.waiting: dict[int, set[Trial]] = {}
        self.next = 0
        self.told = self.seen = History(plan, {})

    @property
    def elapsed(self) -> float:
        """Seconds of search, over all sessions."""
        return self.before + time.monotonic() - self.began

    def run(self) -> Ending:
        """Search until the run is finished or stopped; everything that ended is stored."""
        try:
            return self._references() or self._noise() or self._search()
        finally:
            self.store.keep_time(self.elapsed)

    # -- before the search --------------------------------------------------------------------------------------

    def _references(self) -> Ending | None:
        cells = reference_cells(self.plan)
        for cell in cells.values():
            self.store.add_cell(cell)
        steps = [reference_step(self.plan, cell.id) for cell in cells.values()]
        trials = [list(possible(self.plan, step)) for step in steps]
        for position, of in enumerate(trials):
            self.desk.queue(of, REFERENCES + position, shared=True)
        everything = [trial for of in trials for trial in of]
        first = trials[0]
        checked = False
        while True:
            missing = [trial for trial in everything if self.desk.outcome(trial) is None]
            if not checked and all(self.desk.outcome(trial) is not None for trial in first):
                self.baseline = step_tries(self.plan, steps[0], len(steps[0].stages), self.desk.outcome)
                check_baseline(self.plan, self.baseline)
                checked = True
            if not missing:
                return None
            if ending := self._turn("references", len(everything) - len(missing), len(everything)):
                return ending

    def _noise(self) -> Ending | None:
        while True:
            draws = noise_trials(self.plan, self.desk.outcome)
            trials = [trial for of in draws.values() for draw in of for trial in draw]
            missing = [trial for trial in trials if self.desk.outcome(trial) is None]
            if not missing:
                break
            self.desk.queue(missing, NOISE, shared=True)
            if ending := self._turn("noise", len(trials) - len(missing), len(trials)):
                return ending
        self.desk.discard_checkpoints(trials)
        ratios = noise.clone_ratios(self.plan, self.desk.outcome)
        self.gates = noise.gates(self.plan, ratios)
        shares = noise.pass_shares(ratios, self.gates)
        shown = ", ".join(f"{task} {gate:g} ({shares[task]:.0%})" for task, gate in self.gates.items())
        self.watcher.said(f"gates, and how many clones of the GRU pass: {shown}")
        self.desk.forget(trials)
        return None

    # -- the search ---------------------------------------------------------------------------------------------

    def _search(self) -> Ending:
        self._recall()
        while True:
            if ending := self._enough():
                return ending
            moved = self._ask()
            moved |= self._tell()
            if ending := self._turn("searching", 0, 0, 0.0 if moved else TURN):
                return ending

    def _recall(self) -> None:
        """Take up the steps of earlier sessions: those told are told again, the others wait for their trials."""
        self.told, self.seen = History(self.plan, self.baseline), History(self.plan, self.baseline)
        for step, verdict in self.store.steps():
            self.asked[step.number] = step
            self.next = step.number + 1
            if verdict is not None:
                self.verdicts[step.number] = verdict
                self._take_in(step, verdict)
            else:
                self._advance(step)

    def _take_in(self, step: Step, verdict: Verdict) -> None:
        """Tell the leaderboard's book a step, and the strategy's book what the next step to be asked may see."""
        self.told.tell(step, verdict, step_tries(self.plan, step, verdict.reached, self.desk.outcome))

    def _catch_up(self, number: int) -> None:
        """Tell the strategy's book exactly the steps that step `number` sees, and drop what nobody needs any more."""
        while self.seen.told < sees(self.plan, number):
            step = self.asked.pop(self.seen.told)
            verdict = self.verdicts.pop(step.number)
            self.seen.tell(step, verdict, step_tries(self.plan, step, verdict.reached, self.desk.outcome))
            self.desk.forget(possible(self.plan, step))
            if step.filter is not None:
                self.desk.forget([self.plan.filter_trial(step.cell, step.filter)])

    def _enough(self) -> Ending | None:
        if self.limits.max_candidates is not None and len(self.told.candidates) >= self.limits.max_candidates:
            return "finished"
        return "exhausted" if self.told.barren >= BARREN else None

    def _ask(self) -> bool:
        """Ask the next step if it may be asked now; return whether it was."""
        if self._asked_enough() or sees(self.plan, self.next) > self.told.told:
            return False
        self._catch_up(self.next)
        unseen = [self.asked[number] for number in range(self.seen.told, self.next)]
        asked = ask(self.plan, self.next, self.seen, unseen, self.store.cell)
        self.store.add_step(asked.step, asked.cell)
        self.asked[self.next] = asked.step
        self.next += 1
        self._advance(asked.step)
        return True

    def _asked_enough(self) -> bool:
        """Whether the steps in flight already bring all candidates that the run wants."""
        if self.limits.max_candidates is None:
            return False
        flying = {self.asked[number].cell for number in range(self.told.told, self.next)} - {""}
        return len(flying | set(self.told.candidates)) >= self.limits.max_candidates

    def _advance(self, step: Step) -> None:
        """Queue the trials that a step needs next, or note its verdict."""
        result = evaluate(self.plan, step, self.desk.outcome, self.baseline, self.gates)
        if isinstance(result, Verdict):
            self.verdicts[step.number] = result
            self.desk.discard_checkpoints(possible(self.plan, step))
            return
        self.waiting[step.number] = set(result)
        self.desk.queue(result, step.number)

    def _tell(self) -> bool:
        """Tell the next step if it has ended; return whether it had."""
        step = self.asked.get(self.told.told)
        if step is None or step.number not in self.verdicts:
            return False
        verdict = self.verdicts[step.number]
        self.store.tell_step(step.number, verdict, self.elapsed)
        self._take_in(step, verdict)
        self.watcher.told(step, verdict, self.told.candidates.get(step.cell))
        return True

    def _turn(self, phase: str, done: int, total: int, wait: float = TURN) -> Ending | None:
        """Wait up to `wait` seconds for trials to end; return how the session ends, if it does."""
        if self.stopped():
            self._wind_down()
            return "interrupted"
        if self.limits.max_seconds is not None and self.elapsed >= self.limits.max_seconds:
            return "time"
        for trial in self.desk.poll(wait):
            self._ended(trial)
        self.watcher.progressed(
            Progress(
                phase=phase,
                done=done,
                total=total,
                history=self.told if phase == "searching" else None,
                busy=self.desk.busy,
                elapsed=self.elapsed,
            )
        )
        return None

    def _ended(self, trial: Trial) -> None:
        """Let the steps that waited for a trial go on."""
        for number in [number for number, trials in self.waiting.items() if trial in trials]:
            self.waiting[number].discard(trial)
            if not self.waiting[number]:
                del self.waiting[number]
                self._advance(self.asked[number])

    def _wind_down(self) -> None:
        """Give running trials a moment to end, so that little is lost."""
        if self.desk.busy:
            self.watcher.said(
                f"Stopping: what is being trained has {GRACE:.0f} s to end. Once more ends it at once."
            )
        until = time.monotonic() + GRACE
        while self.desk.busy and time.monotonic() < until:
            self.desk.poll(TURN, dispatch=False)
