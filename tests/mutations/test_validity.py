"""Which cells are children: within the limits, fed by x, and remembering something."""

import pytest
from msgspec.structs import replace

from archsearch.cell.space import Limits
from archsearch.mutations.validity import fault
from tests.helpers.strategies import PAPER
from tests.mutations.outcomes import cell


@pytest.mark.parametrize(
    ("lines", "parameters"),
    [
        (("h' = tanh(x + h)",), "x, h"),
        (("h' = x * h",), "x, h"),
        (("h' = c + h", "c' = x"), "x, h, c"),  # x comes one step later
        (("h' = x + c", "c' = h"), "x, h, c"),  # a cycle through two steps
        (("h' = tanh(c)", "c' = c + x"), "x, h, c"),  # h is read by nothing and stays
        (("h' = a", "a' = b", "b' = x + b"), "x, h, a, b"),
    ],
)
def test_a_cell_that_reads_x_and_remembers_is_a_child(lines: tuple[str, ...], parameters: str) -> None:
    assert fault(cell(*lines, parameters=parameters).canonical(), PAPER) is None


@pytest.mark.parametrize("lines", [("h' = tanh(linear(h))",), ("h' = c * h", "c' = tanh(h)"), ("h' = h",)])
def test_a_cell_whose_output_does_not_depend_on_x_is_none(lines: tuple[str, ...]) -> None:
    parameters = "x, h, c" if len(lines) == 2 else "x, h"

    assert fault(cell(*lines, parameters=parameters).canonical(), PAPER) == "its output does not depend on x"


@pytest.mark.parametrize("lines", [("h' = tanh(linear(x))",), ("h' = x",), ("h' = x + c", "c' = tanh(x)")])
def test_a_cell_without_a_cycle_through_time_is_none(lines: tuple[str, ...]) -> None:
    parameters = "x, h, c" if len(lines) == 2 else "x, h"

    assert (
        fault(cell(*lines, parameters=parameters).canonical(), PAPER)
        == "no state carries information over time"
    )


def test_the_limits_of_the_space_hold_and_are_reached() -> None:
    def limited(nodes: int, linears: int) -> str | None:
        space = type(PAPER)(
            "small",
            PAPER.start,
            PAPER.activations,
            PAPER.elementwise,
            PAPER.mutations,
            Limits(nodes, linears),
        )
        return fault(cell("h' = tanh(linear(x) + linear(h))").canonical(), space)

    assert limited(4, 2) is None
    assert limited(3, 2) == "4 nodes, the space allows 3"
    assert limited(4, 1) == "2 linear nodes, the space allows 1"


def test_a_space_may_limit_states() -> None:
    two = cell("h' = tanh(x + c)", "c' = h + c", parameters="x, h, c").canonical()
    space = replace(PAPER, limits=Limits(states=1))

    assert fault(two, PAPER) is None and fault(two, replace(space, limits=Limits(states=2))) is None
    assert fault(two, space) == "2 states, the space allows 1"
