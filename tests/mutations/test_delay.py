"""delay: a node reads a state of one step earlier too."""

from tests.helpers.strategies import GROW
from tests.mutations.outcomes import cell, outcomes


def test_the_last_value_of_the_state_is_added_where_it_is_read() -> None:
    made = outcomes("delay", cell("v = exp(h)", "h' = tanh(x * v)"), "v", GROW)

    assert made == {"v = exp(h + scale(s1)); h' = tanh(x * v); s1' = h"}


def test_one_edge_alone_is_delayed() -> None:
    made = outcomes("delay", cell("v = h * c", "h' = x + v", "c' = h", parameters="x, h, c"), "v", GROW)
    assert made == {
        "v = (h + scale(s1)) * c; h' = x + v; c' = h; s1' = h",
        "v = h * (c + scale(s1)); h' = x + v; c' = h; s1' = c",
    }


def test_a_node_that_reads_no_state_has_nothing_to_delay() -> None:
    assert outcomes("delay", cell("v = exp(x)", "h' = v + h"), "v", GROW) == {None}
