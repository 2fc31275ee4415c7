"""Cells by chance, for the tests: mutants in chains, small graphs, and the same cell written differently."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice

import hypothesis.strategies as st
import numpy as np

from archsearch.cell import OPS, Cell, Node, SearchSpace, library, load_space
from archsearch.cell.sharing import renumbered, settled, sharers
from archsearch.cell.space import Activation, Limits
from archsearch.mutations import MAGNITUDES, Child, draw

PAPER = load_space("jozefowicz2015")
WIDE = load_space("wide")
LINEARS = ((), (("bias", 1.0),), (("bias", None),), (("diag", 0.9),), (("bias", -0.5), ("diag", 1e-3)))
EVERYTHING = SearchSpace(
    name="everything",
    start=("gru",),
    activations=(
        *(Activation("linear", args) for args in LINEARS),
        *(Activation(name) for name, op in OPS.items() if op.arity == 1 and name != "linear"),
    ),
    elementwise=tuple(name for name, op in OPS.items() if op.arity == 2),
    mutations=PAPER.mutations,
    limits=Limits(nodes=60, linears=60),
)
"""All ops with many arguments, far beyond what a search uses; by the paper's six operators."""

GROWING = SearchSpace(
    name="growing",
    start=("gru",),
    activations=PAPER.activations,
    elementwise=PAPER.elementwise,
    mutations=("insert_activation", "swap_elementwise"),
    limits=Limits(nodes=60, linears=40),
)
"""Cells only grow here."""

GROW = load_space("grow")
SPACES = (PAPER, WIDE, EVERYTHING)
LONGEST_CHAIN = 20


@dataclass(frozen=True, slots=True)
class Mutant:
    """A child with the cell and the space it was drawn from."""

    parent: Cell
    child: Child
    space: SearchSpace


def chain(start: Cell, space: SearchSpace, rng: np.random.Generator, length: int) -> Iterator[Mutant]:
    """Yield the children of a chain in which each is the parent of the next, at alternating magnitudes."""
    parent = start
    for step in range(length):
        child = draw(parent, space, rng, list(MAGNITUDES)[step % len(MAGNITUDES)])
        assert child is not None, f"no valid child of {parent.text()}"
        yield Mutant(parent, child, space)
        parent = child.cell


def mutants(
    count: int, seed: int = 0, spaces: tuple[SearchSpace, ...] = SPACES, longest: int = LONGEST_CHAIN
) -> Iterator[Mutant]:
    """Yield mutants in chains of 1 to 20 from all cells of the library in turn, in spaces in turn.

    Args:
        count: How many.
        seed: Makes them.
        spaces: The spaces.
        longest: Mutants of the longest chain.
    """
    rng = np.random.default_rng(seed)
    made = 0
    for turn in range(count):
        start = library.load(library.names()[turn % len(library.names())])
        length = min(1 + turn * 7 % longest, count - made)
        yield from chain(start, spaces[turn % len(spaces)], rng, length)
        made += length
        if made == count:
            return


def grown(rng: np.random.Generator, nodes: int) -> Cell:
    """Return a mutant of about so many nodes that compute, at most 60."""
    cell = library.load("lstm")
    while len(cell.ops) < nodes:
        child = draw(cell, GROWING, rng, "count")
        assert child is not None
        cell = child.cell
    return cell


def small_graph(rng: np.random.Generator) -> Cell:
    """Return a cell of one to four states and one to five ops, drawn so that many are equal or nearly so."""
    states = int(rng.integers(1, 5))
    nodes = [Node(0, "input", name="x"), *(Node(i + 1, "state", name=f"s{i + 1}") for i in range(states))]
    if rng.random() < 0.3:
        nodes.append(Node(len(nodes), "number", args=(("value", float(rng.integers(1, 3))),)))
    for _ in range(rng.integers(1, 6)):
        op = ("add", "add", "sub", "tanh", "linear")[rng.integers(5)]
        inputs = tuple(int(i) for i in rng.integers(len(nodes), size=OPS[op].arity))
        args = (("bias", None),) if op == "linear" and rng.random() < 0.3 else ()
        nodes.append(Node(len(nodes), op, inputs, args))
    last = len(nodes) - 1
    limits = [states + 1 if rng.random() < 0.5 else len(nodes) for _ in range(states - 1)]
    others = tuple(int(rng.integers(1, limit)) for limit in limits)  # often each other's old values
    return Cell("small", tuple(nodes), (last, *others))


def symmetric_graph(rng: np.random.Generator) -> Cell:
    """Return a cell in which four to eight equal linear maps are multiplied around circles, drawn so that many look equal.

    Circles of one length are exchangeable, and each may be turned; a sum over all of them breaks some of this.
    """
    count = int(rng.integers(4, 9))
    nodes = [Node(0, "input", name="x"), Node(1, "state", name="h")]

    def add(op: str, *inputs: int) -> int:
        nodes.append(Node(len(nodes), op, inputs))
        return len(nodes) - 1

    around = [int(i) for i in rng.permutation(count)]
    cut = int(rng.integers(count + 1))
    linears = [add("linear", 0) for _ in range(count)]
    edges = [
        (i, circle[(at + 1) % len(circle)])
        for circle in (around[:cut], around[cut:])
        for at, i in enumerate(circle)
    ]
    terms = [add("linear", add("mul", linears[i], linears[j])) for i, j in edges]
    terms = [terms[i] for i in rng.permutation(len(terms))] if rng.random() < 0.5 else terms
    while len(terms) > 1:
        terms = [
            *(add("add", *pair) for pair in zip(terms[::2], terms[1::2], strict=False)),
            *terms[len(terms) // 2 * 2 :],
        ]
    output = add("add", 1, terms[0])
    return Cell("symmetric", tuple(nodes), (output,))


def rewritten(cell: Cell, rng: np.random.Generator) -> Cell:
    """Return the same cell with other names, operands of commutative ops, lines and later states exchanged."""
    order = _random_order(cell, rng)
    handles = [int(handle) for handle in rng.permutation(len(order)) + 100]
    new = dict(zip((node.handle for node in order), handles, strict=True))
    nodes = []
    for node in order:
        moved = renumbered(node, new)
        if node.op in OPS and OPS[node.op].commutative and rng.random() < 0.5:
            moved = replace(moved, inputs=moved.inputs[::-1])
        named = node.op in ("input", "state") or node.op != "number" and rng.random() < 0.3
        nodes.append(replace(moved, name=f"v{moved.handle}" if named else None))
    following = {s.handle: target for s, target in zip(cell.state_nodes, cell.next, strict=True)}
    next_values = tuple(new[following[node.handle]] for node in order if node.op == "state")
    owners = {group[rng.integers(len(group))].handle for group in sharers(nodes).values()}
    return Cell("rewritten", settled(nodes, owners), next_values)


def sharing_mutants(count: int, seed: int = 0) -> Iterator[Cell]:
    """Yield mutants near cells of the library, in which linear maps share matrices."""
    rng = np.random.default_rng(seed)
    cells = (sharing(mutant.child.cell, rng) for mutant in mutants(20 * count, seed, longest=2))
    sharers = (cell for cell in cells if any(node.like is not None for node in cell.canonical().nodes))
    yield from islice(sharers, count)


def sharing(cell: Cell, rng: np.random.Generator) -> Cell:
    """Return the cell with about half of its linear maps sharing one to three matrices, some transposed."""
    linears = [node for node in cell.ops if node.op == "linear" and rng.random() < 0.6]
    groups = rng.integers(1 + len(linears) // 3, size=len(linears))
    changed = {}
    for group in {*groups}:
        members = [node for node, its in zip(linears, groups, strict=True) if its == group]
        for node in members:
            turned = bool(rng.random() < 0.5)
            changed[node.handle] = replace(node, like=members[0].handle, transposed=turned)
    return replace(cell, nodes=settled(changed.get(node.handle, node) for node in cell.nodes))


def _random_order(cell: Cell, rng: np.random.Generator) -> list[Node]:
    states = list(cell.state_nodes)
    order = [cell.x, states[0], *(states[i] for i in 1 + rng.permutation(len(states) - 1))]
    waiting = [node for node in cell.nodes if node.op not in ("input", "state")]
    placed = {node.handle for node in order}
    while waiting:
        ready = [node for node in waiting if placed.issuperset(node.inputs)]
        node = ready[rng.integers(len(ready))]
        waiting.remove(node)
        order.append(node)
        placed.add(node.handle)
    return order


seeds = st.integers(0, 2**32 - 1)


@st.composite
def cells(draw_from: st.DrawFn) -> Cell:
    """Generate library cells, mutants of them in all spaces, and small graphs, some written differently."""
    rng = np.random.default_rng(draw_from(seeds))
    kind = draw_from(st.sampled_from(["library", "mutant", "small"]))
    cell = small_graph(rng) if kind == "small" else library.load(draw_from(st.sampled_from(library.names())))
    if kind == "mutant":
        length = draw_from(st.integers(1, 5))
        cell = [*chain(cell, draw_from(st.sampled_from(SPACES)), rng, length)][-1].child.cell
    return rewritten(cell, rng) if draw_from(st.booleans()) else cell
