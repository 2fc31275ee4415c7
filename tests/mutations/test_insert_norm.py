"""insert_norm: a normalisation on an edge."""

from tests.helpers.strategies import GROW
from tests.mutations.outcomes import cell, outcomes


def test_one_edge_gets_a_norm() -> None:
    assert outcomes("insert_norm", cell("h' = x - h"), "h'", GROW) == {"h' = norm(x) - h", "h' = x - norm(h)"}


def test_what_is_normalised_is_not_normalised_again() -> None:
    start = cell("v = norm(x)", "h' = v + h")

    assert outcomes("insert_norm", start, "v", GROW) == {None}
    assert outcomes("insert_norm", start, "h'", GROW) == {"v = norm(x); h' = v + norm(h)"}
