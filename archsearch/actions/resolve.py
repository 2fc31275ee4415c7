"""Turns what a person asked for into a run's plan: the defaults, then what tasks and workers say of themselves."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from archsearch.actions.request import PRESET, SEED, SPACE, STRATEGY, Request
from archsearch.actions.tasks import ResolvedTask, check_different, resolve_tasks, usual_tasks
from archsearch.cell import Cell, SearchSpace, load_space
from archsearch.errors import InputError
from archsearch.mutations import MUTATIONS, check_mutations
from archsearch.mutations.validity import fault
from archsearch.protocol.checks import LARGEST
from archsearch.protocol.loading import changed_preset, load_preset
from archsearch.protocol.named_cells import with_cells
from archsearch.protocol.plan import RunPlan
from archsearch.protocol.preset import Preset
from archsearch.protocol.sampling import check_validation
from archsearch.search import STRATEGIES
from archsearch.words import did_you_mean
from archsearch.workers.messages import Probe
from archsearch.workers.pool import WorkerPool
from archsearch.workers.probe import Probed, probe

OF_SIZES = (PRESET, "laptop")
"""Presets that own tasks choose from by the size of their models, the smaller first."""


@dataclass(frozen=True)
class ResolvedRequest:
    """A request with everything said, but for what only the tasks and the workers can say.

    Attributes:
        preset_name: The preset's name.
        preset: Its content.
        tasks: What is trained on, in the order of the stages.
        strategy: A key of STRATEGIES.
        space: Name or TOML file.
        seed: The run's seed.
        note: What stands in for what, or nothing.
        cells: The texts of start cells and references that are not in the library, by name.
    """

    preset_name: str
    preset: Preset
    tasks: tuple[ResolvedTask, ...]
    strategy: str = STRATEGY
    space: str = SPACE
    seed: int = SEED
    note: str = ""
    cells: Mapping[str, str] = field(default_factory=dict)

    @property
    def questions(self) -> list[Probe]:
        """What the tasks are asked, the filter's last."""
        training = self.preset.training
        asked = [Probe(t.full_name, training.batch, training.unroll, t.rules.validation) for t in self.tasks]
        return [*asked, Probe(self.preset.filter.task)]

    def plan(self, probed: Probed) -> RunPlan:
        """Return the run's plan, given what tasks and workers said of themselves.

        Raises:
            InputError: Two tasks have the same data, or one has too little for its validation.
        """
        check_different(self.tasks, probed.facts)
        facts = probed.facts
        plan = RunPlan(
            preset_name=self.preset_name,
            preset=self.preset,
            strategy=self.strategy,
            space=load_space(self.space),
            seed=self.seed,
            tasks=tuple(task.planned(facts) for task in self.tasks),
            filter=facts[self.preset.filter.task],
            engine=probed.hello.engine,
            machine=probed.hello.machine,
            cells=dict(self.cells),
        )
        check_validation(plan, probed.scored)
        return plan

    def probed(self, pool: WorkerPool) -> Probed:
        """Return what the tasks say of themselves, once workers have opened them.

        Raises:
            ArchsearchError: A task is none.
        """
        return probe(pool, self.questions)


def resolve(request: Request, data: Path | None) -> ResolvedRequest:
    """Return a request with its defaults.

    Args:
        request: What was asked for.
        data: The folder of the tasks' files.

    Raises:
        InputError: Something in it is unknown, with the nearest name.
    """
    preset_name, preset = load_preset(request.preset or _preset_for(request))
    preset = changed_preset(preset_name, preset, request.changes)
    preset, cells = with_cells(preset, {}, request.start, request.references)
    strategy, space = request.strategy or STRATEGY, request.space or SPACE
    _check_strategy(strategy)
    check_mutations(load_space(space), MUTATIONS)
    if not 0 <= (request.seed or 0) <= LARGEST:
        raise InputError(f"seed {request.seed}: it lies between 0 and {LARGEST:,}")
    _check_start(request.start, load_space(space))
    tasks, note = _chosen_tasks(request, preset, data)
    if request.own and request.preset is None:
        own = preset.own
        note = (
            f"preset {preset_name} for {own.budgets[0]:,} parameters, {own.steps:,} steps a trial; "
            "--budget, --steps and --preset say otherwise"
        )
    return ResolvedRequest(
        preset_name=preset_name,
        preset=preset,
        tasks=resolve_tasks(preset_name, preset, tasks, request.own),
        strategy=strategy,
        space=space,
        seed=SEED if request.seed is None else request.seed,
        note=note,
        cells=cells,
    )


def _preset_for(request: Request) -> str:
    """Return the preset of who names none: for own tasks the one whose own models are nearest in size, by ratio."""
    budget = request.changes.get("own.budget")
    if not request.own or not isinstance(budget, int) or budget < 1:
        return PRESET
    sizes = {name: load_preset(name)[1].own.budgets[0] for name in OF_SIZES}
    return min(sizes, key=lambda name: abs(math.log(budget / sizes[name])))


def _check_strategy(strategy: str) -> None:
    if strategy not in STRATEGIES:
        known = ", ".join(STRATEGIES)
        raise InputError(
            f"no strategy {strategy!r}{did_you_mean(strategy, STRATEGIES, ' ({})')}; there are {known}"
        )


def _check_start(cells: Iterable[Cell], space: SearchSpace) -> None:
    """Refuse to start from a cell that the space does not hold: hardly any child of it would be in there."""
    for cell in cells:
        if problem := fault(cell, space):
            raise InputError(
                f"cell {cell.name}: {problem}, so no search in {space.name} starts from it; "
                "give another space (--space), or give it as a reference (--reference)"
            )


def _chosen_tasks(request: Request, preset: Preset, data: Path | None) -> tuple[tuple[str, ...], str]:
    """Return the preset's tasks that were asked for, or else its own choice with a note on stand-ins."""
    if request.tasks is not None:
        return request.tasks, ""
    return ((), "") if request.own else usual_tasks(preset, data)
