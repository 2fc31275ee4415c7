"""Claims: pairs are fresh, alike for both cells, and the same wherever they are trained."""

import msgspec
import pytest
from msgspec.structs import replace

from archsearch.cell import library
from archsearch.protocol.claims import LEAST, Claim, PairResult, has_fresh_data, pair_result
from archsearch.protocol.plan import RunPlan
from archsearch.protocol.records import Outcome, ReadOut
from archsearch.protocol.seeds import FRESH, data_generator
from tests.helpers.plans import GRU, run_plan

MUT1 = library.load("mut1").id


def claim_of(plan: RunPlan, a: str = MUT1, b: str = GRU, settings: int = 3) -> Claim:
    return Claim.of(plan, a, b, settings)


def test_every_pair_of_every_claim_has_a_fresh_seed() -> None:
    plan = run_plan()
    claims = [claim_of(plan), claim_of(plan, GRU, MUT1), claim_of(plan, settings=2)]
    seeds = [claim.seed(pair) for claim in claims for pair in range(1, 200)]
    assert len(set(seeds)) == len(seeds)
    assert min(seeds) >= FRESH
    assert max(seeds) < 2**63


def test_both_cells_of_a_pair_train_on_the_same_settings_and_data() -> None:
    plan = run_plan()
    claim = claim_of(plan)
    ours, theirs = claim.trials(plan, claim.tasks[0], 1)
    assert [replace(trial, cell=GRU) for trial in ours] == theirs
    assert {trial.seed for trial in ours} == {claim.seed(1)}
    assert len({trial.setting for trial in ours}) == 3


def test_each_pair_draws_its_settings_anew_with_every_rate_once_in_a_block() -> None:
    plan = run_plan()
    claim = claim_of(plan)
    drawn = [claim.drawn(claim.tasks[0], pair) for pair in range(1, 20)]
    assert len(set(drawn)) > 10
    assert all({setting.rate for setting in settings} == set(plan.preset.grid.rate) for settings in drawn)


def test_pairs_do_not_depend_on_the_machine_and_the_order_of_tasks() -> None:
    plan = run_plan()
    elsewhere = replace(plan, machine="another", engine="other 2", tasks=plan.tasks[::-1], seed=9)
    one, other = claim_of(plan), claim_of(elsewhere)
    assert one.seed(3) == other.seed(3)
    assert one.tasks == other.tasks
    assert one.key != other.key


def test_what_decides_no_trial_makes_no_other_claim() -> None:
    plan = run_plan()
    gated = replace(plan, tasks=tuple(replace(t, rules=replace(t.rules, gate=0.9, k=5)) for t in plan.tasks))
    longer = replace(plan, tasks=tuple(replace(t, rules=replace(t.rules, steps=40)) for t in plan.tasks))
    assert claim_of(plan) == claim_of(gated)
    assert claim_of(plan) != claim_of(longer)


def test_a_pair_compares_the_test_scores_of_the_settings_that_validate_best() -> None:
    plan = run_plan()
    claim = claim_of(plan, settings=2)
    ours, theirs = claim.trials(plan, claim.tasks[0], 1)
    scores = dict(zip([*ours, *theirs], [(0.7, 0.64), (0.6, 0.9), (0.5, 0.52), (0.4, 0.8)], strict=True))
    outcomes = {
        trial: Outcome("done", score=valid, test_accuracy=test) for trial, (valid, test) in scores.items()
    }
    result = pair_result(plan, "arithmetic", (ours, theirs), outcomes)
    assert result.a is not None and result.b is not None
    assert abs(result.a - 0.4) < 1e-12 and abs(result.b - 0.2) < 1e-12
    assert abs(result.difference - 0.2) < 1e-12


def test_a_pair_at_a_length_compares_what_the_best_by_validation_read_out_there() -> None:
    plan = run_plan()
    claim = claim_of(plan, settings=2)
    task = plan.tasks[0]
    ours, theirs = claim.trials(plan, task, 1)
    facts = task.facts

    def outcome(score: float, read: float) -> Outcome:
        return Outcome(
            "done", score=score, test_accuracy=0.5, read_outs=(ReadOut(256, 0.1), ReadOut(2048, read))
        )

    outcomes = {
        ours[0]: outcome(0.9, 0.7),
        ours[1]: outcome(0.8, 0.9),
        theirs[0]: outcome(0.6, 0.3),
        theirs[1]: Outcome("diverged"),
    }
    found = pair_result(plan, task.name, (ours, theirs), outcomes, 2048)
    assert found.a == pytest.approx((0.7 - facts.floor) / (facts.ceiling - facts.floor))
    assert found.b == pytest.approx((0.3 - facts.floor) / (facts.ceiling - facts.floor))


def test_a_claim_at_a_length_is_another_one_with_pairs_of_its_own_and_others_keep_their_key() -> None:
    plan = run_plan()
    whole = claim_of(plan)
    at_length = replace(whole, length=256)
    assert b"length" not in msgspec.json.encode(whole)
    assert at_length.key != whole.key and at_length.seed(1) != whole.seed(1)
    assert at_length.question.length == 256


def test_a_cell_that_diverges_under_every_setting_loses_the_pair() -> None:
    assert PairResult(None, 0.4).difference == -0.4
    assert PairResult(0.4, None).difference == 0.4
    assert PairResult(None, -0.1).difference == -LEAST
    assert PairResult(-0.1, None).difference == LEAST
    assert PairResult(None, None).difference == 0


def test_a_setting_that_diverges_is_a_try_without_a_score() -> None:
    plan = run_plan()
    claim = claim_of(plan, settings=2)
    ours, theirs = claim.trials(plan, claim.tasks[0], 1)
    outcomes = dict.fromkeys([*ours, *theirs], Outcome("diverged"))
    outcomes[theirs[1]] = Outcome("done", score=0.5, test_accuracy=0.7)
    result = pair_result(plan, "arithmetic", (ours, theirs), outcomes)
    assert result.a is None
    assert result.b is not None and abs(result.b - 0.5) < 1e-12


def test_test_data_are_of_the_seed_where_it_is_fresh_and_of_the_task_alone_elsewhere() -> None:
    def first(split: str, seed: int) -> float:
        return data_generator("xml:small", split, seed).random()

    assert first("test", FRESH - 1) == first("test", 0)
    assert len({first("test", seed) for seed in (0, FRESH, FRESH + 1)}) == 3
    assert first("valid", FRESH) == first("valid", 0)


def test_files_have_no_fresh_data() -> None:
    assert [has_fresh_data(name) for name in ("xml:small", "mine.py:Task", "ptb:small", "text:song.txt")] == [
        True,
        True,
        False,
        False,
    ]
