"""The front of a run: which of all its scored cells nothing beats at its cost, with what tells them apart."""

from __future__ import annotations

from collections.abc import Callable
from statistics import fmean
from typing import Any, Literal, get_args

import msgspec

from archsearch.actions.relative_time import relative_time
from archsearch.cell import Cell, jacobian_class
from archsearch.cell.cell import Polynomial, coefficients
from archsearch.protocol.fitness import Judgement
from archsearch.protocol.front import best_at_cost
from archsearch.protocol.history import History
from archsearch.protocol.plan import RunPlan
from archsearch.protocol.references import reference_cells
from archsearch.protocol.traits import WIDTH, Traits, layer_parameters, traits_of
from archsearch.protocol.units import products
from archsearch.store import RunStore, read_history
from archsearch.store.history import RecordedOutcomes

Cost = Literal["parameters", "flops", "time", "scan"]
COSTS: tuple[Cost, ...] = get_args(Cost)
"""Against what a front may be: parameters of a layer, operations of a step in the models that have the best scores, the time
that a training step of theirs took beside the GRU's, or what a step of a scan over time costs."""


class FrontCell(msgspec.Struct, frozen=True):
    """A cell on the front.

    Attributes:
        id: The cell's id.
        name: The reference's name; empty for a found cell.
        rank: Its place among the scored candidates, from 1; None for a reference that is no candidate.
        judgement: Its fitness, and what that is made of.
        polynomial: Its parameters: the factors of n² and of n.
        flops: Operations of a forward step in the matrix products at the widths of its best trials, of all layers and the
            output, for each position; a multiply-add counts as two. The mean over the tasks.
        time: How many times as long a training step took as the GRU's, in the run; None where that is not known.
        traits: Its size and form.
    """

    id: str
    name: str
    rank: int | None
    judgement: Judgement
    polynomial: Polynomial
    flops: float
    time: float | None
    traits: Traits


class Front(msgspec.Struct, frozen=True):
    """The front of a run.

    Attributes:
        run: The run's name.
        cost: Against what it is.
        scored: Of how many cells it is, references included.
        in_blocks: Whether the estimate is another than the fitness.
        cells: Those on it, the cheapest first.
    """

    run: str
    cost: Cost
    scored: int
    in_blocks: bool
    cells: tuple[FrontCell, ...]


def read_front(store: RunStore, run: str, cost: Cost) -> Front:
    """Return the front of a run from its database alone.

    Args:
        store: The run's database.
        run: The run's name.
        cost: Against what.

    Raises:
        StoreError: The records cannot be read, or contradict each other.
    """
    plan = store.facts.plan
    history, references = read_history(store, plan)
    judged = _judgements(history, references)
    estimates = {cell: judgement.estimate for cell, judgement in references.items()}
    estimates |= {place.id: -place.loss for place in history.places}
    outcomes = RecordedOutcomes(store)
    measures: dict[Cost, Callable[[str], float | None]] = {
        "parameters": lambda cell: layer_parameters(store.cells.read(cell).polynomial),
        "flops": lambda cell: flops(plan, store.cells.read(cell), judged(cell)),
        "time": lambda cell: relative_time(plan, cell, judged(cell), outcomes),
        "scan": lambda cell: scan_cost(store.cells.read(cell)),
    }
    costs = {cell: value for cell in estimates if (value := measures[cost](cell)) is not None}
    ranks = {place.id: rank for rank, place in enumerate(history.places, 1)}
    names = {cell.id: name for name, cell in reference_cells(plan).items()}
    best = sorted(best_at_cost(costs, estimates), key=lambda cell: (costs[cell], cell))
    return Front(
        run=run,
        cost=cost,
        scored=len(estimates),
        in_blocks=plan.in_blocks,
        cells=tuple(
            FrontCell(
                id=cell,
                name=names.get(cell, ""),
                rank=ranks.get(cell),
                judgement=judged(cell),
                polynomial=store.cells.read(cell).polynomial,
                flops=flops(plan, store.cells.read(cell), judged(cell)),
                time=relative_time(plan, cell, judged(cell), outcomes),
                traits=traits_of(store.cells.read(cell)),
            )
            for cell in best
        ),
    )


def _judgements(history: History, references: dict[str, Judgement]) -> Callable[[str], Judgement]:
    """Return what looks up the judgement of a scored cell: as a candidate, else as a reference."""

    def judgement(cell: str) -> Judgement:
        candidate = history.candidate(cell)
        if candidate is None:
            return references[cell]
        assert candidate.judgement is not None, "a cell with a place is scored"
        return candidate.judgement

    return judgement


def scan_cost(cell: Cell) -> float:
    """Return what computing a cell in parallel over time costs in a step of the scan: the products of numbers that put two
    Jacobians together, of a layer of `WIDTH` units.

    Where a recurrence is not affine the scan is repeated, nobody knows beforehand how often, so a half is added: of two
    cells with Jacobians of one form the affine one is cheaper.

    Args:
        cell: The cell.
    """
    form, states = jacobian_class(cell), len(cell.canonical().states)
    products = {
        "diagonal": states * WIDTH,
        "block-diagonal": states**3 * WIDTH,
        "dense": (states * WIDTH) ** 3,
    }
    return products[form.structure] + (0.0 if form.affine else 0.5)


def flops(plan: RunPlan, cell: Cell, judgement: Judgement) -> float:
    """Return the operations of a forward step; see `FrontCell`.

    Args:
        plan: The run's plan.
        cell: The cell.
        judgement: Where its best trials are.
    """
    return fmean(
        2
        * products(
            cell,
            result.units,
            plan.task[task].facts.symbols,
            result.setting.layers,
            plan.preset.training.own_width,
        )
        for task, result in judgement.tasks.items()
    )


def front_document(front: Front) -> dict[str, Any]:
    """Return a front as plain values; floats in full."""
    return {
        "run": front.run,
        "cost": front.cost,
        "scored": front.scored,
        "front": [
            {
                "id": cell.id,
                "name": cell.name or None,
                "rank": cell.rank,
                "fitness": cell.judgement.fitness,
                "estimate": cell.judgement.estimate,
                "parameters": coefficients(cell.polynomial),
                "layer_parameters": cell.traits.parameters,
                "flops": cell.flops,
                "time": cell.time,
                "states": cell.traits.states,
                "jacobian": cell.traits.jacobian,
            }
            for cell in front.cells
        ],
    }
