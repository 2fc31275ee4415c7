"""Makes the plan of a cell."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from archsearch.cell import Cell, Node
from archsearch.cell.graph import is_input_linear
from archsearch.cell.node import LEAVES
from archsearch.cell.ops import OPS
from archsearch.compiler.program.keeping import kept
from archsearch.compiler.program.plan import (
    X_AS_IT_CAME,
    Accumulator,
    Product,
    ProgramPlan,
    Segment,
    When,
    Zone,
)

Sums = dict[int, tuple[int, ...]]
"""For each accumulator's value the linear nodes that it sums."""


def plan(cell: Cell) -> ProgramPlan:
    """Return the plan of a cell in canonical form: handles 0, 1, 2 …"""
    carried = tuple(_carried(cell))
    place = _places(cell, carried)
    sums = _sums(cell)
    accumulators = _accumulators(cell, sums, place)
    products = tuple(_products(cell, accumulators, place))
    segments = tuple(_segments(cell, accumulators, place))
    return ProgramPlan(
        cell=cell,
        place=place,
        accumulators=accumulators,
        products=products,
        segments=segments,
        carried=carried,
        kept=frozenset(kept(cell, place, carried, segments)),
    )


def _carried(cell: Cell) -> Iterator[int]:
    """Yield the states that pass from step to step: all but a first one that nothing reads."""
    for position, (node, target) in enumerate(zip(cell.state_nodes, cell.next, strict=True)):
        read = cell.consumers[node.handle] or node.handle in cell.next
        if position or read or cell.node(target).op in LEAVES:
            yield node.handle


def _zones(cell: Cell, carried: Iterable[int]) -> dict[int, Zone]:
    """Return when each node runs: the core is what states reach and a carried one depends on."""
    states = {node.handle: target for node, target in zip(cell.state_nodes, cell.next, strict=True)}
    needed = {handle for state in carried for handle in (states[state], *cell.ancestors(states[state]))}
    zones: dict[int, Zone] = {}
    for node in cell.nodes:
        moving = node.op == "state" or any(zones[source] != Zone.PROLOGUE for source in node.inputs)
        inside = node.op == "state" or node.handle in needed
        zones[node.handle] = Zone.PROLOGUE if not moving else Zone.CORE if inside else Zone.EPILOGUE
    return zones


def _places(cell: Cell, carried: Iterable[int]) -> dict[int, When]:
    """Return when each node is known; a product is one level after its input, within its zone."""
    zones = _zones(cell, carried)
    place: dict[int, When] = {}
    for node in cell.nodes:
        zone = zones[node.handle]
        level = max((place[source].level for source in node.inputs if zones[source] == zone), default=0)
        place[node.handle] = When(zone, level + 1 if node.op == "linear" else level)
    return place


def _sums(cell: Cell) -> Sums:
    """Return the accumulators: single linear nodes, and `+` of two accumulators that only it reads."""
    uses = {handle: len(readers) + cell.next.count(handle) for handle, readers in cell.consumers.items()}
    sums: Sums = {}
    for node in cell.ops:
        if node.op == "linear":
            sums[node.handle] = (node.handle,)
        elif node.op == "add" and all(source in sums and uses[source] == 1 for source in node.inputs):
            left, right = (sums.pop(source) for source in node.inputs)
            sums[node.handle] = tuple(sorted(left + right))
    return sums


def _source(cell: Cell, linear: int) -> int:
    """Return what a linear node reads, as `Product` names it."""
    node = cell.node(linear)
    return X_AS_IT_CAME if is_input_linear(node, cell.x.handle) else node.inputs[0]


def _accumulators(cell: Cell, sums: Sums, place: dict[int, When]) -> tuple[Accumulator, ...]:
    """Return the accumulators by completion, those whose last products read the same side by side.

    Of these the longer sums come first: accumulators that x fills alone lie before them, and share its product with theirs.
    """

    def key(accumulator: Accumulator) -> tuple[When, tuple[When, int], int, list[tuple[When, int]], int]:
        reads = sorted(
            ((place[linear], _source(cell, linear)) for linear in accumulator.linears), reverse=True
        )
        return accumulator.place, reads[0], -len(reads), reads, accumulator.value

    return tuple(
        sorted((Accumulator(value, linears, place[value]) for value, linears in sums.items()), key=key)
    )


def _products(cell: Cell, accumulators: tuple[Accumulator, ...], place: dict[int, When]) -> Iterator[Product]:
    """Yield products: per place and input, one per run of neighbouring accumulators."""
    wanted: dict[tuple[When, int], list[tuple[int, int]]] = {}
    for position, accumulator in enumerate(accumulators):
        for linear in accumulator.linears:
            wanted.setdefault((place[linear], _source(cell, linear)), []).append((position, linear))
    for (where, source), entries in sorted(wanted.items()):
        for run in _runs(entries):
            yield Product(where, source, run[0][0], tuple(linear for _, linear in run))


def _runs(entries: Iterable[tuple[int, int]]) -> Iterator[list[tuple[int, int]]]:
    """Yield maximal runs of neighbouring accumulators; two linears in one accumulator are in two runs."""
    left = sorted(entries)
    while left:
        run = [left[0]]
        rest: list[tuple[int, int]] = []
        for entry in left[1:]:
            (run if entry[0] == run[-1][0] + 1 else rest).append(entry)
        yield run
        left = rest


def _segments(cell: Cell, accumulators: tuple[Accumulator, ...], place: dict[int, When]) -> Iterator[Segment]:
    """Yield a segment for every place at which an accumulator is complete or an element-wise node is known."""
    inside = {handle for accumulator in accumulators for handle in _members(cell, accumulator)}
    by_place: dict[When, list[Node]] = {accumulator.place: [] for accumulator in accumulators}
    for node in cell.ops:
        if node.handle not in inside:
            by_place.setdefault(place[node.handle], []).append(node)
    for where, nodes in sorted(by_place.items()):
        yield Segment(where, _phases(nodes))


def _members(cell: Cell, accumulator: Accumulator) -> Iterator[int]:
    """Yield the handles of an accumulator's linears and of the sums in it."""
    pending = [accumulator.value]
    while pending:
        handle = pending.pop()
        yield handle
        if handle not in accumulator.linears:
            pending.extend(cell.node(handle).inputs)


def _phases(nodes: list[Node]) -> tuple[tuple[int, ...], ...]:
    """Return the nodes in phases: what needs a whole row, and what depends on it, comes later than all that it reads."""
    phase_of: dict[int, int] = {}
    for node in nodes:
        before = max((phase_of.get(source, 0) for source in node.inputs), default=0)
        phase_of[node.handle] = before + OPS[node.op].rule.reduces
    last = max(phase_of.values(), default=0)
    return tuple(
        tuple(node.handle for node in nodes if phase_of[node.handle] == phase) for phase in range(last + 1)
    )
