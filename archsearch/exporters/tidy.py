"""A cell as exports show it: only what its output needs, every line named, every name and note safe to print."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from archsearch.cell import OPS, Cell, Node
from archsearch.cell.identity import live_states, merged
from archsearch.cell.node import LEAVES
from archsearch.cell.ops import CALLS
from archsearch.cell.printing import number
from archsearch.cell.sharing import settled
from archsearch.words import escaped, short_id

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,31}")
SPELLED_OUT = 8
"""Characters up to which an operand is spelled out in the name of the weight that reads it."""


@dataclass(frozen=True)
class Tidy:
    """A tidy cell with what exporters ask of it.

    Attributes:
        cell: Its text is what people read; the nodes stand in the order of the text.
    """

    cell: Cell

    @cached_property
    def targets(self) -> dict[int, str]:
        """What a value is called, for the values that have a line of their own: `r`, or `h'` for a next value."""
        found = {
            node.handle: node.name
            for node in self.cell.nodes
            if node.name and node.op not in ("input", "state")
        }
        for state, handle in zip(self.cell.states, self.cell.next, strict=True):
            if self.cell.node(handle).op in OPS:
                found.setdefault(handle, f"{state}'")
        return found

    @property
    def lines(self) -> Iterator[Node]:
        """The nodes that have a line of their own, operands first."""
        return (node for node in self.cell.nodes if node.handle in self.targets)

    @cached_property
    def line_of(self) -> dict[int, int]:
        """For each node that computes the handle of the line it stands in."""
        found: dict[int, int] = {}
        for node in reversed(self.cell.ops):
            own = node.handle in self.targets
            found[node.handle] = node.handle if own else found[self.cell.consumers[node.handle][0]]
        return found

    def called(self, handle: int) -> str | None:
        """Return the name of a value that needs no computing here: x, a state, a line, a number."""
        node = self.cell.node(handle)
        if handle in self.targets:
            return self.targets[handle]
        if node.op == "number":
            return number(node.value)
        return (node.name or "x") if node.op in LEAVES else None

    def reads(self, handle: int) -> tuple[str, ...]:
        """Return the names that the expression of a value reads, in reading order; itself if it has a name."""
        if (name := self.called(handle)) is not None:
            return (name,) if self.cell.node(handle).op != "number" else ()
        return tuple(name for source in self.cell.node(handle).inputs for name in self.reads(source))

    @cached_property
    def origin(self) -> dict[int, int]:
        """For each handle of the canonical form, numbers apart, a handle of this cell that computes the same."""
        nodes = tuple(replace(node, name=f"t{node.handle}") for node in self.cell.nodes)
        tagged = replace(self.cell, nodes=nodes).canonical()
        return {node.handle: int(node.name[1:]) for node in tagged.nodes if node.name}


@dataclass(frozen=True, slots=True)
class Weight:
    """What an op learns, as people call it.

    Attributes:
        line: The line it stands in, without prime: `r`, `h`.
        operand: What it reads, without primes: `x`, `rh`; empty if that is too long to say.
        rank: 1, or 2, 3 … for further weights of the same line and operand.
        alone: Whether it has the only bias of its line.
    """

    line: str
    operand: str
    rank: int
    alone: bool


def named_weights(tidy: Tidy) -> dict[int, Weight]:
    """Return for each op that learns, by handle and in the order of the text, what its weights are called after."""
    learning = [node for node in tidy.cell.ops if node.learns]
    biased = [tidy.line_of[node.handle] for node in learning if node.has_bias]
    seen: dict[tuple[str, str, str], int] = {}
    found: dict[int, Weight] = {}
    for node in learning:
        line = tidy.targets[tidy.line_of[node.handle]].removesuffix("'")
        operand = "".join(name.removesuffix("'") for name in tidy.reads(node.inputs[0]))
        operand = operand if len(operand) <= SPELLED_OUT else ""
        key = (node.op, line, operand)
        seen[key] = seen.get(key, 0) + 1
        found[node.handle] = Weight(line, operand, seen[key], biased.count(tidy.line_of[node.handle]) == 1)
    return found


def tidy(cell: Cell) -> Tidy:
    """Return the cell for export; the same cell by id.

    A shared matrix is at the map that has it in canonical form. Maps that share one and compute the same are one, as there.
    Names that the cell language would refuse are replaced, invisible characters of the note are escaped.
    """
    cell = merged(cell) if any(node.like is not None for node in cell.nodes) else cell
    live = _live(cell)
    kept = [node for node in cell.nodes if node.handle in live]
    following = tuple(
        target for state, target in zip(cell.state_nodes, cell.next, strict=True) if state.handle in live
    )
    name = cell.name if NAME.fullmatch(cell.name) and cell.name not in CALLS else "cell_" + short_id(cell.id)
    note = tuple(escaped(line) for line in cell.note)
    safe = Cell(name, tuple(_with_safe_names(kept)), following, note)
    shown = Tidy(Cell.parse(safe.text(), source=name))
    owners = {shown.origin[node.handle] for node in shown.cell.canonical().nodes if node.like == node.handle}
    if any(not shown.cell.node(handle).owns for handle in owners):
        moved = replace(shown.cell, nodes=settled(shown.cell.nodes, owners))
        shown = Tidy(Cell.parse(moved.text(), source=name))
    return shown


def _live(cell: Cell) -> set[int]:
    """Return the handles of x, of the states that matter, and of all that their next values need."""
    live = {cell.x.handle, *live_states(cell)}
    for state, target in zip(cell.state_nodes, cell.next, strict=True):
        if state.handle in live:
            live |= {target, *cell.ancestors(target)}
    return live


def _with_safe_names(nodes: list[Node]) -> Iterator[Node]:
    valid = {
        node.name for node in nodes if node.name and NAME.fullmatch(node.name) and node.name not in CALLS
    }
    free = (made for i in range(1, len(nodes) + len(valid) + 2) if (made := f"s{i}") not in valid)
    taken: set[str | None] = {None}
    for node in nodes:
        name = node.name if node.name in valid and node.name not in taken else None
        if name is None and node.op == "input":
            name = "x" if "x" not in valid else next(free)
        elif name is None and node.op == "state":
            name = next(free)
        taken.add(name)
        yield replace(node, name=name)
