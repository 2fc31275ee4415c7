"""What is peculiar to each control: where its cells come from. The contract of all stands in test_contract.py."""

from __future__ import annotations

from functools import cache
from math import inf
from statistics import mean

import pytest
from msgspec.structs import replace

from archsearch.cell import jacobian_class, library
from archsearch.protocol.history import History
from archsearch.protocol.plan import RunPlan
from archsearch.protocol.records import Step
from archsearch.protocol.references import reference_cells
from archsearch.search import sees
from archsearch.search.nsga2 import crowding_distances
from archsearch.search.proxy import hidden_covariance
from tests.helpers.plans import GRU, World, preset, run_plan, task_plan
from tests.helpers.strategies import GROW
from tests.search.driver import Driver

STEPS = 80
STARTS = {GRU, library.load("lstm").id}


def plan_of(strategy: str) -> RunPlan:
    return run_plan(preset({"xml": task_plan(k=2, G=6)}, look_ahead=3, pool=8), strategy)


@cache
def searched(strategy: str) -> Driver:
    return Driver(plan_of(strategy), World(fails=0.2)).run(STEPS)


def proposals(driver: Driver) -> list[Step]:
    return [step for step in driver.steps[:STEPS] if step.kind == "propose"]


def seen_by(driver: Driver, step: Step) -> History:
    return driver.history(sees(driver.plan, step.number))


def test_neighbours_are_one_operator_away_from_the_best_reference_that_their_step_sees() -> None:
    driver = searched("neighbours")
    references = {cell.id for cell in reference_cells(driver.plan).values()}
    for step in proposals(driver):
        known = [candidate.id for candidate in seen_by(driver, step).ranked if candidate.id in references]
        assert step.parent == known[0] and len(step.applied) == 1
    assert len({step.cell for step in proposals(driver)}) > 20


def test_parents_under_regularized_evolution_are_among_the_youngest_however_good_the_oldest_are() -> None:
    driver = searched("regularized")
    died = False
    for step in proposals(driver):
        ranked = seen_by(driver, step).ranked
        youngest = sorted(ranked, key=lambda candidate: -candidate.step)[:8]
        assert step.parent in {candidate.id for candidate in youngest}
        died |= ranked[0] not in youngest
    assert died, "the best has died of age at some step"


@pytest.mark.parametrize("strategy", ["jozefowicz", "random", "regularized"])
def test_parts_are_taken_from_cells_of_the_search_and_from_no_other_start_cell_of_the_space(
    strategy: str,
) -> None:
    alone = preset(start=("tanh_rnn",), references=("gru", "tanh_rnn"))
    driver = Driver(run_plan(alone, strategy, space=replace(GROW, mutations=("crossover", "remove")))).run(40)
    tried = [driver.cell(step.cell) for step in proposals(driver)]
    assert tried and not any(node.op == "sigmoid" for cell in tried for node in cell.nodes)


def test_the_winners_of_tournaments_are_better_than_their_population() -> None:
    driver = searched("regularized")
    above = []
    for step in proposals(driver):
        ranked = seen_by(driver, step).ranked
        youngest = sorted(ranked, key=lambda candidate: -candidate.step)[:8]
        parent = next(candidate for candidate in youngest if candidate.id == step.parent)
        above.append(parent.fitness - mean(candidate.fitness for candidate in youngest))
    assert mean(above) > 0.05


def test_parents_under_map_elites_are_the_best_of_their_kind_and_of_every_kind() -> None:
    driver = searched("map_elites")
    kinds, outside = set(), False
    for step in proposals(driver):
        ranked = seen_by(driver, step).ranked
        alike = [candidate for candidate in ranked if kind(driver, candidate.id) == kind(driver, step.parent)]
        assert alike[0].id == step.parent, "the best of equals in kind is the first by rank"
        kinds.add(kind(driver, step.parent))
        outside |= step.parent not in {candidate.id for candidate in ranked[: len(STARTS)]}
    assert len(kinds) > 4 and outside


def kind(driver: Driver, identity: str) -> tuple[int, int, str]:
    """Return the kind of a cell, worked out from its text alone."""
    cell = driver.cell(identity)
    return cell.parameter_count(128) // (2 * 128 * 128), len(cell.states), str(jacobian_class(cell))


def test_members_under_nsga2_are_the_first_by_front_and_room_and_parents_are_among_them() -> None:
    driver = searched("nsga2")
    sizes = set()
    for step in proposals(driver):
        history = seen_by(driver, step)
        cost = {each.id: driver.cell(each.id).parameter_count(128) for each in history.ranked}
        left, members = {each.id: each.estimate for each in history.ranked}, []
        while left and len(members) < 8:
            front = [
                cell
                for cell in left
                if not any(
                    cost[other] <= cost[cell]
                    and left[other] >= left[cell]
                    and (cost[other], left[other]) != (cost[cell], left[cell])
                    for other in left
                )
            ]
            room = crowding_distances([(cost[cell], left[cell]) for cell in front])
            members += [front[index] for index in sorted(range(len(front)), key=lambda index: -room[index])]
            left = {cell: value for cell, value in left.items() if cell not in front}
        assert step.parent in members[:8]
        sizes.add(cost[step.parent])
    assert len(sizes) > 4, "cheap cells have children as good ones do"


def test_room_is_the_share_of_the_range_between_the_neighbours_and_infinite_at_the_ends() -> None:
    room = crowding_distances([(4.0, 9.0), (0.0, 1.0), (1.0, 3.0), (3.0, 7.0)])
    assert room[0] == room[1] == inf
    assert list(room[2:]) == pytest.approx([3 / 4 + 6 / 8, 3 / 4 + 6 / 8])
    assert list(crowding_distances([(2.0, 5.0)])) == [inf]


def test_parents_under_islands_are_the_best_of_the_island_in_turn_or_what_its_neighbour_had_at_the_last_migration() -> (
    None
):
    driver = searched("islands")
    guests, sizes = set(), set()
    for step in proposals(driver):
        ranked = seen_by(driver, step).ranked
        here, migration = step.number // 2 % 4, 40 * (step.number // 40)
        own = [each.id for each in ranked if each.is_start or each.step // 2 % 4 == here][:2]
        there = [each.id for each in ranked if not each.is_start and each.step // 2 % 4 == (here - 1) % 4]
        before = [identity for identity in there if driver.told.candidates[identity].step < migration]
        assert step.parent in {*own, *before[:1]}
        guests |= {step.number for _ in before[:1] if step.parent == before[0]}
        sizes.add(len({*own, *before[:1]}))
    assert len(guests) > 3 and min(guests) > 40 and sizes == {2, 3}


def test_islands_keep_apart_until_the_first_migration() -> None:
    driver = searched("islands")
    home = {step.cell: step.number // 2 % 4 for step in proposals(driver)}
    crossing = [
        step.number
        for step in proposals(driver)
        if home.get(step.parent, step.number // 2 % 4) != step.number // 2 % 4
    ]

    assert crossing and min(crossing) >= 40


def test_tuning_tries_every_setting_of_every_reference_and_then_nothing() -> None:
    driver = searched("tuning")
    references = {cell.id for cell in reference_cells(driver.plan).values()}
    assert set(driver.told.candidates) == references
    for candidate in driver.told.candidates.values():
        assert candidate.used["xml"] == set(driver.plan.settings["xml"])
    kinds = [step.kind for step in driver.steps[:STEPS]]
    assert kinds[:2] == ["start", "start"] and set(kinds[2:7]) == {"propose", "reexamine"}
    assert set(kinds[7:]) == {"nothing"}, "two settings a visit: lstm twice, mut1 three times"


@pytest.mark.parametrize("strategy", ["random", "proxy"])
def test_the_parents_of_random_cells_are_start_cells(strategy: str) -> None:
    assert {step.parent for step in proposals(searched(strategy))} == STARTS


def test_what_the_proxy_proposes_has_better_scores_than_what_chance_does() -> None:
    def median(strategy: str) -> float:
        driver = searched(strategy)
        scores = sorted(hidden_covariance(driver.cell(step.cell)) for step in proposals(driver))
        return scores[len(scores) // 2]

    assert median("proxy") > median("random")
