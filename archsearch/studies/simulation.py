"""Searches in which a file of candidates answers in the place of training; their runs are ordinary ones otherwise."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from msgspec.structs import replace
from scipy.stats import spearmanr

from archsearch.actions.listener import Hears, SearchLimits, as_listener
from archsearch.actions.loop import SearchLoop
from archsearch.cell.likeness import distance
from archsearch.errors import InputError
from archsearch.protocol.candidates import CandidatesFile
from archsearch.protocol.plan import RunPlan
from archsearch.protocol.recorded import VERSION, RecordedTrials
from archsearch.store import Lock, RunStore, make_run
from archsearch.workers.dispatch import Dispatcher
from archsearch.workers.messages import Hello
from archsearch.workers.simulated import SimulatedPool

ENGINE = f"simulated {VERSION}"
"""What the plan of such a run has for an engine, so that nobody takes its scores for measured ones."""

LEAST, MOST = 4, 500
"""Scored cells from which a rank correlation says anything, and of which every second, third … is taken."""


def simulated_plan(file: CandidatesFile, strategy: str, seed: int) -> RunPlan:
    """Return the plan of a simulated search: that of the file's run with another strategy and seed, and without a verdict.

    Args:
        file: The file.
        strategy: A key of STRATEGIES.
        seed: Of the run.
    """
    plan = file.header.plan
    search = replace(plan.preset.search, verdict=0.0, max_time=None, max_candidates=None)
    preset = replace(plan.preset, search=search)
    machine = f"candidates {file.checksum[:16]}"
    return replace(plan, preset=preset, strategy=strategy, seed=seed, engine=ENGINE, machine=machine)


def check_simulated(store: RunStore, plan: RunPlan) -> None:
    """Refuse a run that is not the simulated one of a plan.

    Raises:
        InputError: It was asked for otherwise.
    """
    if store.facts.plan != plan:
        raise InputError(
            f"{store.folder} is another run, of engine {store.facts.plan.engine} ({store.facts.plan.machine}); "
            "give another folder (--folder)"
        )


def search_simulated(
    folder: Path, plan: RunPlan, answer: RecordedTrials, trials: int, hears: Hears | None = None
) -> None:
    """Begin a simulated run, or go on with it, until it has so many trials.

    Args:
        folder: Of the run.
        plan: Its plan.
        answer: Says how trials end.
        trials: Trials of the run in all.
        hears: Hears of it.

    Raises:
        InputError: The folder is another run.
    """
    if not folder.exists():
        make_run(folder, plan)
    with Lock(folder), RunStore.open(folder, write=True) as store:
        check_simulated(store, plan)
        store.trials.interrupt()
        with SimulatedPool(answer, Hello(plan.machine, plan.engine)) as pool:
            dispatcher = Dispatcher(store.trials, pool, store.cells.read)
            limits = SearchLimits(max_trials=trials)
            loop = SearchLoop(store, plan, dispatcher, limits, as_listener(hears), stopped=lambda: False)
            store.facts.ended = loop.run()


class Likeness(NamedTuple):
    """How well the cell most like a found one tells its rank, each left out in its turn.

    Attributes:
        cells: For how many found cells it was tried.
        spearman: The rank correlation of fitnesses; None for fewer than `LEAST` cells, or equal ones.
    """

    cells: int
    spearman: float | None


def likeness_agreement(answer: RecordedTrials) -> Likeness:
    """Return how far likeness tells fitness in a file."""
    scored = [line for line in answer.file.lines if line.fitness is not None and not line.reference]
    scored = scored[:: len(scored) // MOST + 1]
    if len(scored) < LEAST:
        return Likeness(len(scored), None)
    told = []
    for line in scored:
        others = [other for other in scored if other.id != line.id]
        mine = answer.labels[line.id]
        told.append(min(others, key=lambda other: distance(mine, answer.labels[other.id])).fitness)
    truth = [line.fitness for line in scored]
    if len(set(truth)) < 2 or len(set(told)) < 2:
        return Likeness(len(scored), None)
    return Likeness(len(scored), float(spearmanr(np.array(truth), np.array(told)).statistic))
