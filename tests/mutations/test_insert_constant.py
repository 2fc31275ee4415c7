"""insert_constant: an operand is combined with a number."""

from tests.helpers.strategies import GROW, PAPER
from tests.mutations.outcomes import cell, outcomes


def test_a_number_stands_beside_an_operand_in_all_ways_that_change_something() -> None:
    made = outcomes("insert_constant", cell("v = tanh(h)", "h' = x + v"), "v", PAPER)

    forms = ["h * 0.5", "h * 2", *(f"h {op} {number}" for op in "+-" for number in ("0.5", "1", "2"))]
    forms += [f"{number} - h" for number in ("0.5", "1", "2")]
    assert made == {f"v = tanh({form}); h' = x + v" for form in forms}


def test_neither_a_product_with_one_nor_a_quotient_by_it_is_inserted() -> None:
    made = outcomes("insert_constant", cell("v = tanh(h)", "h' = x + v"), "v", GROW, draws=1000)

    forms = {text.split("tanh(")[1].split(");")[0] for text in made if text}
    assert {"1 / h", "h / 2", "max(h, 1)", "1 - h"} < forms
    assert not forms & {"h * 1", "1 * h", "h / 1"}


def test_numbers_are_not_combined_with_numbers() -> None:
    assert outcomes("insert_constant", cell("v = tanh(2)", "h' = v * x + h"), "v", GROW) == {None}
