"""The front of a run: of all its scored cells, those that none beats, whatever the leaderboard has room for."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from archsearch.actions import front as front_module
from archsearch.actions.front import COSTS, Cost, flops, front_document, read_front, scan_cost
from archsearch.actions.relative_time import relative_time
from archsearch.cell import library
from archsearch.protocol.history import Candidate
from archsearch.protocol.records import Outcome, Trial
from archsearch.protocol.units import products
from archsearch.store import RunStore, make_run, read_history, read_leaderboard
from tests.helpers.in_process import search_on
from tests.helpers.plans import chance, preset, run_plan, task_plan


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A search with many more scored cells than the pool holds."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    tasks = {"arithmetic": task_plan(k=1, G=6, gate=0.9), "xml": task_plan(k=1, G=6)}
    make_run(
        folder, run_plan(preset(tasks, look_ahead=3, noise_draws=1, pool=3, reexamine=0.1), "map_elites")
    )
    search_on(folder, 60)
    return folder


def scored(store: RunStore) -> list[Candidate]:
    history, _ = read_history(store, store.facts.plan)
    return history.ranked


def time_of(cell: str) -> float:
    """Return a time that has nothing to do with size; trials of a simulated world take none."""
    return chance("time", cell)


@pytest.mark.parametrize("cost", COSTS)
def test_a_front_is_what_no_scored_cell_beats_at_its_cost(
    run: Path, cost: Cost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(front_module, "relative_time", lambda plan, cell, judgement, outcome: time_of(cell))
    with RunStore.open(run) as store:
        front = read_front(store, "run", cost)
        values = {each.id: each.estimate for each in scored(store)}
        values |= {row.id: row.estimate for row in read_leaderboard(store, "run").rows}
        judged = {each.id: each.judgement for each in scored(store)}
        judged |= {row.id: row.judgement for row in read_leaderboard(store, "run").rows}
        costs = {}
        for cell, judgement in judged.items():
            assert judgement is not None
            of = store.cells.read(cell)
            of_layer = float(of.parameter_count(128))
            costs[cell] = {
                "parameters": of_layer,
                "flops": flops(store.facts.plan, of, judgement),
                "time": time_of(cell),
                "scan": scan_cost(of),
            }[cost]
    unbeaten = {
        a
        for a in values
        if not any(
            costs[b] <= costs[a] and values[b] >= values[a] and (costs[a], values[a]) != (costs[b], values[b])
            for b in values
        )
    }
    assert {cell.id for cell in front.cells} == unbeaten and front.scored == len(values) > 6
    assert [costs[cell.id] for cell in front.cells] == sorted(costs[cell.id] for cell in front.cells)


def test_a_front_holds_cells_that_the_leaderboard_has_no_room_for(run: Path) -> None:
    with RunStore.open(run) as store:
        ranks = [cell.rank for cell in read_front(store, "run", "parameters").cells]
    assert 1 in ranks and max(rank or 0 for rank in ranks) > 3


def test_candidates_without_a_fitness_are_never_on_a_front(run: Path) -> None:
    with RunStore.open(run) as store:
        history, _ = read_history(store, store.facts.plan)
        tried = {step.cell for step, _ in store.steps.read() if step.kind == "propose"}
        fates = {cell: candidate.fate for cell in tried if (candidate := history.candidate(cell))}
        lost = {cell for cell, fate in fates.items() if fate != "evaluated"}
        assert {"stopped at gate", "failed filter"} <= set(fates.values())
        smallest = min(store.cells.read(cell).polynomial for cell in tried)
        assert smallest in {store.cells.read(cell).polynomial for cell in lost}, (
            "one of them is as cheap as any"
        )
        assert not lost & {cell.id for cost in COSTS for cell in read_front(store, "run", cost).cells}


def test_flops_are_those_of_the_models_that_have_the_best_scores(run: Path) -> None:
    with RunStore.open(run) as store:
        plan, best = store.facts.plan, scored(store)[0]
        assert best.judgement is not None
        of = store.cells.read(best.id)
        each = [
            2 * products(of, result.units, plan.task[task].facts.symbols, 1)
            for task, result in best.judgement.tasks.items()
        ]
        assert flops(plan, of, best.judgement) == sum(each) / 2


def test_a_step_of_a_scan_costs_by_the_form_of_the_jacobian_and_the_affine_one_less() -> None:
    forms = ["mingru", "indrnn", "paralstm", "gru", "lstm"]
    costs = {name: scan_cost(library.load(name)) for name in forms}
    assert costs == {
        "mingru": 128,
        "indrnn": 128.5,
        "paralstm": 2**3 * 128 + 0.5,
        "gru": 128**3 + 0.5,
        "lstm": 256**3 + 0.5,
    }


def test_the_time_of_a_step_is_the_middle_task_s_beside_the_gru_s_under_the_same_setting_since_the_last_rung(
    run: Path,
) -> None:
    with RunStore.open(run) as store:
        plan, best = store.facts.plan, next(cell for cell in scored(store) if cell.is_found)
        assert best.judgement is not None
        gru, last = library.load("gru").id, max(plan.tasks[0].rules.rungs)

        def outcome(trial: Trial) -> Outcome | None:
            ended, place = store.trials.outcome(trial.key), plan.tasks.index(plan.task_of(trial))
            assert ended is not None and ended.steps > last
            seconds = ended.steps * 1.0 if trial.cell == gru else (ended.steps - last) * (2.0, 5.0)[place]
            return replace(ended, seconds=seconds)

        assert relative_time(plan, best.id, best.judgement, outcome) == pytest.approx(3.5)
        assert relative_time(plan, gru, read_history(store, plan)[1][gru], outcome) == pytest.approx(1.0)
        assert relative_time(plan, best.id, best.judgement, lambda trial: None) is None


def test_the_front_of_a_run_that_has_nothing_yet_is_empty(tmp_path: Path) -> None:
    make_run(tmp_path / "run", run_plan(preset({"xml": task_plan()})))
    with RunStore.open(tmp_path / "run") as store:
        assert front_document(read_front(store, "run", "parameters"))["front"] == []
