"""crossover: a part of another cell takes the place of a node with the same role."""

import msgspec
import numpy as np
import pytest

from archsearch.cell import Cell, library
from archsearch.mutations import propose
from archsearch.mutations.crossover import crossover
from archsearch.mutations.roles import role
from tests.helpers.strategies import GROW
from tests.mutations.outcomes import cell, lines, node

ONLY = msgspec.structs.replace(GROW, mutations=("crossover",), weights={})

MATE = cell("z = sigmoid(exp(h))", "h' = z * c", "c' = silu(c) + x", parameters="x, h, c")


def crossed(of: Cell, at: str, mate: Cell, draws: int = 50) -> set[str | None]:
    """Return the lines of all cells that a node and a mate make."""
    made = (crossover(of, node(of, at), GROW, np.random.default_rng(seed), mate) for seed in range(draws))
    return {lines(result) if result else None for result in made}


def test_every_node_has_a_role() -> None:
    lstm = library.load("lstm").canonical()
    roles = {
        lstm.node(one.handle).name or "h'": role(lstm, one.handle)
        for one in lstm.ops
        if one.name or one.handle == lstm.output
    }

    assert roles == {"f": "gate", "i": "gate", "o": "gate", "g": "function", "h'": "output"}
    assert role(lstm, lstm.next[1]) == "memory"


def test_a_gate_is_taken_with_all_that_it_is_computed_from() -> None:
    start = cell("r = sigmoid(x)", "h' = r * h")

    assert crossed(start, "r", MATE) == {"h' = sigmoid(exp(h)) * h"}


def test_states_of_the_mate_are_those_of_the_same_number_or_the_last() -> None:
    assert crossed(cell("v = tanh(x)", "h' = v + h"), "v", MATE) == {
        "h' = exp(h) + h",
        "h' = silu(h) + h",
    }
    two = cell("v = tanh(x)", "h' = v + d", "d' = h", parameters="x, h, d")
    assert crossed(two, "v", MATE) == {"h' = exp(h) + d; d' = h", "h' = silu(d) + d; d' = h"}


def test_a_role_that_the_mate_has_not_gives_nothing() -> None:
    assert crossed(cell("v = linear(x)", "h' = v + h"), "v", MATE) == {None}


def test_names_of_the_mate_stay_with_it() -> None:
    for seed in range(30):
        made = crossover(
            library.load("gru"), library.load("gru").ops[-1], GROW, np.random.default_rng(seed), MATE
        )
        assert made is not None and "z" not in {one.name for one in made.nodes}


def test_without_a_mate_it_is_a_start_cell_of_the_space() -> None:
    start = cell("v = sigmoid(x)", "h' = v * h")
    parts = set()
    for seed in range(200):
        made = crossover(start, node(start, "v"), GROW, np.random.default_rng(seed))
        parts.add(lines(made) if made else None)

    gates = {
        "h' = sigmoid(linear(x) + linear(h, bias=none)) * h",
        "h' = sigmoid(linear(h, bias=none) + linear(x)) * h",
    }
    assert parts == {None, *gates}  # the plain RNN has none


@pytest.mark.parametrize("seed", range(5))
def test_a_child_takes_parts_of_the_mate_that_it_is_given(seed: int) -> None:
    mate = cell("h' = softplus(silu(x + h))")
    drawn = [
        propose(library.load("tanh_rnn"), ONLY, np.random.default_rng(seed * 100 + i), mate=mate)
        for i in range(100)
    ]
    made = [child for child in drawn if child and any(one.operator == "crossover" for one in child.applied)]

    assert any("silu" in child.cell.text() or "softplus" in child.cell.text() for child in made)
