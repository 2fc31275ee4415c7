"""One session of a search: references, noise, then step after step, until the run is finished or stopped.

What is asked and told is decided in `search.state`; here are the database, the workers, the clock and the listener. A step
is stored when asked (docs/architecture.md, "3. Search"), so that a killed search goes on where it was.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import msgspec

from archsearch.actions.blame import check_reference, check_scores
from archsearch.actions.estimate import estimate, estimate_words
from archsearch.actions.listener import Listener, Progress, SearchLimits, ToldStep
from archsearch.actions.program_pipe import ProgramError
from archsearch.actions.proposals import Proposals
from archsearch.protocol import noise
from archsearch.protocol.evaluation import Ended, count_trials, evaluate
from archsearch.protocol.plan import RunPlan
from archsearch.protocol.racing import possible_trials
from archsearch.protocol.records import Step, Trial, Try
from archsearch.protocol.references import check_baseline, noise_trials, reference_cells, reference_step
from archsearch.protocol.settings import Setting
from archsearch.search import Search, sees
from archsearch.search.outside import Outside
from archsearch.search.program import OutsideProgram, Thinking
from archsearch.store import Ending, LostTrial, RunStore, Session, read_for_search
from archsearch.store.cache import recall
from archsearch.store.inbox import Inbox
from archsearch.words import short_id
from archsearch.workers.dispatch import Dispatcher

GRACE = 3.0
"""Seconds that running trials have to end after an interrupt."""

MOST_WITHOUT_NEWS = 200
"""Steps in a row with nothing new, after which the space counts as exhausted."""

SEARCHING = "searching"
"""The last phase of a session."""

REFERENCES, NOISE, LOST = -10_000, -1, -1
"""Priorities of what is trained before step 0."""

OF_REFERENCES = ("references", "noise")
"""Phases in which a trial that the host ends stops the search."""

TURN = 0.25
"""Seconds between looks at the clock and at signals."""

ASKS = 16
"""Steps that are asked in one turn, at most: what has ended meanwhile is to be filed soon."""


class SearchLoop:
    """One session of a run.

    Args:
        store: The run's database, opened for writing.
        plan: Its plan.
        dispatcher: Where trials are trained.
        limits: When the run is finished.
        listener: Who is told.
        stopped: Whether an interrupt has come.
        program: The program that the strategy `external` asks.

    Attributes:
        began: When the session began, by the monotonic clock.
        before: Seconds of search in earlier sessions.
        earlier: What was noted of these.
        baseline: The GRU's trials, once they have ended.
        gates: For each task the share of the GRU's skill that opens the next stage, once the noise trials have ended.
        search: The steps; begun when baseline and gates are known.
        proposals: What waits in the run's inbox.
        outside: All who bring cells but the search itself.
        trials: How many trials the told steps took; counted where there is a limit.
        excused: Steps without news that count no more, for others are asked since.
        moved: Whether the last turn told or asked a step.
        restoring: Whether told steps of earlier sessions are still to be taken in, which no limit of time ends.
        waiting: The trials that each open step waits for, by the step's number.
        waiters: The numbers of the open steps that wait for a trial.
    """

    def __init__(
        self,
        store: RunStore,
        plan: RunPlan,
        dispatcher: Dispatcher,
        limits: SearchLimits,
        listener: Listener,
        stopped: Callable[[], bool],
        program: OutsideProgram | None = None,
    ) -> None:
        self.store, self.plan, self.dispatcher = store, plan, dispatcher
        self.limits, self.listener, self.stopped = limits, listener, stopped
        self.began, self.before = time.monotonic(), store.facts.elapsed
        self.earlier = store.facts.session or Session(limits.max_candidates, limits.max_seconds)
        self.baseline: dict[str, dict[Setting, Try]] = {}
        self.gates: dict[str, float] = {}
        self.search = Search(self.plan, self.baseline, self.gates)
        self.proposals = Proposals(Inbox(store.folder), listener.said)
        self.outside = Outside(self.proposals.take, program)
        self.trials, self.excused = 0, 0
        self.moved, self.restoring = False, store.steps.has_told
        self.waiting: dict[int, set[Trial]] = {}
        self.waiters: dict[Trial, list[int]] = {}

    @property
    def elapsed(self) -> float:
        """Seconds of search, over all sessions."""
        return self.before + time.monotonic() - self.began

    def run(self) -> Ending:
        """Search until the run is finished or stopped; everything that ended is stored."""
        try:
            return self._references() or self._noise() or self._search()
        except ProgramError:
            self.settle()
            raise
        finally:
            self.store.facts.elapsed = self.elapsed

    # -- before the search --------------------------------------------------------------------------------------

    def _references(self) -> Ending | None:
        """Train the references; the GRU's trials come first, and are refused before others cost time."""
        cells = reference_cells(self.plan)
        steps = [reference_step(self.plan, cell.id) for cell in cells.values()]
        trials = [list(possible_trials(self.plan, step)) for step in steps]
        with self.store.database.group():
            for cell in cells.values():
                self.store.cells.add(cell)
            for position, of_cell in enumerate(trials):
                self.dispatcher.queue(of_cell, REFERENCES + position, shared=True)
        everything = [trial for of_cell in trials for trial in of_cell]
        is_first = any(self.dispatcher.outcome(trial) is None for trial in trials[0])
        if ending := self._wait("references", trials[0], everything):
            return ending
        check_scores({trial: self.dispatcher.outcome(trial) for trial in trials[0]})
        gru = evaluate(self.plan, steps[0], self.dispatcher.outcome, {}, {})
        assert isinstance(gru, Ended)
        check_baseline(self.plan, gru.tries)
        self.baseline = gru.tries
        if is_first:
            self._say_how_long()
        return self._wait("references", everything, everything)

    def _say_how_long(self) -> None:
        """Say how long the search will take, now that trials have ended on this machine that tell it."""
        workers = len(self.dispatcher.pool.devices)
        found = estimate(
            self.plan, workers, self.limits, lambda trial: self.dispatcher.outcome(trial) or recall(trial)
        )
        if found.least_rate is not None:
            self.listener.said(estimate_words(found))

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
            with self.store.database.group():
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
        """Go on from the steps of earlier sessions; what of them is lost is trained again, and they are taken in anew."""
        self._note_prepared()
        while True:
            try:
                self._restore()
                if self.outside.program is not None:  # another program may know more
                    self.excused = self.search.told.counts.steps_without_news
                return self._go_on()
            except LostTrial as lost:
                if ending := self._train_again(lost.trial):
                    return ending

    def _note_prepared(self) -> None:
        """Note when the first step could be asked, by which others compute how fast the search is."""
        if self.earlier.prepared is None and not self.store.steps.has_told:
            self.earlier = msgspec.structs.replace(self.earlier, prepared=self.elapsed)
            self.store.facts.session = self.earlier

    def _note_waiting(self) -> None:
        """Note how long the workers have waited for work so far."""
        seconds = len(self.dispatcher.pool.devices) * (self.elapsed - self.before)
        self.store.facts.session = msgspec.structs.replace(
            self.earlier,
            offered=self.earlier.offered + seconds,
            waited=self.earlier.waited + self.dispatcher.waited,
        )

    def _restore(self) -> None:
        """Take in the steps of earlier sessions; open ones wait for their trials.

        Raises:
            LostTrial: The result of a told one is lost.
        """
        seen = sees(self.plan, self.store.steps.count())
        told, first, steps = read_for_search(self.store, self.plan, seen)
        brought = self.store.steps.brought_before(first.told) if self.plan.space.tells_by_outputs else ()
        self.search = Search(self.plan, self.baseline, self.gates, told=told, seen=first, brought=brought)
        self.search.restore(steps)
        if self.limits.max_trials is not None:
            told_steps = ((step, verdict) for step, verdict in self.store.steps.read() if verdict is not None)
            self.trials = sum(count_trials(step, verdict.reached) for step, verdict in told_steps)
        self.restoring = False
        with self.store.database.group():
            for step in self.search.open_steps:
                self._advance(step)

    def _train_again(self, trial: Trial) -> Ending | None:
        """Train a trial of a told step whose result is lost; it ends as it did. Nobody else waits meanwhile."""
        self.listener.said(f"the result of trial {short_id(trial.key)} is lost: it is trained again")
        self.restoring = True
        self.waiting.clear()
        self.waiters.clear()
        self.dispatcher.forget([trial])
        self.dispatcher.queue([trial], LOST)
        return self._wait("lost trials", [trial], [trial])

    def _go_on(self) -> Ending:
        """Tell and ask steps until the session ends.

        Raises:
            LostTrial: The result of a told one that was looked up is lost.
        """
        wait = 0.0
        while True:
            if ending := self._enough() or self._turn(SEARCHING, 0, 0, wait):
                return ending
            wait = 0.0 if self.moved else TURN

    def _enough(self) -> Ending | None:
        told, most = self.search.told.counts, self.limits.max_candidates
        if most is not None and told.candidates >= most:
            return "finished"
        if self.limits.max_trials is not None and self.trials >= self.limits.max_trials:
            return "finished"
        self.excused = min(self.excused, told.steps_without_news)
        quiet = told.steps_without_news - self.excused >= MOST_WITHOUT_NEWS
        return "exhausted" if quiet and not self._has_proposals() else None

    def _has_proposals(self) -> bool:
        """Whether the inbox has brought, or may bring, what is not told yet."""
        open_ones = any(step.proposer == "inbox" for step in self.search.open_steps)
        return open_ones or bool(self.proposals.inbox.waiting())

    def _move(self) -> list[ToldStep]:
        """Tell the steps that have ended and ask those that may be asked; return what was told."""
        told = []
        while self._enough() is None and (step := self._tell()) is not None:
            told.append(step)
        asked = 0
        while asked < ASKS and self._enough() is None and self._ask():
            asked += 1
            self._dispatch()
        self.moved = bool(told or asked)
        return told

    def _ask(self) -> bool:
        """Ask the next step if it may be asked now; return whether it was."""
        most = self.limits.max_candidates
        if not self.search.may_ask or (most is not None and self.search.candidates >= most):
            return False
        if self.limits.max_trials is not None:
            open_trials = sum(map(count_trials, self.search.open_steps))
            if self.trials + open_trials >= self.limits.max_trials:
                return False
        try:
            asked = self.search.ask(self.store.cells.read, self.outside)
        except Thinking:
            return False
        self.store.steps.add(asked.step, asked.cell)
        self._advance(asked.step)
        return True

    def _advance(self, step: Step) -> None:
        """Queue the trials that a step needs next; once it has ended, drop what nobody needs any more."""
        trials = self.search.needs(step, self.dispatcher.outcome)
        if trials:
            self.waiting[step.number] = set(trials)
            for trial in trials:
                self.waiters.setdefault(trial, []).append(step.number)
            self.dispatcher.queue(trials, step.number)
            return
        ended = list(possible_trials(self.plan, step))
        self.dispatcher.discard_checkpoints(ended)
        self.dispatcher.forget(ended)
        if step.filter is not None:
            self.dispatcher.forget([self.plan.filter_trial(step.cell, step.filter)])

    def _tell(self) -> ToldStep | None:
        """Tell the next step if it has ended, and return it."""
        ended = self.search.tell()
        if ended is None:
            return None
        step, verdict = ended.step, ended.verdict
        self.trials += count_trials(step, verdict.reached)
        self.store.steps.tell(step.number, verdict, self.elapsed)
        candidate = self.search.told.told_by(ended)
        self.store.standings.keep(self.search.told, [] if candidate is None else [candidate])
        return ToldStep(step, verdict, None if candidate is None else replace(candidate))

    # -- time ---------------------------------------------------------------------------------------------------

    def _turn(self, phase: str, done: int, total: int, wait: float = TURN) -> Ending | None:
        """Wait up to `wait` seconds for trials to end; return how the session ends, if it does."""
        if self.stopped():
            self._wind_down()
            return "interrupted"
        most = None if self.restoring else self.limits.max_seconds
        if most is not None and self.elapsed >= most:
            return "time"
        told = []
        # What comes of a turn is on the disk before anybody hears of it, and in one go.
        with self.store.database.group():
            self._collect(phase, 0.0 if self.dispatcher.may_dispatch else wait)
            if phase == SEARCHING:
                told = self._move()
            if told:
                self._note_waiting()
            self._dispatch()
        self.proposals.settle()
        for each in told:
            self.listener.told(each.step, each.verdict, each.candidate)
        progress = Progress(
            phase=phase,
            done=done,
            total=total,
            history=self.search.told if phase == SEARCHING else None,
            busy=self.dispatcher.busy,
            elapsed=self.elapsed,
            lost=self.dispatcher.take_lost(),
        )
        self.listener.progressed(progress)
        return None

    def _collect(self, phase: str, wait: float) -> None:
        """Wait up to `wait` seconds for trials to end.

        Raises:
            ArchsearchError: The host ended one of a reference.
        """
        for trial in self.dispatcher.collect(wait):
            if phase in OF_REFERENCES:
                outcome = self.dispatcher.outcome(trial)
                check_reference(self.plan, self.store.folder.name, trial, outcome)
            self._ended(trial)

    def _dispatch(self) -> None:
        """Give idle workers work; what ends without being trained ends at once."""
        while refused := self.dispatcher.dispatch():
            for trial in refused:
                self._ended(trial)

    def _ended(self, trial: Trial) -> None:
        """Let the steps that waited for a trial go on."""
        for number in sorted(self.waiters.pop(trial, ())):
            self.waiting[number].discard(trial)
            if not self.waiting[number]:
                del self.waiting[number]
                self._advance(self.search.asked[number])

    def _wind_down(self) -> None:
        """Say that running trials have a moment to end, and give it to them."""
        if self.dispatcher.busy:
            words = f"Stopping: what is being trained has {GRACE:.0f} s to end. Once more ends it at once."
            self.listener.said(words)
        self.settle()

    def settle(self) -> None:
        """Give running trials a moment to end, so that little is lost."""
        until = time.monotonic() + GRACE
        while self.dispatcher.busy and time.monotonic() < until:
            self.dispatcher.poll(TURN, dispatch=False)
