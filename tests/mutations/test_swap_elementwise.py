"""swap_elementwise: another element-wise operation on the same operands."""

from tests.helpers.strategies import WIDE
from tests.mutations.outcomes import cell, outcomes


def test_a_sum_becomes_a_product_or_a_difference_either_way() -> None:
    made = outcomes("swap_elementwise", cell("n = x + h", "h' = tanh(n)"), "n")

    assert made == {f"n = {text}; h' = tanh(n)" for text in ("x * h", "x - h", "h - x")}


def test_a_difference_keeps_the_order_of_its_operands() -> None:
    made = outcomes("swap_elementwise", cell("n = h - x", "h' = tanh(n)"), "n")

    assert made == {f"n = {text}; h' = tanh(n)" for text in ("h + x", "h * x")}


def test_what_is_no_operation_of_the_space_stays() -> None:
    assert outcomes("swap_elementwise", cell("n = max(x, h)", "h' = tanh(n)"), "n") == {None}
    assert len(outcomes("swap_elementwise", cell("n = max(x, h)", "h' = tanh(n)"), "n", WIDE)) == 4
    assert outcomes("swap_elementwise", cell("n = tanh(x)", "h' = n + h"), "n") == {None}
