"""remove: a node with one edge in and one out gives way."""

import pytest

from tests.mutations.outcomes import cell, outcomes


def test_the_reader_reads_the_operand_instead() -> None:
    assert outcomes("remove", cell("n = tanh(x)", "h' = n + h"), "n") == {"h' = x + h"}


def test_a_next_value_is_a_reader() -> None:
    assert outcomes("remove", cell("n = x + h", "h' = tanh(n)"), "h'") == {"n = x + h; h' = n"}
    assert outcomes("remove", cell("h' = tanh(x + h + c)", "c' = h'", parameters="x, h, c"), "h'") == {None}


@pytest.mark.parametrize(
    "lines",
    [
        ("n = x * h", "h' = tanh(n)"),
        ("n = h * h", "h' = tanh(n) + x"),
        ("n = tanh(x)", "h' = n + h * n"),
        ("n = tanh(x)", "h' = n * n + h"),
    ],
)
def test_two_edges_in_or_out_keep_a_node(lines: tuple[str, str]) -> None:
    assert outcomes("remove", cell(*lines), "n") == {None}
