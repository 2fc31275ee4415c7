"""A cell beside the GRU: when two skills make a ratio, and what is said where they make none."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from archsearch.actions.train import Comparison, Pair
from archsearch.cli.train import verdict_words
from archsearch.protocol.records import Outcome, ReadOut
from tests.helpers.plans import TASK, done, preset, run_plan

PLAN = run_plan(preset({"english": TASK}))
"""Its floor is 4 nats, its ceiling 0; a ratio means something from a skill of 0.05 on."""

DIVERGED = Outcome("diverged", reason="loss nan at step 3")


def comparison(cell: float | None, gru: float | None, scored: int = 0) -> Comparison:
    """Return a comparison under one setting, given skills."""
    ours, theirs = (DIVERGED if skill is None else done(4 - 4 * skill) for skill in (cell, gru))
    return Comparison(PLAN, "english", (Pair(PLAN.settings["english"][0], ours, theirs),), scored)


def test_skills_above_nothing_make_a_ratio() -> None:
    assert comparison(0.3, 0.2).ratio == pytest.approx(1.5)
    assert comparison(0.01, 0.2).ratio == pytest.approx(0.05)


@pytest.mark.parametrize(
    ("cell", "gru", "words"),
    [
        (0.0004, 0.0004, "the GRU has learned nothing (a ratio means something from 0.05 on)"),
        (-0.1, -0.2, "the GRU has learned nothing"),
        (0.3, 0.0, "the GRU has learned nothing"),
        (0.0, 0.2, "the cell has learned nothing"),
        (-0.1, 0.2, "the cell has learned nothing"),
        (None, 0.2, "no finite score on one side"),
        (0.2, None, "no finite score on one side"),
    ],
)
def test_a_skill_that_is_none_makes_no_ratio(cell: float | None, gru: float | None, words: str) -> None:
    compared = comparison(cell, gru)
    assert compared.ratio is None and compared.as_document()["ratio"] is None
    assert "no ratio" in verdict_words(compared) and words in verdict_words(compared)


def test_a_skill_comes_with_its_sampling_error() -> None:
    compared = comparison(0.3, 0.2, scored=400)
    assert compared.skill_error == pytest.approx(1.5 / 4 / 20)
    assert "best skill 0.300 against the GRU's 0.200 (either ± 0.019), ratio 1.500" in verdict_words(compared)
    assert comparison(0.3, 0.2).skill_error is None


def test_of_both_cells_the_best_trial_is_read_out() -> None:
    settings = PLAN.settings["english"][:2]

    def ended(skill: float) -> Outcome:
        return replace(done(4 - 4 * skill), read_outs=(ReadOut(256, skill), ReadOut(512, skill / 2)))

    pairs = (Pair(settings[0], ended(-0.2), ended(0.8)), Pair(settings[0], ended(0.0), DIVERGED))
    compared = Comparison(PLAN, "english", pairs)
    assert compared.read_outs == [
        (ReadOut(256, 0.0), ReadOut(256, 0.8)),
        (ReadOut(512, 0.0), ReadOut(512, 0.4)),
    ]
    assert compared.as_document()["rows"][0]["cell"]["accuracy_at"] == {"256": -0.2, "512": -0.1}  # type: ignore[index]
    assert comparison(0.3, 0.2).read_outs == []
