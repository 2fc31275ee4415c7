"""What people are told of a confirmation: whether what was better holds there, too, and what a ledger promises."""

from __future__ import annotations

import pytest

from archsearch.actions.confirm import PLACEBO, Confirmation, Subject
from archsearch.actions.stability import UNSTACKED, Stability
from archsearch.cell import library
from archsearch.cli import confirm as command
from archsearch.protocol.claims import Claim, Control, PairResult
from archsearch.protocol.hearing import Hearing
from tests.helpers.commands import Call
from tests.helpers.plans import GRU, preset, run_plan, task_plan

PLAN = run_plan(preset({"xml": task_plan()}))
WON, LOST = PairResult(0.5, 0.4), PairResult(0.4, 0.5)


def hearing(cell: str, signs: str, number: int = 1) -> Hearing:
    """Return a hearing whose pairs are won (+) and lost (-) as said."""
    claim = Claim.of(PLAN, library.load(cell).id, GRU, 2)
    return Hearing(
        claim, number, (cell, "gru"), {"xml": tuple(WON if sign == "+" else LOST for sign in signs)}
    )


def shown(
    call: Call, monkeypatch: pytest.MonkeyPatch, there: dict[str, Hearing], control: Control = "family"
) -> list[str]:
    """Return the lines that are printed of a confirmation of mut1 with one more column, 3x."""
    mut1, gru = library.load("mut1"), library.load("gru")
    columns = {"gru": {"mut1": hearing("mut1", "+" * 9), PLACEBO: hearing("gru", "+-")}, "3x": there}
    confirmation = Confirmation("r", (Subject("mut1", mut1, 1), Subject(PLACEBO, gru)), columns, control)
    monkeypatch.setattr(command, "confirm_run", lambda run, **options: confirmation)
    done = call("confirm", "r")
    assert done.code == 0
    return done.out.splitlines()


@pytest.mark.parametrize(
    ("signs", "said"), [("+" * 9, "yes"), ("-" * 9, "no"), ("+-+", "not told apart"), ("", "-")]
)
def test_a_cell_that_is_better_holds_elsewhere_or_does_not_or_is_not_told_apart(
    call: Call, monkeypatch: pytest.MonkeyPatch, signs: str, said: str
) -> None:
    lines = shown(call, monkeypatch, {"mut1": hearing("mut1", signs, 1)})
    row, placebo = (next(line for line in lines if f" {name} " in line) for name in ("mut1", PLACEBO))
    place = lines[0].index("3x")
    assert row[place:].startswith(f"{said}  ") and placebo[place:].startswith("-  ")
    assert "Is it better there, too? 3x." in lines


def test_a_cell_that_was_not_held_there_for_want_of_time_has_no_word(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = shown(call, monkeypatch, {})
    assert next(line for line in lines if " mut1 " in line)[lines[0].index("3x") :].startswith("-  ")


def test_the_ledger_says_what_it_promises(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "chance that any of its claims" in shown(call, monkeypatch, {})[-1]
    assert "at most 5 % are false" in shown(call, monkeypatch, {}, "discoveries")[-1]


def test_flags_of_the_first_steps_stand_beside_the_cell(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Stability, "flags", property(lambda self: [UNSTACKED]))
    assert next(line for line in shown(call, monkeypatch, {}) if " mut1 " in line).endswith(UNSTACKED)
