"""insert_activation: a new activation on one edge into the node."""

from tests.helpers.strategies import PAPER
from tests.mutations.outcomes import cell, outcomes


def test_it_stands_on_one_edge_only() -> None:
    made = outcomes("insert_activation", cell("n = x - h", "h' = n + h"), "n")

    assert "n = tanh(x) - h; h' = n + h" in made and "n = x - relu(h); h' = n + h" in made
    assert len(made) == 2 * len(PAPER.activations)


def test_a_square_keeps_its_other_factor() -> None:
    made = outcomes("insert_activation", cell("n = h * h", "h' = n + x"), "n")

    assert {"n = tanh(h) * h; h' = n + x", "n = h * tanh(h); h' = n + x"} < made


def test_an_inserted_linear_map_has_its_bias() -> None:
    made = outcomes("insert_activation", cell("n = tanh(h)", "h' = n + x"), "n")

    assert {f"n = tanh(linear(h{args})); h' = n + x" for args in ("", ", diag=0.9")} < made


def test_numbers_are_no_edges_to_stand_on() -> None:
    made = outcomes("insert_activation", cell("n = 1 - h", "h' = n * x"), "n")

    assert all(text and text.startswith("n = 1 - ") for text in made)
    assert outcomes("insert_activation", cell("n = tanh(2)", "h' = n * x + h"), "n") == {None}
