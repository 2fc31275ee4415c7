"""Weights by role: the same ones for maps that do the same in cells that are written differently.

The role of a value is what it is, what it is made of, where it goes, and what it is multiplied with; sums and products on
the way there are looked through, so `n + z * (h - n)` and `z * h + (1 - z) * n` give z and n the same roles. Roles are
refined like colours of nodes (`cell.identity`); maps that still share one have their weights in canonical order. A matrix
that several maps share is that of the one whose role comes first.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from archsearch.cell import Cell, Node
from archsearch.cell.sharing import sharers
from archsearch.compiler.parameters import bias_name, learned, weight_name
from archsearch.protocol.seeds import generator

ROUNDS = 4
"""How many values far a role looks."""

LOOKED_THROUGH = ("add", "sub", "mul", "div")
PRODUCTS = ("mul", "div")

Array = NDArray[np.float64]
Links = dict[int, set[int]]


def weights_by_role(cell: Cell, width: int) -> dict[str, Array]:
    """Return weights for a canonical form, by name, of about unit gain, biases included; shape (n, n) or (n,).

    Args:
        cell: In canonical form.
        width: n, also of x.
    """
    shapes = {item.name: item.shape for item in learned(cell, width, width)}
    roles, seen = _roles(cell), Counter[str]()
    first = {
        like: min(group, key=lambda node: roles[node.handle]) for like, group in sharers(cell.nodes).items()
    }
    weights: dict[str, Array] = {}
    for node in cell.ops:
        if node.learns:
            role = roles[node.handle]
            own = [weight_name(node.owner)] * (first.get(node.owner, node) is node)
            for name in (*own, bias_name(node.handle)):
                if name in shapes:
                    rng = generator("weights by role", role, seen[role], name.partition("_")[0])
                    shape = shapes[name]
                    drawn = rng.uniform(-1, 1, shape) * np.sqrt(3 / shape[-1] ** (len(shape) > 1))
                    weights[name] = _turned(drawn, node.heads) if node.transposed and name in own else drawn
            seen[role] += 1
    return weights


def _turned(blocks: Array, heads: int) -> Array:
    """Return the transposes of blocks that lie one above the other, (n, n / heads)."""
    return np.concatenate([block.T for block in np.split(blocks, heads)])


def _roles(cell: Cell) -> dict[int, str]:
    """Return the role of everything that is not looked through, by its handle."""
    made_of, goes_to, beside = _links(cell)
    first = cell.state_nodes[0].handle
    roles = {handle: _kind(cell.node(handle), first) for handle in made_of}
    for _ in range(ROUNDS):
        roles = {
            handle: _digest(
                role,
                *(sorted({roles[other] for other in links[handle]}) for links in (made_of, goes_to, beside)),
            )
            for handle, role in roles.items()
        }
    return roles


def _kind(node: Node, first: int) -> str:
    return f"{node.op} {node.args} {node.handle == first}"


def _digest(*words: object) -> str:
    return blake2b(repr(words).encode(), digest_size=8).hexdigest()


def _links(cell: Cell) -> tuple[Links, Links, Links]:
    """Return for each value that is not looked through what it is made of, where it goes, and what it is multiplied with."""
    parts: Links = {}
    made_of, goes_to, beside = (defaultdict[int, set[int]](set) for _ in range(3))
    for node in cell.nodes:
        below = [parts[source] for source in node.inputs]
        parts[node.handle] = (
            set().union(*below) if node.op in LOOKED_THROUGH else {node.handle} - _numbers(node)
        )
        if node.op in PRODUCTS:
            for one, other in (below, below[::-1]):
                for part in one:
                    beside[part] |= other
        if node.op not in LOOKED_THROUGH:
            made_of[node.handle] = set().union(*below)
    for state, target in zip(cell.state_nodes, cell.next, strict=True):
        made_of[state.handle] = parts[target]
    for handle, sources in made_of.items():
        for source in sources:
            goes_to[source].add(handle)
    return made_of, goes_to, beside


def _numbers(node: Node) -> set[int]:
    """Return the node's handle if it is a number, which has no part in roles."""
    return {node.handle} if node.op == "number" else set()
