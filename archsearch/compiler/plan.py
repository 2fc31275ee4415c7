"""The plan of a cell: what runs once over all steps, what runs inside the loop over time, and what is kept.

Three zones (prologue: what no state reaches; core: what a carried state depends on; epilogue: the rest) hold levels of
matrix products, each followed by one element-wise segment. Sums of `linear` share one accumulator, a slot. No torch here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import IntEnum

from archsearch.cell import Cell, Node


class Zone(IntEnum):
    """When something runs: once before the loop over time, in it, or once after it."""

    PROLOGUE = 0
    CORE = 1
    EPILOGUE = 2


@dataclass(frozen=True, slots=True)
class Slot:
    """One accumulator: a sum of linear maps that nothing else reads.

    Attributes:
        value: Handle of the sum, or of the one linear node.
        linears: Handles of the linear nodes, in canonical order.
        place: When the sum is complete.
    """

    value: int
    linears: tuple[int, ...]
    place: Place


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A zone and a level in it: after how many matrix products in a row something is known."""

    zone: Zone
    level: int


@dataclass(frozen=True, slots=True)
class Product:
    """One matrix product: one input, and the weights of neighbouring slots side by side.

    Attributes:
        place: When it runs, before the segment of that place.
        source: Handle of its input.
        first: Position of its first slot.
        linears: One linear node per slot, in the slots' order.
    """

    place: Place
    source: int
    first: int
    linears: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Segment:
    """Element-wise nodes between two levels of products; `norm` ends a phase, since it needs a whole row.

    Attributes:
        place: When it runs, after the products of that place.
        phases: Handles in order of computation; a norm is the first of its phase.
    """

    place: Place
    phases: tuple[tuple[int, ...], ...]

    @property
    def nodes(self) -> tuple[int, ...]:
        """All handles, in order."""
        return tuple(handle for phase in self.phases for handle in phase)


CHEAP = frozenset({"add", "sub", "mul", "relu", "leaky_relu", "max", "stop", "scale", "number"})
"""Ops that the adjoint computes again rather than keeps."""

NEEDS = {
    "mul": (True, True, False), "sigmoid": (False, True), "tanh": (False, True), "relu": (False, True),
    "leaky_relu": (False, True), "max": (True, True, False), "div": (False, True, True), "exp": (False, True),
    "softplus": (True, False), "silu": (True, False), "scale": (True, False), "norm": (False, True),
}  # fmt: skip
"""What the adjoint of an op reads: each operand, then the result."""


@dataclass(frozen=True)
class Plan:
    """See the module.

    Attributes:
        cell: The canonical form.
        place: For each handle that is computed, when.
        slots: The accumulators; neighbours share products.
        products: The matrix products, in order.
        segments: The element-wise segments, in order.
        carried: Handles of the states that something reads.
        kept: Handles of element-wise values that are stored for every step.
    """

    cell: Cell
    place: dict[int, Place]
    slots: tuple[Slot, ...]
    products: tuple[Product, ...]
    segments: tuple[Segment, ...]
    carried: tuple[int, ...]
    kept: frozenset[int]
    slot_of: dict[int, int] = field(default_factory=dict)

    @property
    def has_core_products(self) -> bool:
        """Whether a product runs inside the loop over time."""
        return any(product.place.zone == Zone.CORE for product in self.products)


def plan(cell: Cell) -> Plan:
    """Return the plan of a cell in canonical form: handles 0, 1, 2 …"""
    return _Planner(cell).plan()


class _Planner:
    def __init__(self, cell: Cell) -> None:
        self.cell = cell
        self.states = {node.handle: position for position, node in enumerate(cell.state_nodes)}
        self.carried = tuple(s for s in self.states if cell.consumers[s] or s in cell.next or self._leaf(cell.next[self.states[s]]))
        self.moving = self._reached()
        self.core = self._needed_by_carried() & self.moving
        self.sums = self._sums()

    def plan(self) -> Plan:
        place = self._places()
        slots = self._slots(place)
        products = tuple(self._products(slots, place))
        segments = tuple(self._segments(slots, place))
        slot_of = {slot.value: position for position, slot in enumerate(slots)}
        kept = frozenset(self._kept(slots, segments, slot_of))
        return Plan(self.cell, place, slots, products, segments, self.carried, kept, slot_of)

    def _leaf(self, handle: int) -> bool:
        return self.cell.node(handle).op in ("input", "state", "number")

    def _reached(self) -> set[int]:
        """Return the handles that depend on a state within the step."""
        reached = set(self.states)
        for node in self.cell.nodes:
            if any(source in reached for source in node.inputs):
                reached.add(node.handle)
        return reached

    def _needed_by_carried(self) -> set[int]:
        needed: set[int] = set()
        for state in self.carried:
            target = self.cell.next[self.states[state]]
            needed |= {target, *self.cell.ancestors(target)}
        return needed

    def _sums(self) -> dict[int, tuple[int, ...]]:
        """Return for each slot's value the linear nodes that it sums: linears, and `+` of slots that only it reads."""
        uses = {handle: len(readers) for handle, readers in self.cell.consumers.items()}
        for target in self.cell.next:
            uses[target] += 1
        sums: dict[int, tuple[int, ...]] = {}
        for node in self.cell.ops:
            if node.op == "linear":
                sums[node.handle] = (node.handle,)
            elif node.op == "add" and all(source in sums and uses[source] == 1 for source in node.inputs):
                if node.inputs[0] != node.inputs[1]:
                    sums[node.handle] = tuple(sorted(sums.pop(node.inputs[0]) + sums.pop(node.inputs[1])))
        return sums

    def _zone(self, handle: int) -> Zone:
        if handle not in self.moving:
            return Zone.PROLOGUE
        return Zone.CORE if handle in self.core else Zone.EPILOGUE

    def _places(self) -> dict[int, Place]:
        """Return when each node is known; a product is one level after its input, within its zone."""
        place: dict[int, Place] = {}
        for node in self.cell.nodes:
            zone = self._zone(node.handle)
            if node.op in ("input", "number"):
                place[node.handle] = Place(Zone.PROLOGUE, 0)
            elif node.op == "state":
                place[node.handle] = Place(Zone.CORE, 0)
            else:
                levels = [place[source].level for source in node.inputs if place[source].zone == zone]
                level = max(levels, default=0)
                place[node.handle] = Place(zone, level + 1 if node.op == "linear" else level)
        return place

    def _slots(self, place: dict[int, Place]) -> tuple[Slot, ...]:
        """Return the slots, ordered so that those with the same last product are neighbours."""
        slots = [Slot(value, linears, place[value]) for value, linears in self.sums.items()]
        source = {node.handle: node.inputs[0] for node in self.cell.ops if node.op == "linear"}

        def key(slot: Slot) -> tuple[Place, list[tuple[Place, int]], int]:
            """By completion, then by what the latest products read."""
            reads = sorted(((place[linear], source[linear]) for linear in slot.linears), reverse=True)
            return slot.place, reads, slot.value

        return tuple(sorted(slots, key=key))

    def _products(self, slots: tuple[Slot, ...], place: dict[int, Place]) -> Iterator[Product]:
        """Yield products: per place and input, one per run of neighbouring slots."""
        wanted: dict[tuple[Place, int], list[tuple[int, int]]] = {}
        for position, slot in enumerate(slots):
            for linear in slot.linears:
                wanted.setdefault((place[linear], self.cell.node(linear).inputs[0]), []).append((position, linear))
        for (where, source), entries in sorted(wanted.items()):
            for run in _runs(entries):
                yield Product(where, source, run[0][0], tuple(linear for _, linear in run))

    def _segments(self, slots: tuple[Slot, ...], place: dict[int, Place]) -> Iterator[Segment]:
        inside = {handle for slot in slots for handle in self._members(slot)}
        by_place: dict[Place, list[Node]] = {}
        for node in self.cell.ops:
            if node.handle not in inside:
                by_place.setdefault(place[node.handle], []).append(node)
        for slot in slots:
            by_place.setdefault(slot.place, [])
        for where, nodes in sorted(by_place.items()):
            yield Segment(where, tuple(tuple(phase) for phase in _phases(nodes)) or ((),))

    def _members(self, slot: Slot) -> set[int]:
        """Return the handles of a slot's linears and of the sums in it."""
        members, pending = set(slot.linears), [slot.value]
        while pending:
            handle = pending.pop()
            if handle not in slot.linears:
                members.add(handle)
                pending.extend(self.cell.node(handle).inputs)
        return members

    def _kept(self, slots: tuple[Slot, ...], segments: tuple[Segment, ...], slot_of: dict[int, int]) -> Iterator[int]:
        """Yield what must be stored: what other segments, products, next steps or the adjoint read."""
        home = {handle: (n, p) for n, segment in enumerate(segments) for p, of in enumerate(segment.phases) for handle in of}
        for node in self.cell.ops:
            for source in node.inputs:
                if source in home and (node.op == "linear" or home.get(node.handle) != home[source]):
                    yield source
        if not self.carried or self.carried[0] != self.cell.state_nodes[0].handle:
            yield from (target for target in self.cell.next[:1] if target in home)
        for segment in segments:
            for handle in segment.nodes:
                yield from self._read_back(self.cell.node(handle), home)

    def _read_back(self, node: Node, home: dict[int, tuple[int, int]]) -> Iterator[int]:
        """Yield the element-wise values that the adjoint of a node must find stored."""
        needs = NEEDS.get(node.op, ())
        pending = [handle for handle, needed in zip((*node.inputs, node.handle), needs, strict=False) if needed]
        while pending:
            handle = pending.pop()
            if handle not in home:
                continue
            if self.cell.node(handle).op in CHEAP:
                pending.extend(self.cell.node(handle).inputs)
            else:
                yield handle


def _runs(entries: Iterable[tuple[int, int]]) -> Iterator[list[tuple[int, int]]]:
    """Yield maximal runs of neighbouring slots; two linears in one slot are in two runs."""
    left = sorted(entries)
    while left:
        run, rest = [left[0]], []
        for entry in left[1:]:
            (run if entry[0] == run[-1][0] + 1 else rest).append(entry)
        yield run
        left = rest


def _phases(nodes: list[Node]) -> Iterator[list[int]]:
    """Yield the nodes in phases: a norm, and what depends on it, comes after all that it reads."""
    phase_of: dict[int, int] = {}
    for node in nodes:
        before = max((phase_of.get(source, 0) for source in node.inputs), default=0)
        phase_of[node.handle] = before + 1 if node.op == "norm" else before
    for phase in range(max(phase_of.values(), default=-1) + 1):
        if chosen := sorted((n for n in nodes if phase_of[n.handle] == phase), key=lambda n: (n.op != "norm", n.handle)):
            yield [node.handle for node in chosen]
