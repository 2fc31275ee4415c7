"""The last act of a search: its best found cell goes before the referee, against the GRU, on fresh pairs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from archsearch.actions.judge import Bench
from archsearch.actions.listener import Listener, Progress, SearchLimits
from archsearch.cell import library
from archsearch.protocol.claims import PAIRS, Claim, ledger_of
from archsearch.protocol.hearing import Hearing
from archsearch.protocol.plan import RunPlan
from archsearch.protocol.records import BASELINE
from archsearch.store import RunStore, read_leaderboard
from archsearch.store.claims import RunLedger, called, made_before
from archsearch.workers.pool import WorkerPool
from archsearch.workers.spending import Spending

COUNTED_PAIRS = 12
"""Most pairs of a run that ends with a number of candidates, so that its length is counted and not timed."""


def limits_of_search(limits: SearchLimits, plan: RunPlan) -> SearchLimits:
    """Return when the search of a run ends, so that the last share of its time is left for the verdict."""
    if limits.max_seconds is None:
        return limits
    return replace(limits, max_seconds=limits.max_seconds * (1 - plan.preset.search.verdict))


def is_due(store: RunStore, plan: RunPlan, limits: SearchLimits) -> bool:
    """Return whether a run whose search is over lacks pairs for its verdict.

    Args:
        store: The run's database.
        plan: The run's plan.
        limits: When the run is finished.
    """
    if plan.preset.search.verdict == 0 or (best := best_found(store)) is None:
        return False
    hearing, most = _hearing(store, plan, best), _most(limits)
    return bool(hearing.due) and hearing.count < most and not hearing.is_futile(most)


def best_found(store: RunStore) -> str | None:
    """Return the id of the best cell that the search has made; None if none is scored."""
    rows = read_leaderboard(store, "").rows
    return next((row.id for row in rows if row.is_found), None)


def judge_best(
    store: RunStore,
    plan: RunPlan,
    pool: WorkerPool,
    limits: SearchLimits,
    listener: Listener,
    *,
    elapsed: Callable[[], float],
    stopped: Callable[[], bool],
    spending: Spending | None = None,
) -> float:
    """Let the referee judge the best found cell until there is a ruling, none can come any more, or no time is left.

    Returns:
        The seconds that workers waited for work meanwhile, all together.

    Args:
        store: The run's database, opened for writing; every pair is kept there.
        plan: The run's plan.
        pool: Its workers, all idle.
        limits: When the run is finished.
        listener: Who is told.
        elapsed: Seconds of the run so far, over all sessions.
        stopped: Whether an interrupt has come.
        spending: Where the seconds of trials are added up; None: nowhere.
    """
    if plan.preset.search.verdict == 0 or (best := best_found(store)) is None:
        return 0.0
    hearing, ledger, noted = _hearing(store, plan, best), RunLedger(store), 0
    ledger.enter(hearing.claim)

    def heard(known: Hearing, done: int, of: int) -> None:
        nonlocal noted
        if known.count > noted:
            noted, store.facts.elapsed = known.count, elapsed()
        progress = Progress(
            phase="verdict",
            done=done,
            total=of,
            history=None,
            busy=len(pool.devices),
            elapsed=elapsed(),
            hearing=known,
            lost=bench.dispatcher.take_lost(),
        )
        listener.progressed(progress)

    def over() -> bool:
        return stopped() or (limits.max_seconds is not None and elapsed() >= limits.max_seconds)

    bench = Bench(plan, pool, [store.cells.read(best), library.load(BASELINE)], heard, spending)
    bench.heard_out(hearing, ledger, _most(limits), over, for_ruling=True)
    return bench.dispatcher.waited


def _hearing(store: RunStore, plan: RunPlan, best: str) -> Hearing:
    """Return the claim about a cell as it is known; one that was never made has the next number."""
    gru, settings = library.load(BASELINE).id, plan.preset.search.verdict_settings
    question, known = Claim.of(plan, best, gru, settings, ledger_of(plan)), store.claims.read()
    claim = made_before(RunLedger(store), question, "parameters") or question
    names = called(best), BASELINE
    for number, (made, pairs) in known.items():
        if made == claim:
            return Hearing(claim, number, names, pairs)
    return Hearing(claim, max(known, default=0) + 1, names, {task.name: () for task in claim.tasks})


def _most(limits: SearchLimits) -> int:
    return PAIRS if limits.max_candidates is None else COUNTED_PAIRS
