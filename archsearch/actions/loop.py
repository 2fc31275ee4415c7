"""One session of a search: references, noise, then step after step, until the run is finished or stopped.

What is asked and told is decided in `search.state`; here are the database, the workers, the clock and the listener. A step
is stored when asked (docs/architecture.md, "3. Search"), so that a killed search goes on where it was.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from archsearch.protocol import noise
from archsearch.protocol.evaluation import Ended, evaluate
from archsearch.protocol.history import Candidate, History
from archsearch.protocol.plan import RunPlan
from archsearch.protocol.racing import possible_trials
from archsearch.protocol.records import Step, Trial, Try, Verdict
from archsearch.protocol.references import check_baseline, noise_trials, reference_cells, reference_step
from archsearch.protocol.settings import Setting
from archsearch.search import Search
from archsearch.store import Ending, RunStore, read_steps
from archsearch.workers.dispatch import Dispatcher

GRACE = 3.0
"""Seconds that running trials have to end after an interrupt."""

MOST_WITHOUT_NEWS = 200
"""Steps in a row with nothing new, after which the space counts as exhausted."""

REFERENCES, NOISE = -10_000, -1
"""Priorities of what is trained before step 0."""

TURN = 0.25
"""Seconds between looks at the clock and at signals."""


@dataclass(frozen=True)
class SearchLimits:
    """When a run is finished.

    Attributes:
        max_candidates: With so many candidates told; None for any number.
        max_seconds: After so many seconds of search in all sessions; None for any time.
    """

    max_candidates: int | None = None
    max_seconds: float | None = None


@dataclass(frozen=True)
class Progress:
    """Where a search is.

    Attributes:
        phase: "references", "noise" or "searching".
        done: Trials done, of the references or of the noise.
        total: Trials in all, of the same.
        history: The told steps; None before the search.
        busy: Trials that are being trained.
        elapsed: Seconds of search so far, over all sessions.
    """

    phase: str
    done: int
    total: int
    history: History | None
    busy: int
    elapsed: float


class Listener(Protocol):
    """Is told how a search goes on."""

    def progressed(self, progress: Progress) -> None:
        """Called several times a second."""

    def told(self, step: Step, verdict: Verdict, candidate: Candidate | None) -> None:
        """Called for every step that is told now.

        Args:
            step: The step as it was asked.
            verdict: How it ended.
            candidate: The candidate that it is about, if there is one.
        """

    def said(self, text: str) -> None:
        """Called with a line that people should read."""


class SearchLoop:
    """One session of a run.

    Args:
        store: The run's database, opened for writing.
        plan: Its plan.
        desk: Where trials are trained.
        limits: When the run is finished.
        listener: Who is told.
        stopped: Whether an interrupt has come.

    Attributes:
        began: When the session began, by the monotonic clock.
        before: Seconds of search in earlier sessions.
        baseline: The GRU's trials, once they have ended.
        gates: For each task the share of the GRU's skill that opens the next stage, once the noise trials have ended.
        search: The steps; begun when baseline and gates are known.
        waiting: The trials that each open step waits for, by the step's number.
    """

    def __init__(
        self,
        store: RunStore,
        plan: RunPlan,
        desk: Dispatcher,
        limits: SearchLimits,
        listener: Listener,
        stopped: Callable[[], bool],
    ) -> None:
        self.store, self.plan, self.desk = store, plan, desk
        self.limits, self.listener, self.stopped = limits, listener, stopped
        self.began, self.before = time.monotonic(), store.elapsed
        self.baseline: dict[str, dict[Setting, Try]] = {}
        self.gates: dict[str, float] = {}
        self.search = Search(self.plan, self.baseline, self.gates)
        self.waiting: dict[int, set[Trial]] = {}

    @property
    def elapsed(self) -> float:
        """Seconds of search, over all sessions."""
        return self.before + time.monotonic() - self.began

    def run(self) -> Ending:
        """Search until the run is finished or stopped; everything that ended is stored."""
        try:
            return self._references() or self._noise() or self._search()
        finally:
            self.store.elapsed = self.elapsed

    # -- before the search --------------------------------------------------------------------------------------

    def _references(self) -> Ending | None:
        """Train the references; the GRU's trials come first, and are refused before others cost time."""
        cells = reference_cells(self.plan)
        for cell in cells.values():
            self.store.add_cell(cell)
        steps = [reference_step(self.plan, cell.id) for cell in cells.values()]
        trials = [list(possible_trials(self.plan, step)) for step in steps]
        for position, of_cell in enumerate(trials):
            self.desk.want(of_cell, REFERENCES + position, shared=True)
        everything = [trial for of_cell in trials for trial in of_cell]
        if ending := self._wait("references", trials[0], everything):
            return ending
        gru = evaluate(self.plan, steps[0], self.desk.outcome, {}, {})
        assert isinstance(gru, Ended)
        check_baseline(self.plan, gru.tries)
        self.baseline = gru.tries
        return self._wait("references", everything, everything)

    def _wait(self, phase: str, trials: list[Trial], everything: list[Trial]) -> Ending | None:
        """Wait until some trials of a phase have ended; return how the session ends, if it does before."""
        while any(self.desk.outcome(trial) is None for trial in trials):
            done = sum(self.desk.outcome(trial) is not None for trial in everything)
            if ending := self._turn(phase, done, len(everything)):
                return ending
        return None

    def _noise(self) -> Ending | None:
        """Train clones of the GRU, and set the gates."""
        while True:
            draws = noise_trials(self.plan, self.desk.outcome)
            longest = [each for of_task in draws.values() for draw in of_task for each in draw.values()]
            missing = [each.trial for each in longest if each.outcome is None]
            if not missing:
                break
            self.desk.want(missing, NOISE, shared=True)
            if ending := self._turn("noise", len(longest) - len(missing), len(longest)):
                return ending
        trials = [each.trial for each in longest]
        self.desk.forsake(trials)
        self.desk.forget(trials)
        self._set_gates(noise.clone_ratios(self.plan, draws))
        return None

    def _set_gates(self, ratios: dict[str, noise.Array]) -> None:
        self.gates = noise.gates(self.plan, ratios)
        shares = noise.pass_shares(ratios, self.gates)
        words = ", ".join(f"{task} {gate:g} ({shares[task]:.0%})" for task, gate in self.gates.items())
        self.listener.said(f"gates, and how many clones of the GRU pass: {words}")

    # -- the search ---------------------------------------------------------------------------------------------

    def _search(self) -> Ending:
        """Go on from the steps of earlier sessions: told ones are told again, open ones wait for their trials."""
        self.search = Search(self.plan, self.baseline, self.gates)
        self.search.restore(read_steps(self.store, self.plan))
        for step in self.search.open_steps:
            self._advance(step)
        while True:
            if ending := self._enough():
                return ending
            moved = self._ask()
            moved |= self._tell()
            if ending := self._turn("searching", 0, 0, 0.0 if moved else TURN):
                return ending

    def _enough(self) -> Ending | None:
        told, most = self.search.told, self.limits.max_candidates
        if most is not None and len(told.candidates) >= most:
            return "finished"
        return "exhausted" if told.steps_without_news >= MOST_WITHOUT_NEWS else None

    def _ask(self) -> bool:
        """Ask the next step if it may be asked now; return whether it was."""
        most = self.limits.max_candidates
        if not self.search.may_ask or (most is not None and self.search.candidates >= most):
            return False
        asked = self.search.ask(self.store.cell)
        self.store.add_step(asked.step, asked.cell)
        self._advance(asked.step)
        return True

    def _advance(self, step: Step) -> None:
        """Queue the trials that a step needs next; once it has ended, drop what nobody needs any more."""
        trials = self.search.needs(step, self.desk.outcome)
        if trials:
            self.waiting[step.number] = set(trials)
            self.desk.want(trials, step.number)
            return
        ended = list(possible_trials(self.plan, step))
        self.desk.forsake(ended)
        self.desk.forget(ended)
        if step.filter is not None:
            self.desk.forget([self.plan.filter_trial(step.cell, step.filter)])

    def _tell(self) -> bool:
        """Tell the next step if it has ended; return whether it had."""
        ended = self.search.tell()
        if ended is None:
            return False
        step, verdict = ended.step, ended.verdict
        self.store.tell_step(step.number, verdict, self.elapsed)
        self.listener.told(step, verdict, self.search.told.candidates.get(step.cell))
        return True

    # -- time ---------------------------------------------------------------------------------------------------

    def _turn(self, phase: str, done: int, total: int, wait: float = TURN) -> Ending | None:
        """Wait up to `wait` seconds for trials to end; return how the session ends, if it does."""
        if self.stopped():
            self._wind_down()
            return "interrupted"
        if self.limits.max_seconds is not None and self.elapsed >= self.limits.max_seconds:
            return "time"
        for trial in self.desk.turn(wait):
            self._ended(trial)
        progress = Progress(
            phase=phase,
            done=done,
            total=total,
            history=self.search.told if phase == "searching" else None,
            busy=self.desk.busy,
            elapsed=self.elapsed,
        )
        self.listener.progressed(progress)
        return None

    def _ended(self, trial: Trial) -> None:
        """Let the steps that waited for a trial go on."""
        for step in self.search.open_steps:
            waiting = self.waiting.get(step.number, set())
            if trial in waiting:
                waiting.discard(trial)
                if not waiting:
                    del self.waiting[step.number]
                    self._advance(step)

    def _wind_down(self) -> None:
        """Give running trials a moment to end, so that little is lost."""
        if self.desk.busy:
            words = f"Stopping: what is being trained has {GRACE:.0f} s to end. Once more ends it at once."
            self.listener.said(words)
        until = time.monotonic() + GRACE
        while self.desk.busy and time.monotonic() < until:
            self.desk.turn(TURN, dispatch=False)
