"""combine: a node becomes the sum, product or difference of two ancestors."""

import numpy as np

from archsearch.mutations.combine import combine
from tests.helpers.strategies import EVERYTHING, PAPER, mutants
from tests.mutations.outcomes import cell, outcomes


def test_one_ancestor_is_the_node_s_own_and_one_is_any_node_s() -> None:
    made = outcomes("combine", cell("m = tanh(x)", "n = exp(h)", "h' = m * n"), "m")

    assert made == {
        *(f"m = x {op} {other}; n = exp(h); h' = m * n" for op in "+-*" for other in "xh"),
        *(f"n = exp(h); m = x {op} n; h' = m * n" for op in "+-*"),
    }


def test_what_lies_downstream_is_no_choice() -> None:
    start = cell("m = tanh(h)", "n = exp(m)", "h' = n * x + m")

    assert outcomes("combine", start, "m") == {
        f"m = {text}; n = exp(m); h' = n * x + m"
        for text in ("h + h", "h * h", "h - h", "x + h", "x * h", "h - x")
    }


def test_the_same_again_is_no_change() -> None:
    assert "n = x + h; h' = n" not in outcomes("combine", cell("n = x + h", "h' = n"), "n")


def test_a_learned_map_loses_its_arguments() -> None:
    made = outcomes("combine", cell("n = linear(h, diag=1)", "h' = n + x"), "n")

    assert "n = h * h; h' = n + x" in made and not any("diag" in (text or "") for text in made)


def test_numbers_are_no_ancestors() -> None:
    assert outcomes("combine", cell("n = tanh(2)", "h' = n * x + h"), "n") == {None}


def test_it_never_closes_a_cycle() -> None:
    rng = np.random.default_rng(0)
    for mutant in mutants(200, seed=11):
        for node in mutant.child.cell.ops:
            made = combine(mutant.child.cell, node, EVERYTHING if rng.random() < 0.5 else PAPER, rng)
            assert made is None or [*made.nodes][0].op == "input"
