"""The exact identity of a cell: a canonical form by colour refinement and individualisation.

Nodes are coloured by what they compute and by what reads them until nothing changes; where several nodes share a colour,
each is singled out in turn and the smallest description wins. Automorphisms found on the way prune equal branches
(McKay and Piperno 2014, "Practical graph isomorphism, II").

One cell is what computes the same bits from the same weights. `a + b` and `b + a` are one cell, so are `a * b` and `b * a`,
`max(a, b)` and `max(b, a)`. `(a + b) + c` and `a + (b + c)` are two, since they round differently, and so are
`linear(x) + linear(h, bias=none)` and `linear(x, bias=none) + linear(h)`; `regrouping.regrouped` maps all of these to one.
`-h` is `0 - h`, equal numbers are one, and nothing else is calculated: `x - x` stays what it is.

That maps share a matrix is part of the graph, which of them has it is not: maps that share are tied to one another, as equal
or as transposed, and the first in canonical order has the matrix.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import lru_cache
from heapq import heapify, heappop, heappush
from typing import TypeVar

from archsearch.cell.graph import Graph
from archsearch.cell.node import Node
from archsearch.cell.ops import OPS, Arguments
from archsearch.cell.sharing import renumbered, settled, sharers
from archsearch.errors import CellError

VERSION = 1
"""Part of every id; it rises when the canonical form changes."""

WORK_LIMIT = 1000
"""Refinements after which a cell counts as too symmetric."""

MASK = (1 << 64) - 1
POSITIONS = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9)
"""Odd factors that tell the first operand, the second, and a state's next value apart."""
TIES = (0x27D4EB2F165667C5, 0x85EBCA77C2B2AE63)
"""What tells apart who multiplies with the same matrix, and who with its transpose."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a cell is.

    Attributes:
        id: `c` and 32 hex digits.
        canonical: The graph in canonical form.
        states: For each canonical state its position among the states as written.
    """

    id: str
    canonical: Graph
    states: tuple[int, ...]


def identify(cell: Graph) -> Identity:
    """Return the identity of a cell.

    Raises:
        CellError: The cell is too symmetric for the work limit.
    """
    flat = _Flat(merged(cell))
    order, certificate = _Search(flat).best()
    digest = hashlib.sha256(f"archsearch cell {VERSION}\n{certificate}".encode()).hexdigest()
    written = [state.handle for state in cell.state_nodes]
    states = tuple(written.index(flat.nodes[i].handle) for i in order if flat.nodes[i].op == "state")
    return Identity(f"c{digest[:32]}", flat.in_order(cell, order), states)


def canonical_positions(graph: Graph) -> dict[int, int]:
    """Return each handle's position in the canonical order of a merged graph, whose `+`, `*`, `max` may be of any arity.

    Raises:
        CellError: The graph is too symmetric for the work limit.
    """
    flat = _Flat(graph)
    order, _ = _Search(flat).best()
    return {graph.nodes[i].handle: position for position, i in enumerate(order)}


AnyGraph = TypeVar("AnyGraph", bound=Graph)


def merged(cell: AnyGraph) -> AnyGraph:
    """Return the cell with equal nodes that learn nothing made one, and without what the output does not need."""
    stands_for: dict[int, int] = {}
    known: dict[object, Node] = {}
    nodes: list[Node] = []
    for node in cell.nodes:
        inputs = tuple(stands_for[source] for source in node.inputs)
        operands = tuple(sorted(inputs)) if _commutes(node) else inputs
        key = (node.op, node.args, operands, node.like, node.transposed)
        if _is_what_it_computes(node) and key in known:
            stands_for[node.handle] = known[key].handle
            continue
        kept = replace(node, inputs=inputs, name=None if node.op == "number" else node.name)
        stands_for[node.handle] = node.handle
        known[key] = kept
        nodes.append(kept)
    following = {s.handle: stands_for[target] for s, target in zip(cell.state_nodes, cell.next, strict=True)}
    live = _live({node.handle: node for node in nodes}, following, cell)
    kept_nodes = settled(node for node in nodes if node.handle in live)
    return replace(
        cell, nodes=kept_nodes, next=tuple(following[n.handle] for n in kept_nodes if n.op == "state")
    )


def _live(nodes: dict[int, Node], following: dict[int, int], cell: Graph) -> set[int]:
    """Return the handles that the output needs, now or at any later step; x and the first state always count."""
    live: set[int] = set()
    pending = [cell.x.handle, cell.state_nodes[0].handle]
    while pending:
        handle = pending.pop()
        if handle not in live:
            live.add(handle)
            pending.extend(nodes[handle].inputs)
            if handle in following:
                pending.append(following[handle])
    return live


def live_states(cell: Graph) -> set[int]:
    """Return the handles of the states that the output needs, the first included."""
    following = {s.handle: target for s, target in zip(cell.state_nodes, cell.next, strict=True)}
    return _live({node.handle: node for node in cell.nodes}, following, cell) & set(following)


def _is_what_it_computes(node: Node) -> bool:
    """Whether another node that computes the same is the same: it learns nothing, or nothing but a shared matrix."""
    if node.op in ("input", "state"):
        return False
    return not node.learns or (node.like is not None and not node.has_bias)


def _commutes(node: Node) -> bool:
    return node.op in OPS and OPS[node.op].commutative


@lru_cache(maxsize=4096)
def _label(op: str, args: Arguments, rank: int) -> tuple[str, int]:
    """Return what a node is, as text and as a 64-bit number that is the same on every machine."""
    text = op + "".join(f" {name}={'none' if value is None else repr(float(value))}" for name, value in args)
    text += f" {rank}" if rank else ""
    return text, int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


def _mix(value: int) -> int:
    """Scatter the bits of a 64-bit number."""
    value = ((value ^ (value >> 32)) * 0xD6E8FEB86659FD93) & MASK
    value = ((value ^ (value >> 29)) * 0xFF51AFD7ED558CCD) & MASK
    return value ^ (value >> 32)


class _Flat:
    """A merged cell as plain lists over positions 0 … len-1, operands first.

    Attributes:
        nodes: The nodes.
        inputs: For each node the positions of its operands.
        sharers: The positions of each group that shares a matrix.
        commutes: For each node whether their order does not matter.
        next: For each state the position of its next value.
        labels: What each node is, as text.
        start: The same as numbers: the first colours.
        readers: For each node who reads it, with the factor of the operand's place.
        backwards: Groups of positions, readers before what they read.
        users: For each node the positions of its readers, each once.
        twin_keys: For each node what twins share.
    """

    def __init__(self, cell: Graph) -> None:
        self.nodes = cell.nodes
        place = {node.handle: i for i, node in enumerate(cell.nodes)}
        self.inputs = [tuple(place[source] for source in node.inputs) for node in cell.nodes]
        self.sharers = [[place[node.handle] for node in group] for group in sharers(cell.nodes).values()]
        self.commutes = [_commutes(node) for node in cell.nodes]
        states = [i for i, node in enumerate(cell.nodes) if node.op == "state"]
        self.next = dict(zip(states, (place[target] for target in cell.next), strict=True))
        labels = [_label(node.op, node.args, int(i == states[0])) for i, node in enumerate(cell.nodes)]
        self.labels = [text for text, _ in labels]
        self.start = [number for _, number in labels]
        self.readers: list[list[tuple[int, int]]] = [[] for _ in cell.nodes]
        for i, sources in enumerate(self.inputs):
            for position, source in enumerate(sources):
                self.readers[source].append((i, POSITIONS[0] if self.commutes[i] else POSITIONS[position]))
        for state, target in self.next.items():
            self.readers[target].append((state, POSITIONS[2]))
        computed = [[i] for i in range(len(cell.nodes) - 1, 0, -1) if i not in self.next]
        self.backwards = [*computed, states, [0]]  # readers first; states may follow each other: all at once
        self.users: list[set[int]] = [set() for _ in cell.nodes]
        for i, sources in enumerate(self.inputs):
            for source in sources:
                self.users[source].add(i)
        self.twin_keys = [
            (
                self.labels[i],
                tuple(sorted(self.inputs[i])) if self.commutes[i] else self.inputs[i],
                self.next.get(i),
                tuple(sorted(self.readers[i])),
                (node.like, node.transposed),
            )
            for i, node in enumerate(cell.nodes)
        ]

    def refined(self, colours: list[int]) -> list[int]:
        """Return the coarsest stable colouring at least as fine as `colours`."""
        colours, count = list(colours), len(set(colours))
        while count < len(colours):
            following = [colours[target] for target in self.next.values()]  # may be states: read all first
            for state, colour in zip(self.next, following, strict=True):
                colours[state] = _mix(colours[state] + colour * POSITIONS[2] & MASK)
            for i, sources in enumerate(self.inputs):
                if sources:
                    colours[i] = _mix(colours[i] + self._operands(i, sources, colours) & MASK)
            for group in self.backwards:
                read = [sum([_mix(colours[r] ^ p) for r, p in self.readers[i]]) for i in group]
                for i, readers in zip(group, read, strict=True):
                    colours[i] = _mix(colours[i] + readers & MASK)
            for group in self.sharers:
                tied = [self._ties(i, group, colours) for i in group]
                for i, others in zip(group, tied, strict=True):
                    colours[i] = _mix(colours[i] + others & MASK)
            before, count = count, len(set(colours))
            if count == before:
                break
        return colours

    def _operands(self, i: int, sources: tuple[int, ...], colours: list[int]) -> int:
        if len(sources) == 1:
            return colours[sources[0]] * POSITIONS[0]
        if self.commutes[i]:
            return sum([_mix(colours[source]) for source in sources])
        return colours[sources[0]] * POSITIONS[0] + colours[sources[1]] * POSITIONS[1]

    def _ties(self, i: int, group: list[int], colours: list[int]) -> int:
        own = self.nodes[i].transposed
        return sum([_mix(colours[o] ^ TIES[self.nodes[o].transposed != own]) for o in group if o != i])

    def ordered(self, colours: list[int]) -> list[int]:
        """Return the positions: x, the states, then operands before readers, the smaller colour first."""
        order = [0, *sorted(self.next, key=lambda i: (self.labels[i] == "state", colours[i]))]
        waiting = [len(set(sources)) for sources in self.inputs]
        ready = [(colours[i], i) for i, node in enumerate(self.nodes) if node.op == "number"]
        heapify(ready)
        done = 0
        while done < len(self.nodes):
            if done == len(order):
                order.append(heappop(ready)[1])
            for user in self.users[order[done]]:
                waiting[user] -= 1
                if waiting[user] == 0:
                    heappush(ready, (colours[user], user))
            done += 1
        return order

    def certificate(self, order: list[int]) -> str:
        """Return the whole graph as text, read off in this order."""
        place = {i: position for position, i in enumerate(order)}
        lines = []
        for i in order:
            operands = [place[source] for source in self.inputs[i]]
            tie = self._tie(i, place)
            lines.append(f"{self.labels[i]} {sorted(operands) if self.commutes[i] else operands}{tie}")
        lines.append(str([place[self.next[i]] for i in order if i in self.next]))
        return "\n".join(lines)

    def _tie(self, i: int, place: dict[int, int]) -> str:
        """Return how a map is tied to the first that shares its matrix; nothing for that one and for all other nodes."""
        group = next((group for group in self.sharers if i in group), [i])
        first = min(group, key=place.__getitem__)
        if first == i:
            return ""
        return f" like {place[first]}" + "'" * (self.nodes[first].transposed != self.nodes[i].transposed)

    def in_order(self, cell: Graph, order: list[int]) -> Graph:
        """Return the merged cell with its nodes in this order and handles 0, 1, 2 …"""
        handles = {self.nodes[i].handle: position for position, i in enumerate(order)}
        place = {i: position for position, i in enumerate(order)}
        nodes = []
        for i in order:
            node = renumbered(self.nodes[i], handles)
            nodes.append(replace(node, inputs=tuple(sorted(node.inputs))) if self.commutes[i] else node)
        firsts = {min(place[i] for i in group) for group in self.sharers}
        return replace(
            cell,
            nodes=settled(nodes, firsts),
            next=tuple(place[self.next[i]] for i in order if i in self.next),
        )


class _Search:
    """Finds the smallest certificate over all ways of telling equally coloured nodes apart.

    Attributes:
        flat: The cell.
        work: Refinements so far.
        leaves: Orders that were tried, with their certificates.
        automorphisms: Maps of the cell onto itself that were found on the way.
    """

    def __init__(self, flat: _Flat) -> None:
        self.flat = flat
        self.work = 0
        self.leaves: dict[str, list[int]] = {}
        self.automorphisms: list[list[int]] = []

    def best(self) -> tuple[list[int], str]:
        """Return the canonical order and its certificate."""
        certificate = self._explore(self.flat.start, [])
        return self.leaves[certificate], certificate

    def _refined(self, colours: list[int]) -> tuple[list[int], list[int]]:
        """Refine, tell twins apart at once, and return the colours and the first class that is still shared."""
        self.work += 1
        if self.work > WORK_LIMIT:
            raise CellError("the cell is too symmetric: it has no canonical form within the work limit")
        colours = self.flat.refined(colours)
        while shared := self._shared(colours):
            if len({self.flat.twin_keys[i] for i in shared}) > 1:
                return colours, shared
            for rank, i in enumerate(
                shared
            ):  # exchanging twins changes nothing, so any order is the same order
                colours[i] = _mix(colours[i] + rank)
            colours = self.flat.refined(colours)
        return colours, []

    @staticmethod
    def _shared(colours: list[int]) -> list[int]:
        classes: dict[int, list[int]] = {}
        for i, colour in enumerate(colours):
            classes.setdefault(colour, []).append(i)
        if len(classes) == len(colours):
            return []
        return min((len(of), colour, of) for colour, of in classes.items() if len(of) > 1)[2]

    def _leaf(self, colours: list[int]) -> str:
        order = self.flat.ordered(colours)
        certificate = self.flat.certificate(order)
        known = self.leaves.setdefault(certificate, order)
        if known is not order:
            image = dict(zip(known, order, strict=True))
            self.automorphisms.append([image[i] for i in range(len(order))])
        return certificate

    def _explore(self, colours: list[int], prefix: list[int]) -> str:
        """Return the smallest certificate below `colours`, in which the nodes of `prefix` were singled out."""
        colours, shared = self._refined(colours)
        if not shared:
            return self._leaf(colours)
        found: list[str] = []
        explored: list[int] = []
        for member in shared:
            if explored and self._equivalent(member, explored, prefix):
                continue
            below = self._single_out(colours, member)
            if explored and self._reaches_known_leaf(below, member, explored, prefix):
                continue
            found.append(self._explore(below, [*prefix, member]))
            explored.append(member)
        return min(found)

    def _single_out(self, colours: list[int], member: int) -> list[int]:
        below = list(colours)
        below[member] = _mix(below[member] ^ POSITIONS[1])
        return below

    def _reaches_known_leaf(
        self, colours: list[int], member: int, explored: list[int], prefix: list[int]
    ) -> bool:
        """Walk to one leaf; a leaf seen before is an automorphism, which may carry an explored member to this one."""
        while True:
            colours, shared = self._refined(colours)
            if not shared:
                break
            colours = self._single_out(colours, shared[0])
        self._leaf(colours)
        return self._equivalent(member, explored, prefix)

    def _equivalent(self, member: int, explored: list[int], prefix: list[int]) -> bool:
        """Whether a known automorphism that keeps the prefix in place carries an explored member to this one."""
        usable = [a for a in self.automorphisms if all(a[i] == i for i in prefix)]
        orbit, pending = set(explored), list(explored)
        while pending:
            current = pending.pop()
            for automorphism in usable:
                if (image := automorphism[current]) not in orbit:
                    orbit.add(image)
                    pending.append(image)
        return member in orbit
