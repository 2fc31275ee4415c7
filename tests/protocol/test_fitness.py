"""Fitness: the published table as published, and ratios over equal tries under our rule."""

import math
from collections.abc import Mapping

import hypothesis.strategies as st
import pytest
from hypothesis import given
from msgspec.structs import replace

from archsearch.protocol.fitness import Judgement, TaskResult, best_skill, judge, ratio
from archsearch.protocol.history import Candidate, place
from archsearch.protocol.plan import PlannedTask, RunPlan, TaskFacts
from archsearch.protocol.records import Try
from archsearch.protocol.settings import Setting
from tests.helpers.plans import FACTS, GRID, TASK, preset, run_plan

# Jozefowicz et al. 2015, and what follows from it (docs/measuring.md, "Table 1").
TABLE = {
    "Tanh": (0.29493, 0.32050, 0.08782),
    "LSTM": (0.89228, 0.42470, 0.08912),
    "LSTM-f": (0.29292, 0.23356, 0.08808),
    "LSTM-i": (0.75109, 0.41371, 0.08662),
    "LSTM-o": (0.86747, 0.42117, 0.08933),
    "LSTM-b": (0.90163, 0.44434, 0.08952),
    "GRU": (0.89565, 0.45963, 0.09069),
    "MUT1": (0.92135, 0.47483, 0.08968),
    "MUT2": (0.89735, 0.47324, 0.09036),
    "MUT3": (0.90728, 0.46478, 0.09161),
}
RATIOS = {
    "Tanh": (0.329292, 0.697300, 0.968354),
    "LSTM": (0.996237, 0.924004, 0.982688),
    "LSTM-f": (0.327047, 0.508148, 0.971221),
    "LSTM-i": (0.838598, 0.900094, 0.955122),
    "LSTM-o": (0.968537, 0.916324, 0.985004),
    "LSTM-b": (1.006677, 0.966734, 0.987099),
    "GRU": (1, 1, 1),
    "MUT1": (1.028694, 1.033070, 0.988863),
    "MUT2": (1.001898, 1.029611, 0.996361),
    "MUT3": (1.012985, 1.011205, 1.010144),
}
RANKING = ["MUT3", "GRU", "MUT2", "MUT1", "LSTM-b", "LSTM", "LSTM-o", "LSTM-i", "Tanh", "LSTM-f"]
PAPER_TASKS = ("arithmetic", "xml", "ptb")


def published() -> RunPlan:
    courses = tuple(
        PlannedTask(task, TaskFacts(f"{task}:paper", 40, "accuracy", 0.0, 1.0, 0.5, ""), TASK)
        for task in PAPER_TASKS
    )
    plan = run_plan(rule="published")
    return RunPlan("paper", plan.preset, "jozefowicz", plan.space, 0, courses, plan.filter, "", "")


def of_table(name: str) -> dict[str, dict[Setting, Try]]:
    settings = published().settings
    return {
        task: {settings[task][0]: Try(score, 10)}
        for task, score in zip(PAPER_TASKS, TABLE[name], strict=True)
    }


@pytest.mark.parametrize("name", TABLE)
def test_the_published_table_gives_the_golden_ratios(name: str) -> None:
    judgement = judge(published(), of_table(name), of_table("GRU"))
    assert judgement is not None
    for task, golden in zip(PAPER_TASKS, RATIOS[name], strict=True):
        assert round(judgement.tasks[task].ratio, 6) == golden
    assert round(judgement.fitness, 6) == min(RATIOS[name])


def test_mut3_alone_beats_the_gru_and_the_ranking_is_the_golden_one() -> None:
    judged = {name: judge(published(), of_table(name), of_table("GRU")) for name in TABLE}
    fitness = {name: judgement.fitness for name, judgement in judged.items() if judgement}
    assert sorted(fitness, key=lambda name: -fitness[name]) == RANKING
    assert [name for name in fitness if fitness[name] > 1] == ["MUT3"]
    assert round(fitness["MUT3"], 3) == 1.010


def tries(task: str, scores: list[float | None], plan: RunPlan) -> dict[Setting, Try]:
    """Return trials at s1, s2, …; NaN stands for one that the host ended."""
    settings = plan.settings[task]
    return {
        settings[i]: Try(score, 20)
        for i, score in enumerate(scores)
        if score is None or not math.isnan(score)
    }


def scored(task: str, skills: list[float]) -> list[float]:
    facts = FACTS[task]
    return [facts.floor + skill * (facts.ceiling - facts.floor) for skill in skills]


HOST = math.nan
PLAN = run_plan(tasks={"xml": TASK})


def paired(
    own: list[float | None], gru: list[float | None], task: str = "xml", plan: RunPlan = PLAN
) -> float | None:
    return ratio(plan, task, tries(task, own, plan), tries(task, gru, plan))


def test_both_sides_are_compared_over_the_settings_that_the_cell_has() -> None:
    gru = scored("xml", [0.2, 0.3, 0.25, 0.9])
    assert paired([*scored("xml", [0.3])], [*gru]) == pytest.approx(1.5)
    assert paired([*scored("xml", [0.3, 0.1])], [*gru]) == pytest.approx(1.0)
    assert paired([*scored("xml", [0.3, 0.1, 0.1])], [*gru]) == pytest.approx(1.0)


def test_a_reexamination_can_lower_a_ratio_under_paired_and_never_does_under_published() -> None:
    own, gru = scored("xml", [0.3, 0.25, 0.3]), scored("xml", [0.2, 0.2, 0.6])
    before, after = paired([*own[:2]], [*gru]), paired([*own], [*gru])
    assert before == pytest.approx(1.5) and after == pytest.approx(0.5)
    plan = run_plan(tasks={"xml": TASK}, rule="published")
    assert paired([*own[:2]], [*gru], plan=plan) == paired([*own], [*gru], plan=plan) == own[0] / gru[2]


def test_a_score_below_the_floor_gives_a_negative_ratio() -> None:
    assert paired([*scored("xml", [-0.1])], [*scored("xml", [0.2])]) == pytest.approx(-0.5)


def test_a_diverged_trial_is_a_try_without_a_score_on_either_side() -> None:
    low, high = scored("xml", [0.2, 0.4])
    assert paired([None, low], [high, low]) == pytest.approx(0.5)
    assert paired([high, low], [None, low]) == pytest.approx(2.0)
    assert paired([None, None], [high, low]) is None
    assert paired([high, low], [None, None]) is None


def test_a_trial_that_the_host_ended_is_dropped_from_both_sides() -> None:
    low, high = scored("xml", [0.2, 0.4])
    assert paired([low, HOST], [low, high]) == pytest.approx(1.0)
    assert paired([low, high], [low, HOST]) == pytest.approx(1.0)
    assert paired([HOST], [low, high]) is None


@pytest.mark.parametrize("skill", [0.0, -0.1])
def test_there_is_no_ratio_to_a_gru_that_has_learned_nothing(skill: float) -> None:
    gru = scored("xml", [skill])
    assert PLAN.skill("xml", gru[0]) == pytest.approx(skill, abs=1e-12)
    assert paired([*scored("xml", [0.3])], [*gru]) is None
    assert paired([*gru], [*gru]) is None


def test_what_is_shown_is_what_was_compared() -> None:
    low, high = scored("xml", [0.2, 0.4])
    judgement = judge(
        PLAN, {"xml": tries("xml", [low, high], PLAN)}, {"xml": tries("xml", [low, HOST], PLAN)}
    )
    assert judgement is not None
    shown = judgement.tasks["xml"]
    assert (shown.score, shown.settings, shown.setting) == (low, 1, PLAN.settings["xml"][0])
    assert shown.ratio == pytest.approx(1.0) and shown.skill == pytest.approx(0.2)


def test_the_skill_of_a_loss_grows_as_the_loss_falls() -> None:
    plan = run_plan(tasks={"english": TASK})
    floor = FACTS["english"].floor
    assert plan.skill("english", floor) == 0
    assert plan.skill("english", 3.0) == pytest.approx(1 - 3.0 / floor)
    assert paired([3.0, 3.5], [3.2, 3.6], "english", plan) == pytest.approx(
        (1 - 3.0 / floor) / (1 - 3.2 / floor)
    )


def test_under_published_a_language_is_scored_by_accuracy() -> None:
    plan = run_plan(tasks={"english": TASK}, rule="published")
    assert plan.measure("english") == "accuracy" and plan.skill("english", 0.3) == 0.3
    assert run_plan(tasks={"english": TASK}).measure("english") == "nll"


def test_the_best_of_equals_is_the_earliest_setting() -> None:
    same = scored("xml", [0.3])[0]
    judgement = judge(
        PLAN, {"xml": tries("xml", [same, same], PLAN)}, {"xml": tries("xml", [same, same], PLAN)}
    )
    assert judgement is not None and judgement.tasks["xml"].setting == PLAN.settings["xml"][0]


def test_fitness_needs_a_score_on_every_task() -> None:
    plan = run_plan()
    gru = {task: tries(task, [*scored(task, [0.3, 0.3])], plan) for task in plan.settings}
    assert judge(plan, gru, gru) == judge(plan, gru, gru)
    for without in plan.settings:
        lacking: Mapping[str, Mapping[Setting, Try]] = {
            task: of for task, of in gru.items() if task != without
        }
        assert judge(plan, lacking, gru) is None
        assert judge(plan, {**gru, without: tries(without, [None, None], plan)}, gru) is None


def test_the_share_of_settings_that_diverged_is_told_and_may_cost_the_fitness() -> None:
    plan = run_plan()
    gru = {task: tries(task, [*scored(task, [0.3, 0.3])], plan) for task in plan.settings}
    found = {"arithmetic": tries("arithmetic", [*scored("arithmetic", [0.3]), None, None], plan)}
    found |= {"xml": tries("xml", scored("xml", [0.3]), plan)}
    judgement = judge(plan, found, gru)
    assert judgement is not None and judgement.diverged == 0.5
    for stability, ranks in {0.5: True, 0.49: False, 0.0: False}.items():
        strict = replace(plan, preset=preset(stability=stability))
        assert (judge(strict, found, gru) is not None) == ranks
        assert judge(strict, gru, gru) is not None


def test_the_gru_has_fitness_1() -> None:
    plan = run_plan()
    gru = {task: tries(task, [*scored(task, [0.3, 0.2, 0.4])], plan) for task in plan.settings}
    judgement = judge(plan, gru, gru)
    assert judgement is not None and judgement.fitness == 1.0


@pytest.mark.parametrize("rule", ["paired", "published"])
@pytest.mark.parametrize("strange", [math.nan, math.inf, -math.inf])
def test_a_score_that_is_no_number_ranks_nowhere(rule: str, strange: float) -> None:
    plan = run_plan(tasks={"xml": TASK}, rule=rule)
    assert plan.skill("xml", strange) is None and plan.skill("xml", None) is None
    found = tries("xml", [strange, 0.65, strange], plan)
    best = best_skill(plan, "xml", found)
    assert best == (plan.skill("xml", 0.65), plan.settings["xml"][1])
    assert best_skill(plan, "xml", tries("xml", [strange], plan)) is None


def test_a_ratio_beyond_all_numbers_is_no_fitness() -> None:
    plan = run_plan(tasks={"xml": TASK}, rule="published")
    assert judge(plan, {"xml": tries("xml", [1.0], plan)}, {"xml": tries("xml", [5e-324], plan)}) is None


def measured(ratio: float) -> TaskResult:
    return TaskResult(
        0.7, 0.4, ratio, GRID.all((1,))[0], units=20, settings=2, steps=20, estimate=ratio, doubt=0.0
    )


@given(st.lists(st.floats(allow_nan=False), min_size=1, max_size=30), st.randoms(use_true_random=False))
def test_the_ranking_is_a_total_order_for_any_fitness(values: list[float], random: st.DrawFn) -> None:
    candidates = [
        Candidate(f"c{step}", step, "", (), False, judgement=Judgement(value, {"xml": measured(value)}))
        for step, value in enumerate(values)
    ]
    rankings = []
    for _ in range(2):
        random.shuffle(candidates)  # type: ignore[attr-defined]
        rankings.append([candidate.id for candidate in sorted(candidates, key=place)])
    assert rankings[0] == rankings[1]
    places = [values[int(name[1:])] for name in rankings[0]]
    assert places == sorted(places, reverse=True)
    for one, other in zip(rankings[0], rankings[0][1:], strict=False):
        if values[int(one[1:])] == values[int(other[1:])]:
            assert int(one[1:]) < int(other[1:])
