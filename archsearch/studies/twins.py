"""How much of a cell's ratio is x: each cell beside its twin that has x the other way.

x is as wide as the layer and learned, so a matrix on it may be spent for nothing. The twin of a cell that reads x itself
reads it through one matrix; that of any other reads x itself, in the place of each `linear(x)`. Twins are trained with as
many parameters as the cell, and as wide as it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from statistics import fmean

import msgspec

from archsearch.cell import Cell, Node
from archsearch.cell.graph import is_input_linear
from archsearch.cell.ops import canonical_arguments
from archsearch.protocol.equality import equality
from archsearch.protocol.plan import PlannedTask
from archsearch.protocol.records import BASELINE, Outcome, Trial
from archsearch.studies.instrument import StudyPlan, train_trials
from archsearch.workers.pool import WorkerPool


class TwinResult(msgspec.Struct, frozen=True, kw_only=True):
    """A cell beside its twin, on one task; skills are means over draws of the best over settings.

    Attributes:
        cell: Its name.
        reads_x: Whether it reads x itself; its twin does not, and the reverse.
        units: Its width, at the first setting.
        ratio: Against the GRU; None if a draw has no score.
        twin_units: The width of the twin with as many parameters.
        twin: The twin's ratio with as many parameters.
        as_wide: The twin's ratio at the cell's width.
    """

    cell: str
    reads_x: bool
    units: int
    ratio: float | None
    twin_units: int
    twin: float | None
    as_wide: float | None


def twin_of(cell: Cell) -> Cell:
    """Return the cell with a matrix between x and all that reads x itself; if nothing does, with x for each `linear(x)`."""
    return _projected(cell) if cell.needs_projection else _freed(cell)


def _projected(cell: Cell) -> Cell:
    x, handle = cell.x.handle, cell.fresh_handle()
    matrix = Node(handle, "linear", (x,), canonical_arguments("linear", {"bias": None}))
    readers = {
        node.handle: replace(node, inputs=tuple(handle if source == x else source for source in node.inputs))
        for node in cell.ops
        if x in node.inputs and not is_input_linear(node, x)
    }
    following = tuple(handle if value == x else value for value in cell.next)
    twin = cell.edited({handle: matrix, **readers}, following)
    assert twin is not None, "a matrix on x closes no cycle"
    return twin


def _freed(cell: Cell) -> Cell:
    x = cell.x.handle
    for node in cell.ops:
        if is_input_linear(node, x):
            freed = _with_bias_elsewhere(cell, node).redirected(node.handle, x)
            assert freed is not None, "x lies on no cycle"
            cell = freed
    return cell


def _with_bias_elsewhere(cell: Cell, matrix: Node) -> Cell:
    """Return the cell in which a matrix without bias has that of another which it is added to, before the other goes."""
    for reader in map(cell.node, cell.consumers[matrix.handle]):
        for other in map(cell.node, reader.inputs):
            if reader.op == "add" and other.op == "linear" and matrix.has_bias and not other.has_bias:
                args = canonical_arguments("linear", {**dict(other.args), "bias": matrix.argument("bias")})
                moved = cell.edited({other.handle: replace(other, args=args)})
                assert moved is not None, "a bias closes no cycle"
                return moved
    return cell


def measured_twins(
    plan: StudyPlan, pool: WorkerPool, progressed: Callable[[int, int], None]
) -> dict[str, list[TwinResult]]:
    """Train cells and twins, and return what comes of them by task, in the order of the cells.

    Args:
        plan: The cells, the GRU among them, and how they are measured.
        pool: Who trains.
        progressed: Told how many trials of how many have ended.
    """
    twins = {name: twin_of(cell) for name, cell in plan.cells.items()}
    trials = {
        (name, task.name): _trials(plan, plan.cells[name], twin, task)
        for name, twin in twins.items()
        for task in plan.run.tasks
    }
    both = replace(plan, cells={**plan.cells, **{f"twin of {name}": twin for name, twin in twins.items()}})
    everything = [trial for kinds in trials.values() for draws in kinds for draw in draws for trial in draw]
    ended = train_trials(both, pool, everything, progressed)
    return {
        task.described: [_result(plan, task, name, trials, ended) for name in plan.cells]
        for task in plan.run.tasks
    }


Draws = list[list[Trial]]


def _trials(plan: StudyPlan, cell: Cell, twin: Cell, task: PlannedTask) -> tuple[Draws, Draws, Draws]:
    """Return the trials of a cell, of its twin with as many parameters, and of its twin as wide, draw by draw."""
    own, same = (plan.trials(each.id, task.name) for each in (cell, twin))
    width = equality(plan.run, twin, cell, "width")
    wide = [width.given(task.name, ours, theirs)[0] for ours, theirs in zip(same, own, strict=True)]
    return own, same, wide


def _result(
    plan: StudyPlan,
    task: PlannedTask,
    name: str,
    trials: Mapping[tuple[str, str], tuple[Draws, Draws, Draws]],
    ended: Mapping[Trial, Outcome],
) -> TwinResult:
    def skill(draws: Draws) -> float | None:
        best = [_best(plan, task, [ended[trial] for trial in draw]) for draw in draws]
        scored = [value for value in best if value is not None]
        return fmean(scored) if len(scored) == len(best) else None

    gru = skill(trials[BASELINE, task.name][0])
    own, same, wide = trials[name, task.name]
    ratios = [
        None if value is None or not gru or gru <= 0 else value / gru
        for value in map(skill, (own, same, wide))
    ]
    return TwinResult(
        cell=name,
        reads_x=plan.cells[name].needs_projection,
        units=ended[own[0][0]].units,
        ratio=ratios[0],
        twin_units=ended[same[0][0]].units,
        twin=ratios[1],
        as_wide=ratios[2],
    )


def _best(plan: StudyPlan, task: PlannedTask, outcomes: list[Outcome]) -> float | None:
    skills = (plan.run.skill(task.name, outcome.score) for outcome in outcomes)
    return max((skill for skill in skills if skill is not None), default=None)
