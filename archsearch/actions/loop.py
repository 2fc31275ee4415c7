"""One session of a search: references, noise, then step after step, until the run is finished or stopped.

What is asked and told is decided in `search.state`; here are the database, the workers, the clock and the listener. A step
is stored when asked (docs/architecture.md, "3. Search"), so that a killed search goes on where it was.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from archsearch.actions.blame import check_reference, check_scores
from archsearch.actions.listener import Listener, Progress, SearchLimits
from archsearch.protocol import noise
from archsearch.protocol.evaluation import Ended, evaluate
from archsearch.protocol.plan import RunPlan
from archsearch.protocol.racing import possible_trials
from archsearch.protocol.records import Step, Trial, Try
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

OF_REFERENCES = ("references", "noise")
"""Phases in which a trial that the host ends stops the search."""

TURN = 0.25
"""Seconds between looks at the clock and at signals."""


class SearchLoop:
    """One session of a run.

    Args:
        store: The run's database, opened for writing.
        plan: Its plan.
        dispatcher: Where trials are trained.
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
        dispatcher: Dispatcher,
        limits: SearchLimits,
        listener: Listener,
        stopped: Callable[[], bool],
    ) -> None:
        self.store, self.plan, self.dispatcher = store, plan, dispatcher
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
            self.dispatcher.queue(of_cell, REFERENCES + position, shared=True)
        everything = [trial for of_cell in trials for trial in of_cell]
        if ending := self._wait("references", trials[0], everything):
            return ending
        check_scores({trial: self.dispatcher.outcome(trial) for trial in trials[0]})
        gru = evaluate(self.plan, steps[0], self.dispatcher.outcome, {}, {})
        assert isinstance(gru, Ended)
        check_baseline(self.plan, gru.tries)
        self.baseline = gru.tries
        return self._wait("references", everything, everything)

    def _wait(self, phase: str, trials: list[Trial], everything: list[Trial]) -> Ending | None:
        """Wait until some trials of a phase have ended; return how the session ends, if it does before."""
        while any(self.dispatcher.outcome(trial) is None for trial in trials):
            done = sum(self.dispatcher.outcome(trial) is not None for trial in everything)
            if ending := self._turn(phase, done, len(everything)):
                return ending
        return None

    def _noise(self) -> Ending | None:
        """Train clones of the GRU, and set the gates."""
        while True:
            draws = noise_trials(self.plan, self.dispatcher.outcome)
            longest = [each for of_task in draws.values() for draw in of_task for each in draw.values()]
            missing = [each.trial for each in longest if each.outcome is None]
            if not missing:
                break
            self.dispatcher.queue(missing, NOISE, shared=True)
            if ending := self._turn("noise", len(longest) - len(missing), len(longest)):
                return ending
        trials = [each.trial for each in longest]
        self.dispatcher.discard_checkpoints(trials)
        self.dispatcher.forget(trials)
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
        trials = self.search.needs(step, self.dispatcher.outcome)
        if trials:
            self.waiting[step.number] = set(trials)
            self.dispatcher.queue(trials, step.number)
            return
        ended = list(possible_trials(self.plan, step))
        self.dispatcher.discard_checkpoints(ended)
        self.dispatcher.forget(ended)
        if step.filter is not None:
            self.dispatcher.forget([self.plan.filter_trial(step.cell, step.filter)])

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
        for trial in self.dispatcher.poll(wait):
            if phase in OF_REFERENCES:
                outcome = self.dispatcher.outcome(trial)
                check_reference(self.plan, self.store.path.parent.name, trial, outcome)
            self._ended(trial)
        progress = Progress(
            phase=phase,
            done=done,
            total=total,
            history=self.search.told if phase == "searching" else None,
            busy=self.dispatcher.busy,
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
        if self.dispatcher.busy:
            words = f"Stopping: what is being trained has {GRACE:.0f} s to end. Once more ends it at once."
            self.listener.said(words)
        until = time.monotonic() + GRACE
        while self.dispatcher.busy and time.monotonic() < until:
            self.dispatcher.poll(TURN, dispatch=False)
