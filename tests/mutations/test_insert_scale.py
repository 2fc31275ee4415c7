"""insert_scale: a learned factor for each unit on an edge."""

from tests.helpers.strategies import GROW
from tests.mutations.outcomes import cell, outcomes


def test_one_edge_gets_a_scale() -> None:
    assert outcomes("insert_scale", cell("h' = x * h"), "h'", GROW) == {
        "h' = scale(x) * h",
        "h' = x * scale(h)",
    }


def test_a_scale_gets_no_second_one() -> None:
    start = cell("v = scale(x)", "h' = v + h")

    assert outcomes("insert_scale", start, "v", GROW) == {None}
    assert outcomes("insert_scale", start, "h'", GROW) == {"v = scale(x); h' = v + scale(h)"}


def test_a_number_gets_none() -> None:
    assert outcomes("insert_scale", cell("v = tanh(2)", "h' = v * x + h"), "v", GROW) == {None}
