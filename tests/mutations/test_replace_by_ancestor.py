"""replace_by_ancestor: all readers of a node read something it was computed from."""

from tests.mutations.outcomes import cell, outcomes


def test_every_ancestor_may_take_the_place() -> None:
    made = outcomes("replace_by_ancestor", cell("m = tanh(h)", "n = m * x", "h' = n + n * x"), "n")

    assert made == {"h' = x + x * x", "h' = h + h * x", "m = tanh(h); h' = m + m * x"}


def test_a_next_value_is_replaced_too() -> None:
    made = outcomes("replace_by_ancestor", cell("n = x + h", "h' = tanh(n)"), "h'")

    assert made == {"n = x + h; h' = n", "h' = x", "h' = h"}


def test_numbers_are_no_ancestors() -> None:
    assert outcomes("replace_by_ancestor", cell("n = 1 - h", "h' = n * x"), "n") == {"h' = h * x"}
    assert outcomes("replace_by_ancestor", cell("n = tanh(2)", "h' = n * x + h"), "n") == {None}
