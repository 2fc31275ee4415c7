"""Trains the children of a census as a search would, once each, and says how many pass the filter and the gates."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from msgspec.structs import replace

from archsearch.actions.confirm_cost import Cost, cost_of_trials, speeds
from archsearch.actions.resolve import ResolvedRequest
from archsearch.actions.tasks import resolve_tasks, usual_tasks
from archsearch.cell import Cell, library
from archsearch.protocol import noise
from archsearch.protocol.evaluation import Ended, evaluate
from archsearch.protocol.fitness import Tries
from archsearch.protocol.loading import changed_preset, load_preset
from archsearch.protocol.plan import RunPlan
from archsearch.protocol.racing import StageTrials, possible_trials
from archsearch.protocol.records import BASELINE, Stage, Step
from archsearch.protocol.references import check_baseline, noise_trials
from archsearch.store import CheckpointFolder
from archsearch.workers.devices import worker_devices
from archsearch.workers.dispatch import POLL_SECONDS, Dispatcher, Progressed
from archsearch.workers.pool import WorkerPool
from archsearch.workers.trial_log import MemoryTrialLog

AHEAD = 4
"""Children in work for each worker, so that none waits."""


@dataclass(frozen=True)
class Passes:
    """How many children pass what a preset has before its last task.

    Attributes:
        preset: The preset's name.
        trained: Children that were trained.
        too_narrow: Others that a budget of the preset gives too few units.
        filter: Of the trained ones those that pass the filter on the first of its settings; None where there is none.
        gates: Those that pass the gate of each task, by the task's name, in order.
        not_evaluated: Those that the host ended.
        seconds: What that took.
    """

    preset: str
    trained: int
    too_narrow: int
    filter: int | None
    gates: dict[str, int]
    not_evaluated: int
    seconds: float


def train_children(
    cells: Sequence[Cell],
    *,
    preset: str,
    changes: Mapping[str, Any],
    data: Path | None = None,
    workers: int | None = None,
    device: str = "auto",
    priced: Callable[[int, Cost], object] = lambda count, cost: None,
    progressed: Progressed = lambda done, total: None,
) -> Passes:
    """Return how many of some cells pass the filter and the gates of a preset.

    Args:
        cells: The cells, each once.
        preset: Name or TOML file.
        changes: What it says otherwise, by key.
        data: Folder of the Penn Treebank's files.
        workers: Worker processes; None for one per GPU or CPU core.
        device: "auto" (all GPUs, else the CPU), "cpu", or "cuda:0,cuda:1".
        priced: Told how many are trained, and what that costs at most, once the GRU has been.
        progressed: Told how many cells of how many have ended.

    Raises:
        InputError: Something is unknown.
        ArchsearchError: The GRU learns nothing under the preset.
    """
    name, rules = load_preset(preset)
    rules = changed_preset(name, rules, changes)
    tasks = resolve_tasks(name, rules, usual_tasks(rules, data)[0])
    request = ResolvedRequest(name, rules, tasks)
    devices = list(worker_devices(device, workers))
    with WorkerPool(devices, str(data.resolve()) if data else None) as pool, TemporaryDirectory() as paused:
        pool.name_workers("archsearch mutate --census")
        plan = request.plan(request.probed(pool))
        return ChildTrials(plan, pool, Path(paused), progressed).passes(cells, priced)


class ChildTrials:
    """Trains cells up to the last gate of a plan; behind its last task there is none.

    Args:
        plan: What cells are measured under.
        pool: Who trains.
        paused: Folder of trials that wait for a rung.
        progressed: Told how many cells of how many have ended.

    Attributes:
        plan, progressed: The same.
        gated: The plan of the tasks with a gate.
        cells: All that are trained, by id.
        dispatcher: Hands trials to the workers.
        most: Cells in work at once.
    """

    def __init__(self, plan: RunPlan, pool: WorkerPool, paused: Path, progressed: Progressed) -> None:
        self.plan, self.progressed = plan, progressed
        self.gated = replace(plan, tasks=plan.tasks[:-1])
        self.cells = {cell.id: cell for cell in [library.load(BASELINE)]}
        self.dispatcher = Dispatcher(
            MemoryTrialLog(), pool, self.cells.__getitem__, CheckpointFolder(paused), plan.pauses
        )
        self.most = AHEAD * len(pool.devices)

    def passes(self, cells: Sequence[Cell], priced: Callable[[int, Cost], object]) -> Passes:
        """Return how many of some cells pass; see `train_children`."""
        began = time.monotonic()
        wide = [cell for cell in cells if self.plan.too_narrow(cell) is None]
        self.cells |= {cell.id: cell for cell in wide}
        baseline = self._baseline()
        gates = noise.gates(self.gated, noise.clone_ratios(self.plan, self._clones()))
        steps = [self._step(number, cell) for number, cell in enumerate(wide)]
        priced(len(steps), self._cost(steps))
        ended = self._ended(steps, baseline, gates)
        return Passes(
            preset=self.plan.preset_name,
            trained=len(steps),
            too_narrow=len(cells) - len(wide),
            filter=_beyond(ended, 0) if self.plan.preset.filter.tries else None,
            gates={task.name: _beyond(ended, place) for place, task in enumerate(self.gated.tasks, 1)},
            not_evaluated=sum(each.verdict.fate == "not evaluated" for each in ended),
            seconds=time.monotonic() - began,
        )

    def _stages(self) -> tuple[Stage, ...]:
        """Return what is trained on the tasks that have a gate: s1..sk, or k that represent the grid."""
        return tuple(Stage(task.name, self.plan.noise_settings(task)) for task in self.gated.tasks)

    def _baseline(self) -> Tries:
        """Return the GRU's trials.

        Raises:
            ArchsearchError: It learns nothing.
        """
        (ended,) = self._ended([Step(-1, "start", library.load(BASELINE).id, stages=self._stages())])
        check_baseline(self.gated, ended.tries)
        return ended.tries

    def _clones(self) -> dict[str, list[StageTrials]]:
        """Return the noise trials of the tasks whose gates are set by noise."""
        by_noise = replace(
            self.gated, tasks=tuple(task for task in self.gated.tasks if task.rules.gate == "noise")
        )
        while True:
            draws = noise_trials(by_noise, self.dispatcher.outcome)
            longest = (each for of_task in draws.values() for draw in of_task for each in draw.values())
            if not (missing := [each.trial for each in longest if each.outcome is None]):
                return draws
            self.dispatcher.finish(missing, shared=True)

    def _step(self, number: int, cell: Cell) -> Step:
        """Return the step of a proposal that ends with the last gate."""
        return Step(
            number,
            "propose",
            cell.id,
            filter=self.plan.filter_setting(cell.id, 0),
            stages=(*self._stages(), Stage(self.plan.tasks[-1].name, ())),
            gated=True,
            raced=True,
        )

    def _cost(self, steps: Sequence[Step]) -> Cost:
        """Return what steps cost if nothing stops a cell, by the GRU's own trials."""
        trials = [
            self.plan.trial(step.cell, stage.task, setting)
            for step in steps
            for stage in step.stages
            for setting in stage.settings
        ]
        filters = [self.plan.filter_trial(step.cell, step.filter) for step in steps if step.filter]
        return cost_of_trials([*filters, *trials], speeds(self.dispatcher.known.items()))

    def _ended(
        self, steps: Sequence[Step], baseline: Tries | None = None, gates: Mapping[str, float] | None = None
    ) -> list[Ended]:
        """Train until all steps have ended, and return how, in their order."""
        ended: dict[int, Ended] = {}
        waiting: list[Step] = []
        coming = iter(steps)
        while len(ended) < len(steps):
            waiting += islice(coming, self.most - len(waiting))
            for step in waiting:
                result = evaluate(self.plan, step, self.dispatcher.outcome, baseline or {}, gates or {})
                if isinstance(result, Ended):
                    ended[step.number] = result
                    self.dispatcher.discard_checkpoints(possible_trials(self.plan, step))
                else:
                    self.dispatcher.queue(result.trials, step.number, shared=baseline is None)
            waiting = [step for step in waiting if step.number not in ended]
            self.progressed(len(ended), len(steps))
            if waiting:
                self.dispatcher.poll(POLL_SECONDS)
        return [ended[step.number] for step in steps]


def _beyond(ended: Sequence[Ended], stages: int) -> int:
    """Return how many steps have gone on behind so many stages; behind none, when the filter is passed."""
    return sum(each.verdict.reached > stages for each in ended)
