"""Trains the pairs of a run's claims again and compares them, so that its verdicts can be believed without being trusted."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from msgspec import UNSET
from msgspec.structs import replace

from archsearch.actions.own_tasks import sources_of_run
from archsearch.actions.replay import TOLERANCE, check_data
from archsearch.actions.run import Run, open_run
from archsearch.errors import InputError
from archsearch.protocol.claims import Claim, PairResult, Pairs, pair_result
from archsearch.protocol.plan import RunPlan
from archsearch.protocol.records import Outcome, Trial
from archsearch.store import RunStore
from archsearch.store.claims import called
from archsearch.workers.devices import recorded_device, worker_devices
from archsearch.workers.dispatch import Dispatcher, Progressed
from archsearch.workers.messages import Hello, Probe
from archsearch.workers.pool import WorkerPool
from archsearch.workers.probe import probe
from archsearch.workers.trial_log import MemoryTrialLog


@dataclass(frozen=True)
class ReplayedClaim:
    """The pairs of a claim, recorded and trained again.

    Attributes:
        number: Its place in the ledger.
        claim: What it says.
        names: What people call the two cells.
        recorded: The pairs in the run.
        replayed: The pairs now.
        exact: Whether machine and engine are those of the record.
    """

    number: int
    claim: Claim
    names: tuple[str, str]
    recorded: Pairs
    replayed: Pairs
    exact: bool

    @property
    def count(self) -> int:
        """How many pairs it has, on all tasks."""
        return sum(map(len, self.recorded.values()))

    @property
    def failures(self) -> list[str]:
        """The pairs that do not agree, each as its task and number: in every bit, elsewhere within a tolerance."""
        return [
            f"{task} {number}"
            for task, results in self.recorded.items()
            for number, (then, now) in enumerate(zip(results, self.replayed[task], strict=True), 1)
            if not (then == now or (not self.exact and _near(then, now)))
        ]

    def as_dict(self) -> dict[str, object]:
        """Return the claim as plain values."""
        a, b = self.names
        return {
            "claim": self.number,
            "a": a,
            "b": b,
            "tasks": {task.name: list(task.rules.budgets) for task in self.claim.tasks},
            "equal": self.claim.alike,
            **({} if self.claim.length is UNSET else {"length": self.claim.length}),
            "pairs": self.count,
            "failures": self.failures,
        }


def replay_verdicts(
    run: Run | str | os.PathLike[str],
    *,
    runs: str | os.PathLike[str] | None = None,
    own: Sequence[str] = (),
    data: str | os.PathLike[str] | None = None,
    workers: int | None = None,
    device: str = "auto",
    progressed: Progressed | None = None,
) -> tuple[ReplayedClaim, ...]:
    """Train the pairs of all claims of a run again from the claims alone, and compare them.

    Args:
        run: A run, or its name or path.
        runs: Folder of all runs; None for ARCHSEARCH_RUNS, else "runs".
        own: The run's own tasks that you name, as for `replay`.
        data: Folder of the Penn Treebank's files; None for where the run had them.
        workers: Worker processes; None for one per GPU or CPU core.
        device: "auto" (as recorded), "cpu", or "cuda:0,cuda:1".
        progressed: Told how many trials of how many have ended; None: nobody is told.

    Raises:
        InputError: There is no such run, or the referee was never asked about it, or the data are not the run's.
    """
    opened = run if isinstance(run, Run) else open_run(run, runs)
    with RunStore.open(opened.folder) as store:
        plan, claims = store.facts.plan, store.claims.read()
        if not any(any(pairs.values()) for _, pairs in claims.values()):
            raise InputError(
                f"{opened.name}: the referee has heard no pair of it; archsearch confirm {opened.name} asks it"
            )
        sources = sources_of_run(plan, store.facts.sources, own)
        devices = list(worker_devices(recorded_device(device, plan.engine), workers))
        with WorkerPool(devices, str(Path(data).resolve()) if data else store.facts.data, sources) as pool:
            pool.name_workers(f"archsearch replay {store.folder.name}")
            plans = {number: _plan(plan, claim) for number, (claim, _) in claims.items()}
            names = dict.fromkeys(task.full_name for each in plans.values() for task in each.tasks)
            probed = probe(pool, [Probe(name) for name in names])
            for each in plans.values():
                check_data(each, probed.facts)
            trials = [
                trial
                for number, (claim, pairs) in claims.items()
                for trial in _trials(plans[number], claim, pairs)
            ]
            dispatcher = Dispatcher(MemoryTrialLog(), pool, store.cells.read)
            outcomes = dispatcher.finish(trials, progressed)
    return tuple(
        ReplayedClaim(
            number=number,
            claim=claim,
            names=(called(claim.a), called(claim.b)),
            recorded=pairs,
            replayed=_replayed(plans[number], claim, pairs, outcomes),
            exact=_is_exact(claim, probed.hello),
        )
        for number, (claim, pairs) in claims.items()
    )


def _plan(plan: RunPlan, claim: Claim) -> RunPlan:
    """Return what a claim's pairs were measured under."""
    return replace(plan, tasks=claim.tasks, engine=claim.engine, machine=claim.machine)


def _trials(plan: RunPlan, claim: Claim, pairs: Pairs) -> list[Trial]:
    return [
        trial
        for task in claim.tasks
        for number in range(1, 1 + len(pairs[task.name]))
        for side in claim.trials(plan, task, number)
        for trial in side
    ]


def _replayed(plan: RunPlan, claim: Claim, pairs: Pairs, outcomes: dict[Trial, Outcome]) -> Pairs:
    return {
        task.name: tuple(
            pair_result(plan, task.name, claim.trials(plan, task, number), outcomes, claim.length)
            for number in range(1, 1 + len(pairs[task.name]))
        )
        for task in claim.tasks
    }


def _is_exact(claim: Claim, hello: Hello) -> bool:
    return hello.machine == claim.machine and claim.engine in hello.engines


def _near(then: PairResult, now: PairResult) -> bool:
    """Whether the skills of a pair agree within the tolerance of another machine."""
    sides = ((then.a, now.a), (then.b, now.b))
    return all(a is not None and b is not None and abs(a - b) <= TOLERANCE for a, b in sides)
