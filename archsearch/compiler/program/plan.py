"""What a plan is made of."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property

from archsearch.cell import Cell

X_AS_IT_CAME = -1
"""The source of a product that reads x at its own width; handle 0 is x as wide as the layer."""


class Zone(IntEnum):
    """When something runs: once before the loop over time, in it, or once after it."""

    PROLOGUE = 0
    CORE = 1
    EPILOGUE = 2


@dataclass(frozen=True, slots=True, order=True)
class When:
    """A zone and a level in it: after how many matrix products in a row something is known."""

    zone: Zone
    level: int


@dataclass(frozen=True, slots=True)
class Accumulator:
    """One accumulator: a sum of linear maps that nothing else reads.

    Attributes:
        value: Handle of the sum, or of the one linear node.
        linears: Handles of the linear nodes, in canonical order.
        place: When the sum is complete.
    """

    value: int
    linears: tuple[int, ...]
    place: When


@dataclass(frozen=True, slots=True)
class Product:
    """One matrix product: one input, and the weights of neighbouring accumulators side by side.

    Attributes:
        place: When it runs, before the segment of that place.
        source: Handle of its input, or X_AS_IT_CAME.
        first: Position of its first accumulator.
        linears: One linear node per accumulator, in the accumulators' order.
    """

    place: When
    source: int
    first: int
    linears: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Segment:
    """Element-wise nodes between two levels of products.

    Attributes:
        place: When it runs, after the products of that place.
        phases: Handles in order of computation. A norm or a mean needs a whole row, so it and what reads it begin a new
            phase; the first phase has none, and may be empty.
    """

    place: When
    phases: tuple[tuple[int, ...], ...]

    @property
    def nodes(self) -> tuple[int, ...]:
        """All handles, in order."""
        return tuple(handle for phase in self.phases for handle in phase)


@dataclass(frozen=True)
class ProgramPlan:
    """When and how each node of a cell is computed.

    Attributes:
        cell: The canonical form.
        place: For each handle, when its value is known.
        accumulators: The accumulators; neighbours share products.
        products: The matrix products, in order.
        segments: The element-wise segments, in order.
        carried: Handles of the states that pass from step to step: all but a first one that nothing reads.
        kept: Handles of element-wise values that are stored for every step.
    """

    cell: Cell
    place: dict[int, When]
    accumulators: tuple[Accumulator, ...]
    products: tuple[Product, ...]
    segments: tuple[Segment, ...]
    carried: tuple[int, ...]
    kept: frozenset[int]

    @cached_property
    def accumulator_of(self) -> dict[int, int]:
        """For the handle of each accumulator's value the position of the accumulator."""
        return {accumulator.value: position for position, accumulator in enumerate(self.accumulators)}

    @cached_property
    def state(self) -> dict[int, int]:
        """For the handle of each state its position."""
        return {node.handle: position for position, node in enumerate(self.cell.state_nodes)}

    @property
    def has_core_products(self) -> bool:
        """Whether a product runs inside the loop over time."""
        return any(product.place.zone == Zone.CORE for product in self.products)

    def next_of(self, state: int) -> int:
        """Return the handle of a state's next value."""
        return self.cell.next[self.state[state]]

    def states_fed(self, handle: int) -> list[int]:
        """Return the carried states whose next value this is."""
        return [state for state in self.carried if self.next_of(state) == handle]

    def places(self, zone: Zone) -> list[When]:
        """Return the places of a zone at which something runs, in order."""
        places = {product.place for product in self.products} | {segment.place for segment in self.segments}
        return sorted(place for place in places if place.zone == zone)

    def products_at(self, place: When) -> list[tuple[int, Product]]:
        """Return the products of a place with their positions."""
        return [(number, product) for number, product in enumerate(self.products) if product.place == place]

    def segments_at(self, place: When) -> list[Segment]:
        """Return the segments of a place: one, or none."""
        return [segment for segment in self.segments if segment.place == place]

    def accumulators_at(self, place: When) -> list[int]:
        """Return the positions of the accumulators that are complete at a place."""
        return [
            position for position, accumulator in enumerate(self.accumulators) if accumulator.place == place
        ]
