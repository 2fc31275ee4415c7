"""Evaluation: a pure function of a step and what is known, which asks for nothing that is not due."""

from collections.abc import Mapping

import hypothesis.strategies as st
import pytest
from hypothesis import given
from msgspec.structs import replace

from archsearch.protocol.evaluation import Ended, Waiting, evaluate, told_again
from archsearch.protocol.records import HOST_STATUSES, Outcome, Stage, Step, Trial, Try, Verdict
from archsearch.protocol.references import reference_step
from archsearch.protocol.settings import Setting
from tests.helpers.plans import FACTS, GRU, World, chance, done, run_plan, task_plan

PLAN = run_plan(tasks={"arithmetic": task_plan(), "xml": task_plan(), "english": task_plan()})
GATES = {task: 0.6 for task in PLAN.settings}
FILTER = PLAN.filter_setting("c1", 0)
assert FILTER is not None
STAGES = tuple(Stage(task, settings[:2]) for task, settings in PLAN.settings.items())
PROPOSAL = Step(9, "propose", "c1", GRU, filter=FILTER, stages=STAGES, gated=True)
REEXAMINATION = Step(9, "reexamine", "c1", stages=STAGES)
CRASH = Outcome("crashed", reason="signal 9")
NAN = Outcome("diverged", reason="loss nan at step 3")


def score(task: str, skill: float) -> float:
    facts = FACTS[task]
    return facts.floor + skill * (facts.ceiling - facts.floor)


BASELINE = {
    task: {s: Try(score(task, 0.4), 20) for s in settings} for task, settings in PLAN.settings.items()
}
PASS, FAIL = done(0.97), done(0.94)

Scenario = Mapping[str, Outcome | list[Outcome]]
"""How trials end: of the filter, and of each task, one outcome for all settings or one each."""


def good(task: str, skill: float = 0.4) -> Outcome:
    return done(score(task, skill))


ALL_GOOD: Scenario = {"filter": PASS} | {task: good(task) for task in PLAN.settings}


def ending(step: Step, trial: Trial, scenario: Scenario) -> Outcome:
    task = "filter" if trial.stop_at is not None else trial.task.split(":")[0]
    ends = scenario[task]
    if isinstance(ends, Outcome):
        return ends
    stage = next(stage for stage in step.stages if stage.task == task)
    return ends[stage.settings.index(trial.setting)]


def followed(
    step: Step, scenario: Scenario
) -> tuple[list[list[Trial]], Verdict, dict[str, dict[Setting, Try]]]:
    """Return what was asked for, round by round, the verdict, and the tries that count."""
    known: dict[Trial, Outcome] = {}
    rounds = []
    while isinstance(found := evaluate(PLAN, step, known.get, BASELINE, GATES), Waiting):
        assert found.trials and not set(found.trials) & set(known), "asks only for what is missing"
        rounds.append(list(found.trials))
        known |= {trial: ending(step, trial, scenario) for trial in found.trials}
    assert found == told_again(PLAN, step, found.verdict, known.get), (
        "its verdict says which stages it reached"
    )
    assert found.step == step
    return rounds, found.verdict, found.tries


def shape(rounds: list[list[Trial]]) -> list[tuple[str, int]]:
    return [(trials[0].task.split(":")[0], len(trials)) for trials in rounds]


WHOLE = [("memorization", 1), ("arithmetic", 2), ("xml", 2), ("english", 2)]


def test_a_good_cell_goes_through_filter_and_stages_one_after_the_other() -> None:
    rounds, verdict, tries = followed(PROPOSAL, ALL_GOOD)
    assert shape(rounds) == WHOLE
    assert verdict == Verdict("evaluated", 3)
    assert {task: len(of) for task, of in tries.items()} == {"arithmetic": 2, "xml": 2, "english": 2}


def test_a_step_with_nothing_new_is_over_at_once() -> None:
    step = Step(3, "nothing", known=100)
    ended = Ended(step, Verdict("nothing new"), {})
    assert evaluate(PLAN, step, lambda trial: None, BASELINE, GATES) == ended


def test_a_cell_that_fails_the_filter_trains_nothing_else() -> None:
    rounds, verdict, tries = followed(PROPOSAL, {"filter": FAIL})
    assert shape(rounds) == WHOLE[:1] and tries == {}
    assert verdict == Verdict("failed filter", 0, "memorization:small", "0.940 < 0.95")


def test_exactly_the_threshold_passes_the_filter() -> None:
    _, verdict, _ = followed(PROPOSAL, {**ALL_GOOD, "filter": done(0.95)})
    assert verdict.fate == "evaluated"


def test_a_cell_that_diverges_in_the_filter_has_failed_it() -> None:
    _, verdict, _ = followed(PROPOSAL, {"filter": NAN})
    assert verdict == Verdict("failed filter", 0, "memorization:small", "loss nan at step 3")


@pytest.mark.parametrize("status", HOST_STATUSES)
def test_a_filter_trial_that_the_host_ended_judges_nothing(status: str) -> None:
    _, verdict, _ = followed(PROPOSAL, {"filter": Outcome(status, reason="why")})  # type: ignore[arg-type]
    assert verdict == Verdict("not evaluated", 0, "memorization:small", f"{status}: why")


@pytest.mark.parametrize(("position", "task"), [(1, "arithmetic"), (2, "xml")])
def test_a_gate_stops_a_cell_before_the_next_stage(position: int, task: str) -> None:
    rounds, verdict, tries = followed(PROPOSAL, {**ALL_GOOD, task: good(task, 0.2)})
    assert shape(rounds) == WHOLE[: position + 1]
    assert verdict == Verdict("stopped at gate", position, task, "0.500 <= 0.6")
    assert len(tries) == position


def test_the_gate_itself_is_not_enough_and_the_best_setting_counts() -> None:
    ratio = (score("xml", 0.24) - FACTS["xml"].floor) / (score("xml", 0.4) - FACTS["xml"].floor)
    for gate, fate in ((ratio, "stopped at gate"), (ratio - 1e-9, "evaluated")):
        known = {}
        scenario = {**ALL_GOOD, "xml": [good("xml", -1.0), good("xml", 0.24)]}
        while isinstance(
            found := evaluate(PLAN, PROPOSAL, known.get, BASELINE, {**GATES, "xml": gate}), Waiting
        ):
            known |= {trial: ending(PROPOSAL, trial, scenario) for trial in found.trials}
        assert found.verdict.fate == fate


def test_the_last_stage_has_no_gate() -> None:
    _, verdict, tries = followed(PROPOSAL, {**ALL_GOOD, "english": good("english", -0.5)})
    assert verdict == Verdict("evaluated", 3) and len(tries["english"]) == 2


@pytest.mark.parametrize("task", PLAN.settings)
def test_a_cell_that_diverges_at_every_setting_ends_there(task: str) -> None:
    position = list(PLAN.settings).index(task) + 1
    rounds, verdict, _ = followed(PROPOSAL, {**ALL_GOOD, task: NAN})
    assert shape(rounds) == WHOLE[: position + 1]
    assert verdict == Verdict("diverged", position, task, "every trial diverged")


def test_one_score_is_enough_beside_a_trial_that_diverged() -> None:
    _, verdict, tries = followed(PROPOSAL, {**ALL_GOOD, "xml": [NAN, good("xml")]})
    assert verdict.fate == "evaluated"
    assert [tried.score is None for tried in tries["xml"].values()] == [True, False]


def test_a_trial_that_the_host_ended_is_no_try() -> None:
    _, verdict, tries = followed(PROPOSAL, {**ALL_GOOD, "xml": [CRASH, good("xml")]})
    assert verdict.fate == "evaluated" and len(tries["xml"]) == 1


def test_a_stage_that_the_host_ended_judges_nothing() -> None:
    for step in (PROPOSAL, REEXAMINATION):
        _, verdict, tries = followed(step, {**ALL_GOOD, "xml": CRASH})
        assert (verdict.fate, verdict.reached, verdict.task) == ("not evaluated", 2, "xml")
        assert tries["xml"] == {}


def test_a_reexamination_has_neither_filter_nor_gates() -> None:
    rounds, verdict, _ = followed(
        REEXAMINATION, {task: good(task, -1.0) for task in PLAN.settings} | {"xml": NAN}
    )
    assert shape(rounds) == WHOLE[1:]
    assert verdict == Verdict("evaluated", 3)


def test_a_reexamination_may_have_settings_left_on_some_tasks_only() -> None:
    partly = replace(REEXAMINATION, stages=(Stage("arithmetic", ()), STAGES[1], Stage("english", ())))
    rounds, verdict, tries = followed(partly, ALL_GOOD)
    assert shape(rounds) == [("xml", 2)] and verdict == Verdict("evaluated", 3)
    assert {task: len(of) for task, of in tries.items()} == {"arithmetic": 0, "xml": 2, "english": 0}


def test_a_reference_is_evaluated_without_a_baseline() -> None:
    step = reference_step(PLAN, GRU)
    known: dict[Trial, Outcome] = {}
    while isinstance(found := evaluate(PLAN, step, known.get, {}, {}), Waiting):
        known |= {trial: ending(step, trial, ALL_GOOD) for trial in found.trials}
    assert found.verdict == Verdict("evaluated", 3) and len(known) == 3 * 6


def test_a_proposal_that_is_a_reference_trains_nothing() -> None:
    """Its trials are the reference's, record by record."""
    reference = reference_step(PLAN, "c7")
    known = {
        PLAN.trial("c7", stage.task, s): good(stage.task)
        for stage in reference.stages
        for s in stage.settings
    }
    proposal = Step(9, "propose", "c7", GRU, stages=reference.stages)
    ended = evaluate(PLAN, proposal, known.get, BASELINE, GATES)
    assert isinstance(ended, Ended) and ended.verdict == Verdict("evaluated", 3)


def test_under_published_the_gate_compares_raw_scores_with_the_best_of_the_whole_grid() -> None:
    plan = run_plan(rule="published")
    baseline = {task: {s: Try(0.5, 20) for s in settings} for task, settings in plan.settings.items()}
    baseline["arithmetic"][plan.settings["arithmetic"][-1]] = Try(0.6, 20)
    stages = tuple(Stage(task, settings[:2]) for task, settings in plan.settings.items())
    step = Step(9, "propose", "c1", GRU, stages=stages, gated=True)
    for raw, fate in ((0.539, "stopped at gate"), (0.541, "evaluated")):
        known: dict[Trial, Outcome] = {}
        while isinstance(
            found := evaluate(plan, step, known.get, baseline, {"arithmetic": 0.9, "xml": 0.9}), Waiting
        ):
            known |= {trial: done(raw) for trial in found.trials}
        assert found.verdict.fate == fate


@given(st.integers(0, 10**6), st.randoms(use_true_random=False))
def test_the_order_in_which_trials_end_changes_nothing(world_seed: int, random: st.DrawFn) -> None:
    world = World(fails=0.2)
    step = replace(PROPOSAL, cell=f"c{world_seed}")
    together = {}
    while isinstance(first := evaluate(PLAN, step, together.get, BASELINE, GATES), Waiting):
        together |= {trial: world(trial) for trial in first.trials}
    alone: dict[Trial, Outcome] = {}
    while isinstance(second := evaluate(PLAN, step, alone.get, BASELINE, GATES), Waiting):
        trial = random.choice(second.trials)  # type: ignore[attr-defined]
        alone[trial] = world(trial)
    assert second == first and alone == together
    assert chance(world_seed) == chance(world_seed)
