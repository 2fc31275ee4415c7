"""Whether a cell survives its first steps at the corners of the grid, alone and stacked: what diverges does so early."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from archsearch.cell import Cell
from archsearch.protocol.plan import PlannedTask, RunPlan
from archsearch.protocol.records import Outcome, Trial
from archsearch.protocol.settings import Setting
from archsearch.protocol.units import SMALLEST, units

STEPS = 100
"""Training steps of a probe."""

LAYERS = (1, 2)

UNSTACKED, LOW_RATES = "cannot be stacked", "diverges at low rates"


@dataclass(frozen=True)
class Stability:
    """How the probes of a cell ended.

    Attributes:
        ended: Each probe with whether it diverged; what the host ended is not among them.
    """

    ended: tuple[tuple[Trial, bool], ...]

    @property
    def flags(self) -> list[str]:
        """What people should know: with two layers half of a task's corners diverge, or one does at the lowest rate."""
        alone, stacked = self._of_tasks(1), self._of_tasks(2)
        unstacked = any(2 * sum(map(_diverged, those)) >= len(those) for those in stacked)
        low = any(
            _diverged(probe) for those in alone for probe in those if _rate(probe) == min(map(_rate, those))
        )
        return [UNSTACKED] * unstacked + [LOW_RATES] * low

    def _of_tasks(self, layers: int) -> list[list[tuple[Trial, bool]]]:
        """Return the probes with so many layers, task by task; one at two sizes is two."""
        tasks: dict[tuple[str, int], list[tuple[Trial, bool]]] = {}
        for trial, diverged in self.ended:
            if trial.setting.layers == layers:
                tasks.setdefault((trial.task, trial.setting.budget), []).append((trial, diverged))
        return list(tasks.values())

    def as_document(self) -> dict[str, object]:
        """Return the flags, and of each number of layers how many probes diverged."""
        counts = {
            str(layers): {
                "diverged": sum(diverged for trial, diverged in self.ended if trial.setting.layers == layers),
                "probes": sum(trial.setting.layers == layers for trial, _ in self.ended),
            }
            for layers in LAYERS
        }
        return {"flags": self.flags, "layers": counts}


def _diverged(probe: tuple[Trial, bool]) -> bool:
    return probe[1]


def _rate(probe: tuple[Trial, bool]) -> float:
    return probe[0].setting.rate


def probes(plan: RunPlan, cell: Cell) -> list[Trial]:
    """Return the probes of a cell on every task of a plan, where its budget leaves the layers wide enough."""
    return [
        _probe(plan, cell, task, setting) for task in plan.tasks for setting in _corners(plan, task, cell)
    ]


def _corners(plan: RunPlan, task: PlannedTask, cell: Cell) -> list[Setting]:
    grid, budget = plan.grid(task), min(task.rules.budgets)
    ends = dict.fromkeys(
        itertools.product(LAYERS, (min(grid.rate), max(grid.rate)), (min(grid.scale), max(grid.scale)))
    )
    return [
        Setting(
            optimiser=grid.optimiser[0],
            rate=rate,
            clip=max(grid.clip),
            scale=scale,
            layers=layers,
            budget=budget,
        )
        for layers, rate, scale in ends
        if units(cell, task.facts.symbols, layers, budget, plan.preset.training.own_width) >= SMALLEST
    ]


def _probe(plan: RunPlan, cell: Cell, task: PlannedTask, setting: Setting) -> Trial:
    trial = plan.trial(cell.id, task.name, setting, steps=STEPS)
    return replace(trial, epoch_steps=STEPS, validation=1)


def stability(trials: Sequence[Trial], outcomes: dict[Trial, Outcome]) -> Stability:
    """Return what the probes of a cell say.

    Args:
        trials: Its probes.
        outcomes: How those that have ended did.
    """
    ended = [(trial, outcomes[trial]) for trial in trials if trial in outcomes]
    return Stability(
        tuple((trial, outcome.status == "diverged") for trial, outcome in ended if not outcome.by_host)
    )
