"""What a search believes: blocks of settings with data of their own, and estimates that take noise off."""

from __future__ import annotations

import numpy as np
import pytest
from msgspec.structs import replace

from archsearch.protocol.belief import Prior
from archsearch.protocol.fitness import block_ratios, judge
from archsearch.protocol.plan import RunPlan
from archsearch.protocol.priors import belief_of
from archsearch.protocol.records import Stage, Step, Try
from archsearch.protocol.references import noise_trials
from archsearch.protocol.settings import Setting
from archsearch.referee.shrinkage import Population
from tests.helpers.plans import FACTS, GRU, done, preset, run_plan, task_plan
from tests.search.driver import Driver

PLAN = run_plan(tasks={"xml": task_plan(k=2, G=6)}, reexamination="top-two", noise_draws=8)
SETTINGS, FACT = PLAN.settings["xml"], FACTS["xml"]
PRIOR = Prior(Population(0.9, 0.01), noise=0.0025, level=1.0)


def tries(*skills: float | None) -> dict[Setting, Try]:
    """Return tries on the first settings."""
    scores = [None if skill is None else FACT.floor + skill * (FACT.ceiling - FACT.floor) for skill in skills]
    return {setting: Try(score, 20) for setting, score in zip(SETTINGS, scores, strict=False)}


BASELINE = tries(0.4, 0.3, 0.2, 0.5, 0.4, 0.01)


def test_each_k_settings_are_a_block_whose_number_is_the_seed_of_its_data() -> None:
    assert [PLAN.block("xml", setting) for setting in SETTINGS] == [0, 0, 1, 1, 2, 2]
    assert [PLAN.trial("c1", "xml", setting).seed for setting in SETTINGS] == [0, 0, 1, 1, 2, 2]
    assert PLAN.trial("c1", "xml", SETTINGS[4], seed=7).seed == 7


@pytest.mark.parametrize("rule", ["paired", "published"])
def test_without_blocks_all_settings_meet_the_same_data(rule: str) -> None:
    plan = run_plan(preset({"xml": task_plan(k=2, G=6)}, rule))
    assert {plan.trial("c1", "xml", setting).seed for setting in plan.settings["xml"]} == {0}


def test_a_ratio_is_best_against_best_in_each_block() -> None:
    found = block_ratios(PLAN, "xml", tries(0.2, 0.44, 0.6, 0.1, None, None), BASELINE)
    assert found == pytest.approx({0: 1.1, 1: 1.2, 2: 0.0}), "a block that diverged counts nothing"
    assert block_ratios(PLAN, "xml", tries(0.4), BASELINE) == pytest.approx({0: 1.0})


def test_a_block_in_which_the_gru_learns_nothing_is_left_out() -> None:
    found = block_ratios(PLAN, "xml", tries(0.4, 0.4, 0.4, 0.4), tries(0.4, 0.4, 0.04, None))
    assert found == pytest.approx({0: 1.0})


def test_the_fitness_is_the_mean_over_blocks() -> None:
    judged = judge(PLAN, {"xml": tries(0.2, 0.44, 0.6, 0.1)}, {"xml": BASELINE}, {"xml": PRIOR})
    assert judged is not None and judged.fitness == pytest.approx(1.15)
    assert judged.tasks["xml"].setting == SETTINGS[2] and judged.tasks["xml"].settings == 4


def test_an_estimate_is_nearer_to_what_such_cells_have_the_fewer_blocks_it_stands_on() -> None:
    (one, doubt), (two, less) = PRIOR.estimate({0: 1.2}), PRIOR.estimate({0: 1.2, 1: 1.2})
    assert 0.9 < one < two < 1.2 and 0 < less < doubt
    assert one == pytest.approx((1.2 / 0.0025 + 0.9 / 0.01) / (1 / 0.0025 + 1 / 0.01))


def test_a_lucky_draw_of_the_baseline_is_taken_off_where_all_draws_are_known() -> None:
    lucky = Prior(PRIOR.pool, PRIOR.noise, level=0.95)
    assert lucky.estimate({0: 0.95})[0] == pytest.approx(PRIOR.estimate({0: 1.0})[0])
    assert lucky.estimate({1: 0.95}) == PRIOR.estimate({1: 0.95})


def test_the_baseline_is_1_and_known() -> None:
    judged = judge(PLAN, {"xml": BASELINE}, {"xml": BASELINE}, {"xml": PRIOR})
    assert judged is not None and (judged.fitness, judged.estimate, judged.doubt) == (1.0, 1.0, 0.0)


def test_without_belief_the_estimate_is_the_fitness() -> None:
    judged = judge(PLAN, {"xml": tries(0.44)}, {"xml": BASELINE})
    assert judged is not None and judged.estimate == judged.fitness and judged.doubt == 0


def test_of_two_cells_the_one_that_was_tried_more_may_stand_before_the_one_that_measured_more() -> None:
    once = judge(PLAN, {"xml": tries(0.472)}, {"xml": BASELINE}, {"xml": PRIOR})
    often = judge(PLAN, {"xml": tries(0.468, 0.1, 0.585, 0.1, 0.468)}, {"xml": BASELINE}, {"xml": PRIOR})
    assert once is not None and often is not None
    assert once.fitness > often.fitness and once.estimate < often.estimate


def believed(plan: RunPlan, *skills: float, references: tuple[float, ...] = ()) -> Prior:
    """Return what the GRU's draws, the baseline first, and references with their skills make a search believe."""
    outcomes = {}
    for draw, skill in enumerate(skills):
        for setting in plan.noise_settings(plan.tasks[0]):
            score = FACT.floor + skill * (FACT.ceiling - FACT.floor)
            trial = plan.trial(GRU, "xml", setting, init_draw=draw)
            outcomes[trial] = done(score)
    baseline = tries(*[skills[0]] * 6)
    others = [{"xml": tries(skill, skill)} for skill in references]
    found = belief_of(plan, noise_trials(plan, outcomes.get), [{"xml": baseline}, *others], {"xml": baseline})
    return found["xml"]


FLAT = run_plan(tasks={"xml": task_plan(k=2, G=6, rungs=())}, reexamination="top-two", noise_draws=3)


def test_noise_and_level_come_from_the_draws() -> None:
    prior = believed(FLAT, 0.42, 0.38, 0.40, 0.40)
    assert prior.level == pytest.approx(0.40 / 0.42)
    assert prior.noise == pytest.approx(np.var([0.42, 0.38, 0.40, 0.40], ddof=1) / 0.4**2)


def test_what_cells_have_comes_from_the_references_that_pass_the_gate() -> None:
    prior = believed(FLAT, 0.42, 0.38, 0.40, 0.40, references=(0.32, 0.28, 0.44, 0.1))
    assert prior.pool.mean == pytest.approx(np.mean([1, 0.8, 0.7, 1.1]), abs=0.03)
    assert prior.pool.variance > 5 * prior.noise


def test_a_ratio_is_never_believed_less_than_by_half() -> None:
    prior = believed(FLAT, 0.42, 0.38, 0.40, 0.40)
    assert prior.pool.variance == prior.noise
    assert prior.estimate({0: prior.level * 1.2})[0] == pytest.approx((1.2 + prior.pool.mean) / 2)


def test_draws_that_are_all_alike_are_believed() -> None:
    prior = believed(FLAT, 0.4, 0.4, 0.4, 0.4, references=(0.3,))
    assert prior.estimate({0: 1.1})[0] == pytest.approx(1.1, abs=1e-6)


def test_a_reexamined_cell_meets_new_data() -> None:
    stage = Stage("xml", SETTINGS[2:4])
    driver = Driver(replace(PLAN, seed=3)).run(30)
    again = next(step for step in driver.steps if step.kind == "reexamine")
    assert again.stages == (stage,)
    assert {trial.seed for trial in driver.trained if trial.cell == again.cell and trial.stop_at is None} >= {
        0,
        1,
    }


def test_the_candidates_rank_by_estimate() -> None:
    told = Driver(PLAN).run(40).told
    estimates = [candidate.estimate for candidate in told.ranked]
    assert estimates == sorted(estimates, reverse=True)
    assert estimates != [candidate.fitness for candidate in told.ranked]


def test_the_first_and_its_rivals_are_examined_again_and_hopeless_cells_are_not() -> None:
    tasks = {"xml": task_plan(k=1, G=30)}
    share: dict[str, float] = {}
    for kind in ("random", "top-two"):
        plan = run_plan(tasks=tasks, reexamination=kind, look_ahead=2, pool=8)
        driver = Driver(plan).run(150)
        steps = [step for step in driver.steps[40:150] if step.kind == "reexamine"]
        places = [[p.id for p in driver.history(step.number - 1).places].index(step.cell) for step in steps]
        share[kind] = float(np.mean([place < 3 for place in places]))
    assert share["top-two"] > 0.75 > share["random"]


def test_a_step_of_a_clone_has_a_name_of_its_own() -> None:
    assert Step(7, "placebo", GRU).candidate == "placebo-7" and Step(7, "start", GRU).candidate == GRU
