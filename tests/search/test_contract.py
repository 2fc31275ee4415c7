"""Contract 3: the steps of a search, and its leaderboard, do not depend on workers, order of ends, or restarts."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from functools import cache

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from archsearch.cell import SearchSpace, library
from archsearch.cell.space import Activation, Limits
from archsearch.protocol import history
from archsearch.protocol.plan import RunPlan
from archsearch.protocol.records import Outcome, Step, Trial
from archsearch.protocol.references import reference_cells
from archsearch.protocol.seeds import generator
from archsearch.search import STRATEGIES, ask, proxy, sees
from archsearch.search.view import View
from tests.helpers.plans import GRU, World, chance, preset, run_plan, task_plan
from tests.search.driver import Driver

STEPS = 40
TASKS = {"arithmetic": task_plan(k=2, G=6, gate=0.6), "xml": task_plan(k=2, G=5, gate="noise")}
RULES = ("paired", "published", "believing")
KINDS = [(rule, name) for rule in RULES for name in STRATEGIES if name != "external" or rule == "paired"]
SEARCHING = [strategy for strategy in STRATEGIES if strategy not in ("tuning", "external")]
"""The strategies that make new cells."""


@pytest.fixture(scope="module", autouse=True)
def few_mutants() -> Iterator[None]:
    """Let the proxy choose among two mutants, so that its searches are as fast as others."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(proxy, "MUTANTS", 2)
        yield


@cache
def plan_of(rule: str, strategy: str, look_ahead: int = 6) -> RunPlan:
    """Return a plan under a rule; "believing" is the paired one with everything that makes a search believe less."""
    tasks = {**TASKS, "arithmetic": task_plan(k=2, G=6, gate=0.9)} if rule == "published" else TASKS
    if rule == "believing":
        believing = preset(tasks, look_ahead=look_ahead, noise_draws=3, reexamination="top-two", placebo=0.1)
        return run_plan(believing, strategy)
    return run_plan(preset(tasks, rule, look_ahead=look_ahead, noise_draws=3), strategy)


class HostWorld(World):
    """Some trials end by the host, always the same ones."""

    def __call__(self, trial: Trial) -> Outcome:
        """Return how a trial ends."""
        if trial.cell != GRU and chance("host", trial.key) < 0.1:
            return Outcome("crashed", reason="signal 9")
        return super().__call__(trial)


@cache
def plain(rule: str, strategy: str) -> tuple[object, ...]:
    return Driver(plan_of(rule, strategy), HostWorld()).run(STEPS).record(STEPS)


@pytest.mark.parametrize(("rule", "strategy"), KINDS)
@given(
    workers=st.sampled_from([1, 2, 4, 13]),
    seed=st.integers(0, 10**6),
    restarts=st.sampled_from([0.0, 0.05, 0.5]),
)
@settings(max_examples=10)
def test_steps_and_leaderboard_are_the_same_for_any_workers_order_and_restarts(
    rule: str, strategy: str, workers: int, seed: int, restarts: float
) -> None:
    driver = Driver(plan_of(rule, strategy), HostWorld(), workers, random.Random(seed), restarts).run(STEPS)
    assert driver.record(STEPS) == plain(rule, strategy)


@pytest.mark.parametrize(("rule", "strategy"), KINDS)
def test_a_search_that_stops_and_goes_on_is_one_that_never_stopped(rule: str, strategy: str) -> None:
    driver = Driver(plan_of(rule, strategy), HostWorld(), 4, random.Random(5))
    for count in (3, 11, 12, 30, STEPS):
        driver.run(count)
        driver.open()
    assert driver.run(STEPS).record(STEPS) == plain(rule, strategy)


@pytest.mark.parametrize("kept", [1, 1000])
@pytest.mark.parametrize(("rule", "strategy"), KINDS)
def test_a_search_that_goes_on_from_what_was_kept_is_one_that_tells_all_again(
    rule: str, strategy: str, kept: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "KEPT", kept)
    plan = plan_of(rule, strategy)
    driver = Driver(plan, HostWorld(), 4, random.Random(7), 0.2, keeps=True).run(STEPS)
    driver.open()
    told = driver.history(STEPS)
    assert driver.asked[:STEPS] == plain(rule, strategy)[0]
    assert driver.restarted > 5 or strategy == "tuning", "it has few trials after which to restart"
    assert driver.told.counts == told.counts
    assert (driver.told.places, driver.told.placebos) == (told.places, told.placebos)
    assert driver.told.ranked == told.ranked and len(driver.told.candidates) <= kept


@pytest.mark.parametrize(("rule", "strategy"), KINDS)
def test_a_history_goes_back_to_any_step_after_the_start_cells(rule: str, strategy: str) -> None:
    driver = Driver(plan_of(rule, strategy), HostWorld(), keeps=True).run(STEPS)
    for first in range(3, STEPS):
        then = driver.history(first)
        gone_back = driver.kept().before(driver.told_steps[first:], then.steps_without_news)
        for name in ("counts", "places", "placebos", "starts"):
            assert getattr(gone_back, name) == getattr(then, name)
        assert gone_back.ranked == then.ranked


@pytest.mark.parametrize(("rule", "strategy"), KINDS)
def test_nothing_is_trained_twice_however_often_it_restarts(rule: str, strategy: str) -> None:
    driver = Driver(plan_of(rule, strategy), World(), 4, random.Random(1), 0.3).run(STEPS)
    assert driver.restarted > 5 or strategy == "tuning"
    assert set(driver.trained.values()) == {1}
    same = Counter((t.cell, t.task, t.setting, t.seed, t.init_draw, t.steps) for t in driver.trained)
    assert set(same.values()) == {1}
    raced = any(t.stop_at is None and t.steps == 10 for t in driver.trained)
    assert raced == (rule != "published"), "only the paired rule races"


def test_another_run_seed_gives_another_search_and_the_same_references() -> None:
    one = Driver(plan_of("paired", "jozefowicz")).run(20)
    other = Driver(run_plan(preset(TASKS, look_ahead=6, noise_draws=3), seed=1)).run(20)
    assert one.asked[:2] == other.asked[:2] and one.asked[2:20] != other.asked[2:20]
    assert one.baseline == other.baseline and one.gates == other.gates


# -- what a step sees -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("look_ahead", [1, 2, 6, 100])
def test_step_k_sees_the_steps_up_to_k_minus_w_and_at_least_the_start_cells(look_ahead: int) -> None:
    plan = plan_of("paired", "jozefowicz", look_ahead)
    starts = 2
    for k in range(60):
        seen = set(range(sees(plan, k)))
        assert seen == (set() if k < starts else set(range(max(starts - 1, k - look_ahead) + 1)))


@pytest.mark.parametrize(("rule", "strategy"), KINDS)
def test_a_step_is_refused_any_other_view(rule: str, strategy: str) -> None:
    plan = plan_of(rule, strategy)
    driver = Driver(plan).run(20)
    for told in (sees(plan, 20) - 1, sees(plan, 20) + 1):
        with pytest.raises(AssertionError, match="exactly the steps it sees"):
            ask(plan, 20, driver.history(told), driver.steps[told:20], driver.cell)


@pytest.mark.parametrize(("rule", "strategy"), [(r, s) for r, s in KINDS if s in SEARCHING])
def test_an_unseen_outcome_changes_no_step_and_a_seen_one_does(rule: str, strategy: str) -> None:
    plan = plan_of(rule, strategy)
    whole = Driver(plan).run(STEPS)
    turned = next(
        step.number
        for step in whole.steps
        if step.kind == "propose" and whole.verdicts[step.number].fate == "evaluated"
    )
    cell = whole.steps[turned].cell

    class Turned(World):
        def __call__(self, trial: Trial) -> Outcome:
            return Outcome("diverged", reason="turned") if trial.cell == cell else super().__call__(trial)

    other = Driver(plan, Turned()).run(STEPS)
    blind = turned + plan.preset.search.look_ahead  # the first step that sees it
    assert other.asked[:blind] == whole.asked[:blind]
    assert other.asked[blind:STEPS] != whole.asked[blind:STEPS]


def test_start_cells_are_the_first_steps_and_need_nothing() -> None:
    driver = Driver(plan_of("paired", "jozefowicz")).run(2)
    assert [(step.kind, step.cell) for step in driver.steps[:2]] == [
        ("start", GRU),
        ("start", library.load("lstm").id),
    ]
    assert [c.judgement is not None and c.fitness for c in driver.told.ranked if c.id == GRU] == [1.0]
    assert driver.told.finished_first_stage == 0


# -- which cells and settings ---------------------------------------------------------------------------------------


@cache
def long_search(rule: str, strategy: str, steps: int = 150) -> Driver:
    return Driver(plan_of(rule, strategy), World(fails=0.6), 4, random.Random(3)).run(steps)


@pytest.mark.parametrize("strategy", SEARCHING)
def test_under_paired_a_known_cell_is_proposed_again_only_for_its_next_filter_setting(strategy: str) -> None:
    driver = long_search(
        "paired", strategy, 250
    )  # many parents have few children each, which seldom come again
    references = {cell.id for cell in reference_cells(driver.plan).values()}
    known: dict[str, list[Step]] = {}
    for step in driver.steps[:250]:
        if step.kind not in ("propose", "start"):
            continue
        before = known.setdefault(step.cell, [])
        for earlier in before:
            assert driver.verdicts[earlier.number].fate == "failed filter"
            assert earlier.number < sees(driver.plan, step.number), "a cell of an unseen step is known"
        if step.kind == "propose" and step.cell not in references:
            assert (
                step.filter == driver.plan.filter_setting(step.cell, len(before)) and step.filter is not None
            )
        before.append(step)
    assert len(known) == len(driver.told.candidates), "a filter failure that comes again is no new candidate"
    assert sum(len(steps) - 1 for steps in known.values()) >= 1
    assert driver.told.known > 0


@pytest.mark.parametrize("strategy", SEARCHING)
def test_under_paired_every_cell_has_s1_to_sm_in_turn(strategy: str) -> None:
    driver = long_search("paired", strategy)
    for task, every in driver.plan.settings.items():
        k = TASKS[task].k
        had: Counter[str] = Counter({GRU: len(every)})
        for step in driver.steps[:150]:
            (settings,) = [stage.settings for stage in step.stages if stage.task == task] or [()]
            if step.cell == GRU or driver.verdicts[step.number].reached <= list(TASKS).index(task):
                continue
            start = had[step.cell]
            assert settings == every[start : start + k]
            had[step.cell] += len(settings)
        assert max(had.values()) == len(every) and driver.reexamined > 10


def test_a_cell_with_all_settings_is_not_reexamined() -> None:
    driver = Driver(run_plan(preset({"xml": task_plan(k=2, G=4)}, look_ahead=3)), World(fails=0.9)).run(60)
    times = Counter(step.cell for step in driver.steps[:60] if step.kind == "reexamine")
    assert GRU not in times and max(times.values()) == 1


@pytest.mark.parametrize("strategy", SEARCHING)
def test_half_of_the_steps_reexamine_while_somebody_has_settings_left(strategy: str) -> None:
    tasks = {"xml": task_plan(k=1, G=12)}
    driver = Driver(run_plan(preset(tasks, look_ahead=3), strategy), World(fails=0.3)).run(200)
    assert 75 < driver.reexamined < 125


def test_a_child_comes_from_the_pool_that_its_step_sees() -> None:
    plan = run_plan(preset({"xml": task_plan()}, look_ahead=3, pool=4))
    driver = Driver(plan, World(fails=0.2)).run(60)
    for step in driver.steps[2:60]:
        pool = {member.id for member in driver.history(sees(plan, step.number)).pool}
        assert len(pool) <= 4
        assert step.kind == "nothing" or (step.cell if step.kind == "reexamine" else step.parent) in pool
    parents = Counter(step.parent for step in driver.steps[2:60] if step.kind == "propose")
    assert len(parents) > 4


def test_children_of_the_control_come_from_start_cells() -> None:
    driver = long_search("paired", "random")
    proposals = [step for step in driver.steps[:150] if step.kind == "propose"]
    starts = {GRU, library.load("lstm").id}
    assert {step.parent for step in proposals} == starts
    lengths = [len(step.applied) for step in proposals]
    assert min(lengths) == 1 and max(lengths) > 15  # 1 to 10 mutations of 1 to 3 operators each
    assert 8 < sum(lengths) / len(lengths) < 14  # 5.5 mutations of 2 operators each


@pytest.mark.parametrize("rule", ["paired", "published"])
def test_a_proposal_that_is_a_reference_takes_the_trials_that_the_reference_has(rule: str) -> None:
    """One swap of an activation leads from the lstm to lstm_tanh_gate."""
    found = library.load("lstm_tanh_gate").id
    references = ("gru", "lstm", "lstm_tanh_gate")
    given = preset(
        {"xml": task_plan(k=2)}, rule, start=("lstm",), references=references, reexamine=0.0, look_ahead=2
    )
    driver = Driver(run_plan(given, space=tiny_space()), World(fails=0.0, diverges=0.0))
    before = {trial for trial in driver.trained if trial.cell == found}
    for count in range(10, 200, 10):
        if found in {step.cell for step in driver.run(count).steps[:count]}:
            break
    driver.run(count + 10)
    step = next(step for step in driver.steps if step.cell == found)
    assert (step.kind, step.filter, step.gated) == ("propose", None, False)
    assert len(step.stages[0].settings) == (2 if rule == "paired" else 12)
    assert {trial for trial in driver.trained if trial.cell == found} == before
    assert found in {candidate.id for candidate in driver.told.ranked}
    assert sum(step.cell == found for step in driver.steps) == 1


def tiny_space(*activations: str) -> SearchSpace:
    """Return a space in which the tanh RNN has as many relatives as there are other activations."""
    names = activations or ("tanh", "sigmoid")
    return SearchSpace(
        "tiny",
        ("tanh_rnn",),
        tuple(Activation(name) for name in names),
        ("add",),
        ("swap_activation",),
        Limits(),
    )


@pytest.mark.parametrize("strategy", SEARCHING)
@pytest.mark.parametrize(
    ("activations", "cells"), [(("tanh",), 1), (("tanh", "sigmoid"), 2), (("tanh", "sigmoid", "relu"), 3)]
)
def test_a_space_that_is_used_up_ends_in_nothing_new(
    strategy: str, activations: tuple[str, ...], cells: int
) -> None:
    plan = run_plan(
        preset(
            {"xml": task_plan(k=2, G=2)}, start=("tanh_rnn",), references=("gru", "tanh_rnn"), look_ahead=2
        ),
        strategy,
        space=tiny_space(*activations),
    )
    driver = Driver(plan, World(fails=0.0, diverges=0.0, spread=0.1), 4, random.Random(0)).run(14)
    assert len(driver.told.candidates) == cells
    for step in driver.steps[9:14]:
        assert (step.kind, step.cell, step.stages) == ("nothing", "", ())
        assert step.known + step.invalid == 100
        assert step.known == 0 if cells == 1 else step.known > 0
    assert driver.told.fates["nothing new"] >= 5 and driver.told.steps_without_news >= 5


def test_a_search_whose_start_cells_all_failed_goes_on_from_them() -> None:
    class OnlyGru(World):
        def __call__(self, trial: Trial) -> Outcome:
            return (
                super().__call__(trial)
                if trial.cell == GRU
                else Outcome("diverged", reason="loss nan at step 1")
            )

    plan = run_plan(preset({"xml": task_plan()}, start=("lstm",), references=("gru", "lstm")))
    driver = Driver(plan, OnlyGru(fails=0.0)).run(12)
    assert driver.told.ranked == []
    assert {step.parent for step in driver.steps[1:12]} == {library.load("lstm").id}


# -- published ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("strategy", SEARCHING)
def test_under_published_no_cell_has_a_setting_twice_and_sources_are_recorded(strategy: str) -> None:
    driver = long_search("published", strategy)
    sources: Counter[str] = Counter()
    used: dict[tuple[str, str], set[object]] = {}
    for step in driver.steps[:150]:
        for position, stage in enumerate(step.stages):
            if step.kind != "start":
                assert len(stage.sources) == len(stage.settings)
                sources.update(stage.sources)
            if step.kind == "reexamine":
                assert set(stage.sources) <= {"fresh"}
            had = used.setdefault((step.cell, stage.task), set())
            assert not had & set(stage.settings) and len(set(stage.settings)) == len(stage.settings)
            if position < driver.verdicts[step.number].reached:
                had.update(stage.settings)
    of_young = {"fresh", "start cells' best", "parent"}
    expected = of_young if strategy in ("jozefowicz", "regularized") else {"fresh", "parent's best"}
    assert expected <= set(sources)


def test_under_published_a_grid_that_is_used_up_gives_fewer() -> None:
    plan = run_plan(preset({"xml": task_plan(k=5, G=12)}, "published", look_ahead=2))
    driver = Driver(plan, World(fails=0.8)).run(60)
    sizes = Counter(len(stage.settings) for step in driver.steps[2:60] for stage in step.stages)
    assert set(sizes) == {5, 2}  # 12 = 5 + 5 + 2
    full = [c for c in driver.told.candidates.values() if not c.is_start and len(c.used.get("xml", ())) == 12]
    assert full


def test_under_published_a_known_cell_skips_the_filter_and_has_fresh_settings_until_there_are_none() -> None:
    given = preset(
        {"xml": task_plan(k=5, G=12)},
        "published",
        start=("tanh_rnn",),
        references=("gru", "tanh_rnn"),
        reexamine=0.0,
    )
    driver = Driver(run_plan(given, space=tiny_space()), World(fails=0.0, diverges=0.0, spread=0.1)).run(40)
    other = [step for step in driver.steps[:40] if step.kind == "propose"]
    assert len({step.cell for step in other}) == 1
    assert [step.filter is None for step in other] == [False, True, True]
    assert [len(step.stages[0].settings) for step in other] == [5, 5, 2]
    assert all(set(step.stages[0].sources) == {"fresh"} and step.gated for step in other[1:])
    assert all(second.number - first.number >= 4 for first, second in zip(other, other[1:], strict=False))
    assert len(driver.told.candidates) == 2


@pytest.mark.parametrize("rule", RULES)
def test_what_was_assigned_but_not_reached_is_free_again_once_it_is_seen(rule: str) -> None:
    driver = long_search(rule, "jozefowicz")
    step = next(
        s for s in driver.steps[:150] if driver.verdicts[s.number].fate == "stopped at gate" and s.filter
    )
    assert driver.verdicts[step.number].reached == 1 and len(step.stages) == 2
    used = []
    for told in (step.number, step.number + 1):
        view = View(
            plan=driver.plan,
            number=200,
            history=driver.history(told),
            unseen=tuple(driver.steps[told : step.number + 1]),
            cell=library.load,
            references=frozenset(),
            rng=generator(0),
        )
        used.append([view.used(step.cell, stage.task) for stage in step.stages])
    assigned = [set(stage.settings) for stage in step.stages]
    assert used == [assigned, [assigned[0], set()]]
