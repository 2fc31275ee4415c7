"""drop_state: a state goes, and what read it reads another."""

from tests.helpers.strategies import GROW
from tests.mutations.outcomes import cell, outcomes


def test_what_read_the_state_reads_another() -> None:
    start = cell("v = exp(c)", "h' = v * x", "c' = c + h", parameters="x, h, c")

    assert outcomes("drop_state", start, "v", GROW) == {"v = exp(h); h' = v * x"}


def test_the_other_state_is_any_that_stays() -> None:
    start = cell("v = exp(c)", "h' = v * x", "c' = c + d", "d' = h", parameters="x, h, c, d")

    assert outcomes("drop_state", start, "v", GROW) == {
        "v = exp(h); h' = v * x; d' = h",
        "v = exp(d); h' = v * x; d' = h",
    }


def test_a_state_that_held_the_one_that_goes_holds_another() -> None:
    start = cell("v = exp(c)", "h' = v * d", "c' = x", "d' = c", parameters="x, h, c, d")

    assert "v = exp(h); h' = v * d; d' = h" in outcomes("drop_state", start, "v", GROW)


def test_the_first_state_stays() -> None:
    assert outcomes("drop_state", cell("h' = x + h"), "h'", GROW) == {None}


def test_a_node_that_reads_no_state_drops_none() -> None:
    start = cell("v = exp(x)", "h' = v * c", "c' = h", parameters="x, h, c")

    assert outcomes("drop_state", start, "v", GROW) == {None}
