"""All groupings of a chain are one cell after regrouping, with the values that they had."""

import itertools
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given

from archsearch.cell import Cell, Node, library
from archsearch.cell.regrouping import CHAINS, regrouped
from archsearch.errors import CellError
from archsearch.mutations import draw
from tests.cell.isomorphism import same
from tests.helpers.strategies import SPACES, cells, rewritten

Array = np.ndarray[Any, np.dtype[np.float64]]
WIDTH = 5
FULL = pytest.param(1000, marks=pytest.mark.slow)


def cell(*lines: str, parameters: str = "x, h") -> Cell:
    return Cell.parse(f"cell k({parameters}):\n" + "\n".join(f"    {line}" for line in lines))


def regroupings(original: Cell, rng: np.random.Generator, count: int = 30) -> Cell:
    """Return the cell with `a + (b + c)` made `(a + b) + c` in random places, and biases put on another map of their sum."""
    for _ in range(count):
        places = [
            (node, at)
            for node in original.ops
            for at in (0, 1)
            if node.op in CHAINS and original.node(node.inputs[at]).op == node.op
        ]
        if places:
            node, at = places[rng.integers(len(places))]
            kept, inner = node.inputs[1 - at], list(original.node(node.inputs[at]).inputs)
            rng.shuffle(inner)
            part = Node(original.fresh_handle(), node.op, (kept, inner[0]))
            changed = {part.handle: part, node.handle: replace(node, inputs=(part.handle, inner[1]))}
            original = original.edited(changed) or original
        original = _other_bias(original, rng)
    return original


def _other_bias(original: Cell, rng: np.random.Generator) -> Cell:
    """Return the cell with the biases of two maps exchanged that one sum reads, and nothing else."""
    sums = [
        [original.node(i) for i in node.inputs]
        for node in original.ops
        if node.op == "add"
        and all(original.node(i).op == "linear" and i not in original.next for i in node.inputs)
        and all(original.consumers[i] == (node.handle,) for i in node.inputs)
    ]
    if not sums:
        return original
    one, other = sums[rng.integers(len(sums))]
    changed = original.edited({one.handle: _like(one, other), other.handle: _like(other, one)})
    assert changed is not None
    return changed


def _like(node: Node, other: Node) -> Node:
    """Return a linear map with the bias of another."""
    rest = [pair for pair in node.args if pair[0] != "bias"]
    return replace(node, args=tuple(sorted([*rest, *(pair for pair in other.args if pair[0] == "bias")])))


def values(one: Cell, steps: int = 3) -> Array:
    """Return all states after some steps, shape (steps, states, width), of weights that hang on the handle alone.

    A bias hangs on its start value instead: within a sum it may stand on any map.
    """
    rng = np.random.default_rng(9)
    known = {node.handle: rng.uniform(-1, 1, WIDTH) for node in one.state_nodes}
    states = [known[node.handle] for node in one.state_nodes]
    seen = []
    for _ in range(steps):
        known = {one.x.handle: rng.uniform(-1, 1, WIDTH)}
        known |= {node.handle: value for node, value in zip(one.state_nodes, states, strict=True)}
        for node in one.nodes:
            if node.handle not in known:
                known[node.handle] = _value(node, [known[i] for i in node.inputs])
        states = [known[handle] for handle in one.next]
        seen.append(np.stack(states))
    return np.stack(seen)


SIMPLE = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.divide,
    "max": np.maximum,
    "tanh": np.tanh,
    "exp": lambda v: np.exp(np.minimum(v, 3)),
    "sigmoid": lambda v: 1 / (1 + np.exp(-v)),
    "relu": lambda v: np.maximum(v, 0),
    "leaky_relu": lambda v: np.where(v > 0, v, 0.01 * v),
    "softplus": lambda v: np.logaddexp(0, v),
    "silu": lambda v: v / (1 + np.exp(-v)),
    "norm": lambda v: v / np.sqrt(np.mean(v**2) + 1e-6),
    "mean": lambda v: np.full_like(v, np.mean(v)),
    "stop": lambda v: v,
    "sqrt": lambda v: np.sqrt(np.abs(v)),
    "sin": np.sin,
    "cos": np.cos,
}


def _value(node: Node, operands: list[Array]) -> Array:
    weights = np.random.default_rng(node.handle)
    if node.op == "number":
        return np.full(WIDTH, node.value)
    if node.op == "scale":
        return weights.uniform(-1, 1, WIDTH) * operands[0]
    if node.op == "linear":
        product = weights.uniform(-1, 1, (WIDTH, WIDTH)) / WIDTH @ operands[0]
        start = node.argument("bias")
        return (
            product
            if start is None
            else product + np.random.default_rng(round(1000 + start * 8)).random(WIDTH)
        )
    return np.asarray(SIMPLE[node.op](*operands))


def learned(one: Cell) -> list[str]:
    return sorted(node.op for node in one.canonical().ops if node.learns)


def agree(one: Cell, other: Cell) -> bool:
    with np.errstate(all="ignore"):
        expected, found = values(one), values(other)
    order = [other.states.index(name) for name in one.states]
    finite = np.isfinite(expected) & (np.abs(expected) < 1e6)
    return bool(np.allclose(found[:, order][finite], expected[finite], rtol=1e-10, atol=1e-10))


def test_all_orders_of_a_sum_are_one_cell() -> None:
    orders = list(itertools.permutations(["linear(x)", "linear(h, bias=none)", "h"]))
    written = [cell(f"h' = tanh({' + '.join(order)})") for order in orders]
    written += [cell(f"h' = tanh({a} + ({b} + {c}))") for a, b, c in orders]
    written += [
        cell(
            f"h' = tanh({a} + {b} + {c})".replace("(x)", "(x, bias=none)", 1).replace("(h, bias=none)", "(h)")
        )
        for a, b, c in orders
    ]

    assert len({one.id for one in written}) == 6
    assert {regrouped(one).id for one in written} == {written[0].id}


@pytest.mark.parametrize("name", library.names())
def test_regroupings_of_a_library_cell_are_one_cell(name: str) -> None:
    rng = np.random.default_rng(1)
    original = library.load(name)
    whole = regrouped(original)

    assert agree(original, whole)
    assert regrouped(whole) is whole
    for _ in range(5):
        other = regroupings(original, rng)
        assert regrouped(other).id == whole.id, f"{original}\n{other}"
        assert agree(other, regrouped(other))


def near_mutants(count: int, rng: np.random.Generator) -> Iterator[Cell]:
    """Yield cells one to four mutations away from library cells, in which chains are left."""
    for turn in range(count):
        one = library.load(library.names()[turn % len(library.names())])
        for _ in range(1 + turn % 4):
            child = None
            while child is None:  # a small cell may have no valid child in a hundred draws
                child = draw(one, SPACES[turn % len(SPACES)], rng, "count")
            one = child.cell
        yield one


@pytest.mark.parametrize("count", [200, FULL])
def test_regroupings_of_a_mutant_are_one_cell(count: int) -> None:
    rng = np.random.default_rng(2)
    changed = 0
    for original in near_mutants(count, rng):
        whole = regrouped(original)
        other = rewritten(regroupings(original, rng), rng)
        assert regrouped(other).id == whole.id, f"{original}\n{other}"
        assert agree(original, whole), f"{original}\n{whole}"
        changed += other.id != original.id
    assert changed > count / 3


@given(cells())
def test_regrouping_twice_changes_nothing_and_the_text_reads_back(one: Cell) -> None:
    try:
        whole = regrouped(one)
    except CellError as error:
        assert "nodes when each is written out" in str(error)
        return

    assert regrouped(whole).id == whole.id == Cell.parse(whole.canonical().text()).id
    assert learned(whole) == learned(one)


def test_published_cells_are_their_own_regrouping_where_no_longer_sum_is_grouped_otherwise() -> None:
    other = {name for name in library.names() if regrouped(library.load(name)) is not library.load(name)}

    assert other == {"darts_v2", "delta_rnn", "enas", "fgr", "rg_lru", "unicornn"}


def test_a_part_that_is_read_elsewhere_is_no_part_of_the_order() -> None:
    one = cell("s = tanh(x) + h", "h' = relu(s) * (s + exp(x))")
    other = cell("s = tanh(x) + h", "h' = relu(s) * (tanh(x) + (h + exp(x)))")

    assert regrouped(one).id == regrouped(other).id == one.id


def test_the_steps_of_darts_are_one_architecture_in_any_legal_order() -> None:
    rng = np.random.default_rng(4)
    original = library.load("darts_v2")
    ids = set()
    for _ in range(20):
        terms = [f"s{i}" for i in rng.permutation(np.arange(1, 9))]
        text = original.text()
        body = text[: text.index("    first")] + f"    h' = ({' + '.join(terms)}) / 8\n"
        ids.add(regrouped(Cell.parse(body)).id)

    assert ids == {regrouped(original).id}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("x - (h - tanh(x))", "x - h - tanh(x)"),
        ("x - h + tanh(x)", "x + (tanh(x) - h)"),
        ("x * (h + tanh(x))", "x * h + x * tanh(x)"),
        ("linear(x) + linear(h)", "linear(x) + linear(h, bias=none)"),
        ("linear(x, bias=1) + linear(h)", "linear(x, bias=1) + linear(h, bias=1)"),
        ("tanh(linear(x)) + linear(h, bias=none)", "tanh(linear(x, bias=none)) + linear(h)"),
    ],
)
def test_what_is_more_than_another_grouping_stays_another_cell(one: str, other: str) -> None:
    assert regrouped(cell(f"h' = {one}")).id != regrouped(cell(f"h' = {other}")).id


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("linear(x, bias=1) + linear(h)", "linear(x) + linear(h, bias=1)"),
        ("linear(x, bias=none) + h + linear(h, bias=2)", "h + (linear(h, bias=none) + linear(x, bias=2))"),
        ("linear(x, diag=1) + linear(h, bias=none)", "linear(x, diag=1, bias=none) + linear(h)"),
        ("max(x, max(h, tanh(x)))", "max(max(x, h), tanh(x))"),
        ("2 * h * x * 2", "2 * (x * 2) * h"),
        ("h + h + x + h", "(h + h) + (h + x)"),
    ],
)
def test_groupings_and_places_of_a_bias_are_one_cell(one: str, other: str) -> None:
    assert cell(f"h' = {one}").id != cell(f"h' = {other}").id
    assert regrouped(cell(f"h' = {one}")).id == regrouped(cell(f"h' = {other}")).id


def test_a_bias_that_several_sums_share_has_a_fixed_place_too() -> None:
    one = cell("s = linear(x) + linear(h, bias=none)", "h' = tanh(s) * (s + h)")
    other = cell("s = linear(x, bias=none) + linear(h)", "h' = tanh(s) * (s + h)")

    assert regrouped(one).id == regrouped(other).id


def test_chains_that_double_at_every_line_are_refused() -> None:
    lines = ["n0 = x + h", *(f"n{i} = n{i - 1} + n{i - 1}" for i in range(1, 60)), "h' = tanh(n59)"]

    with pytest.raises(CellError, match="take more than 512 nodes"):
        regrouped(cell(*lines))


def test_the_graph_is_the_same_for_networkx_too() -> None:
    rng = np.random.default_rng(5)
    original = library.load("nas_zoph")
    one, other = regrouped(regroupings(original, rng)), regrouped(regroupings(original, rng))

    assert same(one, other)
