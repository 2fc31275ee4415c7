"""The history: told steps become candidates, ranked by fitness."""

from collections import Counter
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given

from archsearch.protocol import history as history_module
from archsearch.protocol.evaluation import Ended
from archsearch.protocol.history import History, place
from archsearch.protocol.records import Fate, Stage, Step, StepKind, Try, Verdict
from archsearch.protocol.settings import Setting
from tests.helpers.plans import FACTS, GRU, chance, run_plan, task_plan

PLAN = run_plan(tasks={"xml": task_plan()}, pool=3)
SETTINGS = PLAN.settings["xml"]
FACT = FACTS["xml"]
FILTER = PLAN.filter_setting("c1", 0)


def tries(*skills: float | None, start: int = 0) -> dict[str, dict[Setting, Try]]:
    scores = [None if skill is None else FACT.floor + skill * (FACT.ceiling - FACT.floor) for skill in skills]
    return {"xml": {SETTINGS[start + i]: Try(score, 20) for i, score in enumerate(scores)}}


BASELINE = tries(0.4, 0.4, 0.4, 0.4, 0.4, 0.4)


def told(*steps: tuple[str, str, Verdict, dict[str, dict[Setting, Try]]]) -> History:
    """Return a history that was told steps, each a kind, a cell, a verdict and its tries."""
    history = History(PLAN, BASELINE)
    for number, (kind, cell, verdict, of) in enumerate(steps):
        stages = tuple(Stage(task, tuple(settings)) for task, settings in of.items()) or (
            Stage("xml", SETTINGS[:2]),
        )
        more: dict[str, Any] = {"filter": FILTER, "gated": True, "parent": GRU} if kind == "propose" else {}
        step = Step(number, kind, cell, stages=stages, **more)  # type: ignore[arg-type]
        history.tell(Ended(step, verdict, of if verdict.reached else {}))
    return history


DONE = Verdict("evaluated", 1)


def test_candidates_are_ranked_by_fitness_and_the_older_first_among_equals() -> None:
    history = told(
        ("start", "a", DONE, tries(0.4, 0.4)),
        ("propose", "b", DONE, tries(0.5, 0.1)),
        ("propose", "c", DONE, tries(0.4, 0.4)),
        ("propose", "d", DONE, tries(0.3, 0.3)),
        ("propose", "e", DONE, tries(0.6, None)),
        ("propose", "f", DONE, tries(None, None)),
    )
    assert [candidate.id for candidate in history.ranked] == ["e", "b", "a", "c", "d"]
    assert [candidate.fitness for candidate in history.ranked] == pytest.approx([1.5, 1.25, 1.0, 1.0, 0.75])
    assert [candidate.id for candidate in history.pool] == ["e", "b", "a"]


def test_a_reexamination_adds_tries_and_keeps_the_fate() -> None:
    history = told(
        ("propose", "a", DONE, tries(0.8, 0.2)),
        ("reexamine", "a", Verdict("not evaluated", 1), tries(0.1, 0.2, start=2)),
    )
    (candidate,) = history.ranked
    assert (candidate.step, candidate.trials, candidate.filter_tries, candidate.fate) == (
        0,
        5,
        1,
        "evaluated",
    )
    assert candidate.used == {"xml": set(SETTINGS[:4])}
    assert len(history.candidates) == 1 and history.fates == {"evaluated": 1, "not evaluated": 1}


@pytest.mark.parametrize("fate", ["not evaluated", "evaluated"])
def test_what_a_cell_has_reached_never_falls(fate: Fate) -> None:
    first = ("propose", "a", Verdict("stopped at gate", 2), tries(0.4))
    for kind in ("reexamine", "propose"):
        history = told(first, (kind, "a", Verdict(fate, 1), tries(0.4, start=1)))
        assert history.candidates["a"].reached == 2


def test_a_filter_failure_is_a_candidate_that_may_come_again() -> None:
    failed = Verdict("failed filter", task="memorization:small")
    history = told(
        ("propose", "a", failed, {}), ("propose", "a", failed, {}), ("propose", "a", DONE, tries(0.4, 0.4))
    )
    (candidate,) = history.candidates.values()
    assert (candidate.step, candidate.filter_tries, candidate.passed, candidate.fate) == (
        0,
        3,
        True,
        "evaluated",
    )
    assert history.fates == {"failed filter": 2, "evaluated": 1}


def test_what_was_not_reached_is_not_used() -> None:
    history = told(("propose", "a", Verdict("failed filter"), {}))
    assert history.candidates["a"].used == {} and not history.candidates["a"].passed


def test_nothing_new_counts_in_a_row() -> None:
    nothing = ("nothing", "", Verdict("nothing new"), {})
    assert told(nothing, nothing).steps_without_news == 2
    assert told(nothing, ("propose", "a", DONE, tries(0.4)), nothing).steps_without_news == 1
    assert told(nothing).candidates == {}


def test_those_that_finished_the_first_stage_are_counted_without_start_cells() -> None:
    history = told(
        ("start", "a", DONE, tries(0.4)),
        ("propose", "b", DONE, tries(0.4)),
        ("propose", "c", Verdict("stopped at gate", 1), tries(0.1)),
        ("propose", "d", Verdict("diverged", 1), tries(None)),
        ("propose", "e", Verdict("failed filter"), {}),
        ("propose", "f", Verdict("not evaluated"), {}),
        ("propose", "g", Verdict("not evaluated", 1), tries()),
        ("propose", "h", Verdict("not evaluated", 2), tries(0.4)),
    )
    assert history.finished_first_stage == 4  # b, c, d and h


def test_steps_are_told_in_order() -> None:
    history = History(PLAN, BASELINE)
    with pytest.raises(AssertionError, match="in order"):
        history.tell(Ended(Step(1, "nothing"), Verdict("nothing new"), {}))


@given(st.lists(st.tuples(st.integers(0, 8), st.floats(0, 1) | st.none()), max_size=60))
def test_candidates_that_move_stand_where_sorting_them_all_would_put_them(
    steps: list[tuple[int, float | None]],
) -> None:
    history = told()
    for number, (cell, skill) in enumerate(steps):
        of = tries(skill, start=number % len(SETTINGS))
        kind: StepKind = "start" if cell == 0 else "propose"
        step = Step(number, kind, f"c{cell}", stages=(Stage("xml", tuple(of["xml"])),))
        history.tell(Ended(step, DONE, of))
        everybody = history.candidates.values()
        scored = [candidate for candidate in everybody if candidate.judgement is not None]
        assert history.ranked == sorted(scored, key=lambda each: (-each.fitness, each.step))
        assert history.counts.candidates == len(everybody)
        assert history.finished_first_stage == sum(each.finished_first_stage for each in everybody)
        assert history.best_found == next((each for each in history.ranked if not each.is_start), None)


def test_telling_a_step_looks_at_no_more_candidates_the_more_there_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    history, looked = told(), Counter[int]()
    monkeypatch.setattr(
        history_module, "place", lambda candidate: looked.update([history.told]) or place(candidate)
    )
    for number in range(2_000):
        of = tries(chance("skill", number))
        step = Step(number, "propose", f"c{number % 1500}", stages=(Stage("xml", tuple(of["xml"])),))
        history.tell(Ended(step, DONE, of))
    assert max(looked.values()) == 2
