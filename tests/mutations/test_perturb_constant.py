"""perturb_constant: a number changes a little."""

import numpy as np

from archsearch.mutations import MUTATIONS
from tests.helpers.strategies import GROW
from tests.mutations.outcomes import cell, node, outcomes


def test_a_number_is_multiplied_by_about_one_and_has_two_digits() -> None:
    start = cell("v = h * 2", "h' = x + v")
    found = []
    for seed in range(300):
        made = MUTATIONS["perturb_constant"](start, node(start, "v"), GROW, np.random.default_rng(seed))
        if made is not None:
            found += [one.value for one in made.nodes if one.op == "number"]

    logarithms = np.log(np.array(found) / 2)
    assert abs(logarithms.mean()) < 0.06 and 0.25 < logarithms.std() < 0.35
    assert all(value == float(f"{value:.2g}") and value != 2 for value in found)


def test_other_readers_keep_the_number() -> None:
    made = outcomes("perturb_constant", cell("v = h * 2", "h' = x * 2 + v"), "v", GROW, draws=50)

    assert all(text is None or "x * 2 + v" in text for text in made) and len(made) > 10


def test_the_sign_stays_and_so_does_zero() -> None:
    assert all(
        "h + -" in text
        for text in outcomes("perturb_constant", cell("v = h + -2", "h' = x + v"), "v", GROW)
        if text
    )
    assert outcomes("perturb_constant", cell("v = 0 - h", "h' = x + v"), "v", GROW) == {None}


def test_a_node_without_numbers_has_none_to_change() -> None:
    assert outcomes("perturb_constant", cell("v = exp(h)", "h' = x * 2 + v"), "v", GROW) == {None}
