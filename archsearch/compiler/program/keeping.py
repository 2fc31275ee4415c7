"""What is stored for every step: what is read outside the phase that computes it, and what the adjoint cannot recompute."""

from __future__ import annotations

from collections.abc import Iterator

from archsearch.cell import Cell, Node
from archsearch.cell.ops import OPS
from archsearch.compiler.program.plan import Segment, When, Zone

Homes = dict[int, tuple[int, int]]
"""For each element-wise handle its segment and its phase."""


def kept(
    cell: Cell, place: dict[int, When], carried: tuple[int, ...], segments: tuple[Segment, ...]
) -> Iterator[int]:
    """Yield the handles of element-wise values that are stored; accumulators, states and x are stored anyway.

    Args:
        cell: In canonical form.
        place: For each handle, when its value is known.
        carried: Handles of the states that pass from step to step.
        segments: The element-wise segments, in order.
    """
    homes = {
        handle: (number, position)
        for number, segment in enumerate(segments)
        for position, phase in enumerate(segment.phases)
        for handle in phase
    }
    for node in cell.ops:
        yield from (
            source for source in node.inputs if source in homes and homes.get(node.handle) != homes[source]
        )
        if node.handle in homes:
            yield from _read_back(cell, node, homes)
    if cell.state_nodes[0].handle not in carried and cell.output in homes:
        yield cell.output
    yield from (target for target in cell.next if target in homes and place[target].zone == Zone.PROLOGUE)


def _read_back(cell: Cell, node: Node, homes: Homes) -> Iterator[int]:
    """Yield what the adjoint of a node must find stored: what it reads, or what that is cheaply computed from."""
    rule = OPS[node.op].rule
    pending = [source for position, source in enumerate(node.inputs) if rule.reads(str(position))]
    pending += [node.handle] if rule.reads("y") else []
    while pending:
        handle = pending.pop()
        if handle not in homes:
            continue
        if OPS[cell.node(handle).op].rule.cheap:
            pending.extend(cell.node(handle).inputs)
        else:
            yield handle
