"""What a run is doing, told from outside: read from its database and its lock, whether anybody searches in it or not."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from pathlib import Path

import msgspec

from archsearch.actions.host_checks import size
from archsearch.actions.merged_words import parts_words
from archsearch.errors import ArchsearchError
from archsearch.protocol.hearing import Hearing
from archsearch.protocol.plan import RunPlan
from archsearch.protocol.racing import possible_trials
from archsearch.protocol.references import noise_trials, reference_cells, reference_step
from archsearch.store import Leaderboard, Lock, Part, RunStore, Session, list_runs, read_leaderboard
from archsearch.store.folder import SETTINGS
from archsearch.store.history import RecordedOutcomes
from archsearch.words import short_id

MINUTE = 60.0

MOST_SEEDS = 4
"""Seeds of a merged run that are told one by one."""


class RunStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What a run is doing.

    Attributes:
        run: Its name.
        folder: Where it lies.
        state: "searching"; "stopped", which may go on; "finished", "time" or "exhausted"; "merged"; "damaged".
        began: When it was made, such as "2024-05-01 10:00".
        bytes: What its database takes.
        searcher: Who searches in it, in words; empty if nobody does.
        host: Where it was searched last; empty where that was not noted.
        fault: Why its records cannot be read.
        preset, strategy, seed: What it was asked for.
        phase: "references", "noise" or "steps".
        done, due: Trials of that phase, before the steps.
        told: Steps told.
        candidates: Candidates told.
        scored: Those that have a fitness.
        best: The fitness of the best found cell; None while there is none.
        best_cell: Its id.
        verdict: What the referee says of a found cell beside the GRU, in words; empty if it was not asked.
        seconds: Of search so far, over all sessions.
        rate: Candidates a minute, references and noise not counted.
        waited: The share of the workers' time that they waited for work, from 0 to 1; None where that was not noted.
        max_candidates, max_seconds: When the run is finished, as was said last.
        seconds_left: Until then, as fast as it was; None where nothing says so.
        failures: How many steps ended in each way but with a fitness; trials that ended by a fact of the host, by cause.
        merged: The runs that it was made of, each with its seed; nothing of a run that was searched in.
    """

    run: str
    folder: str
    state: str
    began: str
    bytes: int
    searcher: str = ""
    host: str = ""
    fault: str = ""
    preset: str = ""
    strategy: str = ""
    seed: int = 0
    phase: str = ""
    done: int = 0
    due: int = 0
    told: int = 0
    candidates: int = 0
    scored: int = 0
    best: float | None = None
    best_cell: str = ""
    verdict: str = ""
    seconds: float = 0.0
    rate: float | None = None
    waited: float | None = None
    max_candidates: int | None = None
    max_seconds: float | None = None
    seconds_left: float | None = None
    failures: dict[str, int] = {}
    merged: tuple[Part, ...] = ()

    @property
    def seeds(self) -> str:
        """Its seed, or those of the runs that it was made of, in words."""
        seeds = [part.seed for part in self.merged] or [self.seed]
        return ", ".join(map(str, seeds)) if len(seeds) <= MOST_SEEDS else f"{len(seeds)} seeds"


def run_status(folder: Path) -> RunStatus:
    """Return what a run is doing; nothing in it changes, and a search in it is not held up."""
    searcher = Lock(folder).holder or ""
    try:
        with RunStore.open(folder) as store:
            return status_of(store, folder, read_leaderboard(store, folder.name), searcher)
    except ArchsearchError as error:
        return RunStatus(
            run=folder.name,
            folder=str(folder),
            state="damaged",
            searcher=searcher,
            fault=str(error),
            began=_began(folder),
            bytes=_size(folder),
        )


def run_statuses(runs: Path) -> list[RunStatus]:
    """Return what each run of a folder is doing, the newest first."""
    return [run_status(folder) for folder in list_runs(runs)]


def status_of(store: RunStore, folder: Path, board: Leaderboard, searcher: str) -> RunStatus:
    """Return what a run is doing whose leaderboard was read already.

    Args:
        store: The run's database.
        folder: The run's.
        board: Its leaderboard.
        searcher: Who searches in it, in words; empty if nobody does.
    """
    plan = board.plan
    counts, session, seconds = (
        store.standings.counts,
        store.facts.session or _planned(plan),
        store.facts.elapsed,
    )
    phase, done, due = ("steps", 0, 0) if board.told else _preparing(store, plan)
    best = next((row for row in board.rows if row.is_found), None)
    rate = _rate(board.candidates, seconds - (session.prepared or 0.0))
    return RunStatus(
        run=folder.name,
        folder=str(folder),
        state="searching" if searcher else store.facts.ended or "stopped",
        began=_began(folder),
        bytes=_size(folder),
        searcher=searcher,
        host=session.host,
        preset=plan.preset_name,
        strategy=plan.strategy,
        seed=plan.seed,
        phase=phase,
        done=done,
        due=due,
        told=board.told,
        candidates=board.candidates,
        scored=counts.scored if counts else sum(row.rank is not None for row in board.rows),
        best=best.fitness if best else None,
        best_cell=best.id if best else "",
        verdict=_verdict(board.verdict),
        seconds=seconds,
        rate=rate,
        waited=session.waited / session.offered if session.offered else None,
        max_candidates=session.max_candidates,
        max_seconds=session.max_seconds,
        seconds_left=_seconds_left(session, board.candidates, seconds, rate),
        failures=_failures(store, board),
        merged=board.merged,
    )


def _verdict(hearing: Hearing | None) -> str:
    if hearing is None:
        return ""
    return (
        f"{hearing.names[0]} beside {hearing.names[1]}: {hearing.ruling.value}, after {hearing.count} pairs"
    )


def _planned(plan: RunPlan) -> Session:
    """Return what a preset says of the end of a search, for a run that did not note it."""
    return Session(plan.preset.search.max_candidates)


def _preparing(store: RunStore, plan: RunPlan) -> tuple[str, int, int]:
    """Return what a run does before its first step: the phase, how many of its trials have ended, and of how many."""
    outcomes = RecordedOutcomes(store)
    steps = [reference_step(plan, cell.id) for cell in reference_cells(plan).values()]
    trials = {trial for step in steps for trial in possible_trials(plan, step)}
    done = sum(outcomes(trial) is not None for trial in trials)
    if done < len(trials):
        return "references", done, len(trials)
    draws = noise_trials(plan, outcomes)
    longest = [each for of_task in draws.values() for draw in of_task for each in draw.values()]
    return "noise", sum(each.outcome is not None for each in longest), len(longest)


def _rate(candidates: int, seconds: float) -> float | None:
    return MINUTE * candidates / seconds if candidates and seconds > 0 else None


def _seconds_left(session: Session, candidates: int, seconds: float, rate: float | None) -> float | None:
    """Return how long a search takes yet: to its limit of time, or of candidates at its rate, whichever is sooner."""
    left = [] if session.max_seconds is None else [session.max_seconds - seconds]
    if session.max_candidates is not None and rate:
        left.append(MINUTE * (session.max_candidates - candidates) / rate)
    return max(0.0, min(left)) if left else None


def _failures(store: RunStore, board: Leaderboard) -> dict[str, int]:
    """Return what ended without a fitness; trials are gone through only where some step was not evaluated."""
    fates = {fate: count for fate, count in board.fates.items() if fate != "evaluated"}
    return fates | (store.trials.host_failures() if fates.get("not evaluated") else {})


def _began(folder: Path) -> str:
    try:
        return f"{datetime.fromtimestamp((folder / SETTINGS).stat().st_mtime):%Y-%m-%d %H:%M}"
    except OSError:
        return ""


def _size(folder: Path) -> int:
    """Return the bytes of a run's database with its log."""
    total = 0
    for file in folder.glob("run.db*"):
        with suppress(OSError):  # the log goes when the last who had it open closes
            total += file.stat().st_size
    return total


def status_lines(status: RunStatus) -> dict[str, str]:
    """Return what a run is doing as lines for people, each under its heading."""
    lines = {"state": status.state + (f" by {status.searcher}" if status.searcher else "")}
    if status.fault:
        return lines | {"fault": status.fault}
    lines["asked for"] = f"preset {status.preset}, strategy {status.strategy}, seed {status.seeds}"
    lines["phase"] = status.phase + (f", {status.done} of {status.due} trials" if status.due else "")
    lines["found"] = f"{status.told:,} steps, {status.candidates:,} candidates, {status.scored:,} scored"
    if status.best is not None:
        lines["best"] = f"{status.best:.3f}  {short_id(status.best_cell)}"
    if status.verdict:
        lines["verdict"] = status.verdict
    lines["time"] = span(status.seconds) + (f", {status.rate:.1f} candidates a minute" if status.rate else "")
    lines["time"] += "" if status.waited is None else f", workers waited {status.waited:.0%} of theirs"
    if status.merged:
        lines["merged of"] = parts_words(status.merged)
    else:
        lines["left"] = _left(status)
    failures = ", ".join(f"{count} {cause}" for cause, count in status.failures.items())
    began = status.began + (f", searched on {status.host}" if status.host and not status.searcher else "")
    return lines | {"failures": failures or "none", "began": began, "size": size(status.bytes)}


def _left(status: RunStatus) -> str:
    limits = [f"{status.max_candidates:,} candidates"] if status.max_candidates is not None else []
    limits += [span(status.max_seconds)] if status.max_seconds is not None else []
    if not limits:
        return "no limit was said; it goes on until it is stopped"
    about = "not known yet" if status.seconds_left is None else f"about {span(status.seconds_left)}"
    return f"{about}, to {' or '.join(limits)}"


def span(seconds: float) -> str:
    """Return a time for people: `45 s`, `12 min`, `3.5 h`, `2.0 days`."""
    for unit, length in (("days", 86_400.0), ("h", 3_600.0), ("min", MINUTE)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}" if unit == "min" else f"{seconds / length:.1f} {unit}"
    return f"{seconds:.0f} s"
