"""swap_activation: another permissible activation at the same place."""

from tests.helpers.strategies import WIDE
from tests.mutations.outcomes import cell, outcomes

LINEARS = {f"n = linear(h{args}); h' = x + n" for args in ("", ", diag=1", ", diag=0.9", ", diag=1.1")}


def test_an_activation_becomes_every_other_of_the_space() -> None:
    made = outcomes("swap_activation", cell("n = tanh(h)", "h' = x + n"), "n")

    assert made == {"n = sigmoid(h); h' = x + n", "n = relu(h); h' = x + n"} | LINEARS


def test_linear_maps_that_differ_in_their_diagonal_are_different() -> None:
    made = outcomes("swap_activation", cell("n = linear(h, diag=1)", "h' = x + n"), "n")

    assert len(made) == 6 and "n = linear(h); h' = x + n" in made
    assert "n = linear(h, diag=1); h' = x + n" not in made


def test_a_linear_map_without_bias_may_get_one() -> None:
    made = outcomes("swap_activation", cell("n = linear(h, bias=none)", "h' = x + n"), "n")

    assert made > LINEARS and len(made) == 7


def test_what_is_no_activation_of_the_space_stays() -> None:
    assert outcomes("swap_activation", cell("n = silu(h)", "h' = x + n"), "n") == {None}
    assert None not in outcomes("swap_activation", cell("n = silu(h)", "h' = x + n"), "n", WIDE)
    assert outcomes("swap_activation", cell("n = x + h", "h' = tanh(n)"), "n") == {None}
