"""Says whether a mutated cell is a child that a search may keep.

That a rejected mutation is drawn again is from Jozefowicz et al. (2015); the rules are ours, and syntactic:
`h - h` counts as depending on h.
"""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter

from msgspec import UNSET

from archsearch.cell import Cell, SearchSpace


def fault(cell: Cell, space: SearchSpace) -> str | None:
    """Return what keeps a cell in canonical form from being a child in this space, or None.

    In canonical form everything but x and the first state is needed by the output, now or through the states
    at a later step. So whatever reads x carries it to the output, and every cycle through time reaches the
    output.
    """
    linears = sum(node.op == "linear" for node in cell.ops)
    if len(cell.ops) > space.limits.nodes:
        return f"{len(cell.ops)} nodes, the space allows {space.limits.nodes}"
    if linears > space.limits.linears:
        return f"{linears} linear nodes, the space allows {space.limits.linears}"
    if space.limits.states is not UNSET and len(cell.next) > space.limits.states:
        return f"{len(cell.next)} states, the space allows {space.limits.states}"
    if not cell.consumers[cell.x.handle] and cell.x.handle not in cell.next:
        return "its output does not depend on x"
    if not _remembers(cell):
        return "no state carries information over time"
    return None


def _remembers(cell: Cell) -> bool:
    """Whether some state's next value depends, within the step or over several, on that state."""
    states = {state.handle for state in cell.state_nodes}
    read = {
        state.handle: states & {target, *cell.ancestors(target)}
        for state, target in zip(cell.state_nodes, cell.next, strict=True)
    }
    try:
        TopologicalSorter(read).prepare()
    except CycleError:
        return True
    return False
