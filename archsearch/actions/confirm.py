"""Confirms a run: its best cells go before the referee against the GRU, and those that are better against the champion.

All cells begin; after every round the better half goes on, by the evidence of as many pairs each, until few are left. A
claim's evidence holds whenever it is dropped or goes on, so nothing is spent on choosing.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from archsearch.actions.judge import Bench, Heard, Hearing
from archsearch.actions.own_tasks import sources_of_run
from archsearch.actions.replay import check_data
from archsearch.actions.run import Run, open_run
from archsearch.cell import Cell, library
from archsearch.errors import InputError
from archsearch.protocol.claims import PAIRS, SETTINGS, Claim
from archsearch.protocol.plan import RunPlan
from archsearch.protocol.records import BASELINE
from archsearch.referee.ruling import Ruling
from archsearch.store import RunStore, read_leaderboard
from archsearch.store.claims import Ledger
from archsearch.words import short_id
from archsearch.workers.devices import recorded_device, worker_devices
from archsearch.workers.messages import Probe
from archsearch.workers.pool import WorkerPool
from archsearch.workers.probe import probe

TOP, LAST, ROUND = 10, 3, 2
"""Cells that begin, cells that go on to the end, and pairs of a round."""

FOLDER = "claims"
"""Where in a run's folder its ledger lies."""


@dataclass(frozen=True)
class Confirmation:
    """What the referee says of a run's best cells.

    Attributes:
        run: The run's name.
        hearings: Those against the GRU by rank, then those against the champion.
    """

    run: str
    hearings: tuple[Hearing, ...]

    def as_document(self) -> dict[str, object]:
        """Return all that `archsearch confirm --json` prints."""
        return {"run": self.run, "claims": [hearing.as_document() for hearing in self.hearings]}


def confirm_run(
    run: Run | str | os.PathLike[str],
    *,
    top: int = TOP,
    pairs: int = PAIRS,
    settings: int = SETTINGS,
    max_seconds: float | None = None,
    runs: str | os.PathLike[str] | None = None,
    data: str | os.PathLike[str] | None = None,
    workers: int | None = None,
    device: str = "auto",
    heard: Heard | None = None,
) -> Confirmation:
    """Let the referee judge the best cells of a run, on fresh pairs; called again it goes on from the pairs that it has.

    Args:
        run: A run, or its name or path.
        top: Ranks that begin; published cells among them are left out.
        pairs: Pairs of a claim after which no more are trained.
        settings: Settings of a pair.
        max_seconds: Seconds after which no more are trained; None for no limit.
        runs: Folder of all runs; None for ARCHSEARCH_RUNS, else "runs".
        data: Folder of the Penn Treebank's files; None for where the run had them.
        workers: Worker processes; None for one per GPU or CPU core.
        device: "auto" (as recorded), "cpu", or "cuda:0,cuda:1".
        heard: Told how it goes on; None: nobody is told.

    Raises:
        InputError: There is no such run, or it has found no cell, or the data are not the run's.
        RunLocked: Another process confirms the run.
        WorkerError: The host ends a trial again and again.
    """
    until = math.inf if max_seconds is None else time.monotonic() + max_seconds
    opened = run if isinstance(run, Run) else open_run(run, runs)
    with RunStore.open(opened.folder) as store:
        board, plan, place = read_leaderboard(store, opened.name), store.plan, store.data
        sources = sources_of_run(plan, store.sources)
        found = [row.id for row in board.rows if row.rank is not None and row.rank <= top and row.parent]
        cells = {short_id(cell): store.cell(cell) for cell in found}
    if not cells:
        raise InputError(f"{opened.name}: none of the first {top} ranks is a cell that the search has made")
    published = {name: library.load(name) for name in dict.fromkeys((BASELINE, board.champion or BASELINE))}
    devices = list(worker_devices(recorded_device(device, plan.engine), workers))
    with WorkerPool(devices, str(Path(data).resolve()) if data else place, sources) as pool:
        probed = probe(pool, [Probe(task.full_name) for task in plan.tasks])
        check_data(plan, probed.facts)
        here = msgspec.structs.replace(plan, engine=probed.hello.engine, machine=probed.hello.machine)
        bench = Bench(here, pool, [*cells.values(), *published.values()], heard)
        docket = _Docket(here, bench, Ledger(opened.folder / FOLDER), settings=settings, pairs=pairs)
        return Confirmation(opened.name, docket.heard(cells, published, until))


class _Docket:
    """The claims of a confirmation.

    Args:
        plan: What all cells are measured under.
        bench: Trains pairs.
        ledger: The run's.
        settings: Settings of a pair.
        pairs: Most pairs of a claim.

    Attributes:
        plan, bench, ledger, settings, pairs: The same.
    """

    def __init__(self, plan: RunPlan, bench: Bench, ledger: Ledger, *, settings: int, pairs: int) -> None:
        self.plan, self.bench, self.ledger = plan, bench, ledger
        self.settings, self.pairs = settings, pairs

    def heard(self, cells: dict[str, Cell], published: dict[str, Cell], until: float) -> tuple[Hearing, ...]:
        """Return all hearings, as far as they came.

        Args:
            cells: The cells by their short ids, the best first.
            published: The GRU, then the champion if that is another.
            until: When to stop, on the monotonic clock.
        """
        baseline, *champions = published
        with ExitStack() as locks:
            begun = [
                self._entered(locks, (name, baseline), cells[name], published[baseline]) for name in cells
            ]
            hearings = self._halved(begun, until)
            better = [one for one in hearings if one.ruling is Ruling.BETTER]
            for champion in champions:
                pairs = [(one.names[0], champion) for one in better]
                against = [
                    self._entered(locks, names, cells[names[0]], published[champion]) for names in pairs
                ]
                hearings += [self._going_on(one, self.pairs, until) for one in against]
        return tuple(hearings)

    def _entered(self, locks: ExitStack, names: tuple[str, str], a: Cell, b: Cell) -> Hearing:
        """Return a claim that is entered and held."""
        claim = Claim.of(self.plan, a.id, b.id, self.settings, ledger="run")
        number = self.ledger.enter(claim)
        locks.enter_context(self.ledger.hearing(claim))
        return Hearing(claim, number, names, self.ledger.pairs(claim))

    def _halved(self, begun: Sequence[Hearing], until: float) -> list[Hearing]:
        """Return all hearings in their order, the last few as far as they go, the others as far as they came."""
        known, alive, rounds = dict(enumerate(begun)), list(range(len(begun))), 0
        while len(alive) > LAST:
            rounds += 1
            for number in alive:
                known[number] = self._going_on(known[number], rounds * ROUND, until)
            ranked = sorted(alive, key=lambda number: -_strength(known[number], rounds * ROUND))
            alive = sorted(ranked[: max(LAST, len(alive) // 2)])
        for number in alive:
            known[number] = self._going_on(known[number], self.pairs, until)
        return list(known.values())

    def _going_on(self, hearing: Hearing, pairs: int, until: float) -> Hearing:
        return self.bench.heard_out(hearing, self.ledger, pairs, until)


def _strength(hearing: Hearing, pairs: int) -> float:
    """Return the evidence of the first pairs on the task where it is weakest, so that later ones change no choice."""
    first = replace(hearing, pairs={task: results[:pairs] for task, results in hearing.pairs.items()})
    return min(found.log_better - found.log_worse for found in first.evidence.values())
