"""Schedules of the learning rate."""

import pytest

from archsearch.training.schedule import SCHEDULES, constant, halving, patient


def rates(improvements: str) -> list[float | None]:
    """Return what follows each epoch; `+` improved, `-` did not."""
    schedule = halving(1.0)
    return [schedule(epoch == "+") for epoch in improvements]


def test_the_table_names_both() -> None:
    assert {"constant": constant, "halving": halving} == SCHEDULES


def test_constant_keeps_the_rate() -> None:
    schedule = constant(0.3)
    assert [schedule(False) for _ in range(20)] == [0.3] * 20


@pytest.mark.parametrize("before", ["", "+", "--+", "+-+--+"])
def test_after_three_epochs_in_a_row_without_improvement_four_halvings_and_the_end(before: str) -> None:
    """docs/measuring.md, "Schedule"."""
    found = rates(before + "-------")
    assert found[: len(before) + 2] == [1.0] * (len(before) + 2)
    assert found[len(before) + 2 :] == [0.5, 0.25, 0.125, 0.0625, None]


def test_an_improvement_while_halving_changes_nothing() -> None:
    assert rates("---++++") == [1.0, 1.0, 0.5, 0.25, 0.125, 0.0625, None]


def test_two_schedules_do_not_share_their_state() -> None:
    one, other = halving(1.0), halving(1.0)
    for _ in range(5):
        one(False)
    assert other(False) == 1.0


def test_patience_ends_after_so_many_epochs_in_a_row_and_for_good() -> None:
    schedule = patient(constant(1.0), 2)
    assert [schedule(epoch == "+") for epoch in "+-+--+++"] == [1.0, 1.0, 1.0, 1.0, None, None, None, None]


def test_patience_leaves_the_schedule_its_own_end() -> None:
    schedule = patient(halving(1.0), 20)
    assert [schedule(False) for _ in range(7)][-2:] == [0.0625, None]
