"""add_state: a state becomes two, with a gate between them."""

from tests.helpers.strategies import GROW
from tests.mutations.outcomes import cell, outcomes

GATE = "sigmoid(linear(x) + linear(h, bias=none))"


def test_the_new_state_takes_the_next_value_and_the_old_one_has_it_through_a_gate() -> None:
    made = outcomes("add_state", cell("h' = tanh(x + h)"), "h'", GROW)

    assert made == {f"s1' = tanh(x + s1); h' = s1' * {GATE}"}


def test_one_reader_of_the_old_state_at_least_reads_the_new_one() -> None:
    made = outcomes("add_state", cell("v = exp(h)", "h' = v * h + x"), "h'", GROW)

    assert made == {
        f"v = exp({one}); s1' = v * {other} + x; h' = s1' * {GATE}"
        for one, other in (("s1", "h"), ("h", "s1"), ("s1", "s1"))
    }


def test_a_node_that_is_no_next_value_is_not_split() -> None:
    assert outcomes("add_state", cell("v = tanh(x)", "h' = v + h"), "v", GROW) == {None}


def test_a_state_that_nothing_reads_is_not_split() -> None:
    start = cell("c' = tanh(x + c)", "h' = exp(c')", parameters="x, h, c")

    assert outcomes("add_state", start, "h'", GROW) == {None}


def test_a_new_state_gets_a_name_that_is_free() -> None:
    start = cell("s1 = exp(h)", "h' = tanh(x * s1)")

    assert outcomes("add_state", start, "h'", GROW) == {
        f"s1 = exp(s2); s2' = tanh(x * s1); h' = s2' * {GATE}"
    }
