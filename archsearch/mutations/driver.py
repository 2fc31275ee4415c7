"""Draws children: one pass over a cell's nodes, the operators applied on the way, and the checks at its end.

Jozefowicz et al. (2015): each node receives, with probability p, one transformation chosen at random.
Everything is drawn on the canonical form, so cells with one id have, from one generator state, children with
one id.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import msgspec
import numpy as np
from msgspec import UNSET

from archsearch.cell import Cell, Node, SearchSpace
from archsearch.errors import CellError, SpaceError
from archsearch.mutations.description import describe_node
from archsearch.mutations.validity import fault
from archsearch.words import did_you_mean, short_id

CHILD_DRAWS = 100
"""How often a child is drawn before a step counts as `no valid child`."""

Operator = Callable[[Cell, Node, SearchSpace, np.random.Generator], Cell | None]
Operators = Mapping[str, Operator]


class Applied(msgspec.Struct, frozen=True, array_like=True):
    """One operator that was applied; searches keep it as the list of its values.

    Attributes:
        operator: Its name in MUTATIONS.
        node: The node it was applied at: its handle in the parent's canonical form.
        words: That node in the parent, for people: its name, or its expression.
    """

    operator: str
    node: int
    words: str = ""

    def __str__(self) -> str:
        return f"{self.operator} at {self.words}"


@dataclass(frozen=True, slots=True)
class Child:
    """A valid child, named by its short id, and what made it out of its parent, in order."""

    cell: Cell
    applied: tuple[Applied, ...]


def per_node(nodes: tuple[Node, ...], rng: np.random.Generator) -> list[Node]:
    """Return each node with probability p, drawn once from U[0, 1]: many small changes and some large."""
    probability = rng.random()
    return [node for node, chance in zip(nodes, rng.random(len(nodes)), strict=True) if chance < probability]


def count(nodes: tuple[Node, ...], rng: np.random.Generator) -> list[Node]:
    """Return one to three nodes, in their order."""
    number = min(int(rng.integers(1, 4)), len(nodes))
    return [nodes[i] for i in sorted(rng.choice(len(nodes), number, replace=False))]


def one(nodes: tuple[Node, ...], rng: np.random.Generator) -> list[Node]:
    """Return one node: the smallest change."""
    return [nodes[int(rng.integers(len(nodes)))]] if nodes else []


Visits = Callable[[tuple[Node, ...], np.random.Generator], list[Node]]
"""Chooses the nodes that a pass visits."""

MAGNITUDES: dict[str, Visits] = {
    "per_node": per_node,
    "count": count,
}
"""Which nodes a pass visits."""


def in_random_order(space: SearchSpace, rng: np.random.Generator) -> list[str]:
    """Return a space's operators in the order in which they are tried at a node, by their weights if it has some."""
    names = space.mutations
    if space.weights is UNSET:
        return [names[i] for i in rng.permutation(len(names))]
    weights = np.array(list(space.operator_weights.values()))
    order = rng.choice(len(names), len(names), replace=False, p=weights / weights.sum())
    return [names[i] for i in order]


def transformed(
    parent: Cell, visits: list[Node], operators: Operators, space: SearchSpace, rng: np.random.Generator
) -> tuple[Cell, tuple[Applied, ...]]:
    """Return a canonical parent after a pass over some of its nodes, not yet checked, and what was applied.

    A node that an earlier operator of the pass cut off is skipped. `present` keeps a new node that was given
    the handle of a vanished one from being visited in its place.

    Args:
        parent: In canonical form.
        visits: The nodes of the pass, in order.
        operators: By name.
        space: Which of them it uses, and what they may.
        rng: Where chance comes from.
    """
    working, applied = parent, []
    present = {node.handle for node in parent.nodes}
    for handle in [node.handle for node in visits]:
        if handle not in present:
            continue
        for name in in_random_order(space, rng):
            result = operators[name](working, working.node(handle), space, rng)
            if result is not None:
                working = result
                present &= {node.handle for node in working.nodes}
                applied.append(Applied(name, handle, describe_node(parent, handle)))
                break
    return working, tuple(applied)


def valid_child(working: Cell, parent: Cell, space: SearchSpace) -> Cell | None:
    """Return the outcome of a pass in canonical form, or None if it is the parent again or not valid.

    Args:
        working: What the pass came to.
        parent: What it started from.
        space: Its limits.
    """
    try:
        name = working.id
    except CellError:  # too symmetric to be told from others
        return None
    child = working.canonical().renamed(short_id(name), note=())
    return None if name == parent.id or fault(child, space) else child


def check_mutations(space: SearchSpace, operators: Operators) -> None:
    """Refuse a space with an operator that does not exist.

    Raises:
        SpaceError: Names it, the nearest and all that there are.
    """
    unknown = next((name for name in space.mutations if name not in operators), None)
    if unknown is not None:
        known = f"mutations: {', '.join(operators)}{did_you_mean(unknown, operators)}"
        raise SpaceError(f"space {space.name!r}: unknown mutation {unknown[:80]!r} ({known})")


def draw_once(
    cell: Cell, operators: Operators, space: SearchSpace, rng: np.random.Generator, visits: Visits
) -> Child | None:
    """Return one draw of a child, or None if it came to nothing new or nothing valid.

    Args:
        cell: The parent.
        operators: By name.
        space: Which of them it uses, and what they may.
        rng: Where chance comes from.
        visits: Which nodes a pass visits.
    """
    check_mutations(space, operators)
    parent = cell.canonical()
    working, applied = transformed(parent, visits(parent.ops, rng), operators, space, rng)
    child = valid_child(working, cell, space) if applied else None
    return Child(child, applied) if child else None
