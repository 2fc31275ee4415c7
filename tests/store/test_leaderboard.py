"""The leaderboard of a run whose records contradict each other, and whose fault it is if it cannot be made."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from archsearch.errors import StoreError
from archsearch.protocol import noise
from archsearch.protocol.evaluation import Ended
from archsearch.protocol.history import History
from archsearch.protocol.records import Outcome, ReadOut, Trial
from archsearch.store import (
    RunStore,
    as_document,
    read_for_search,
    read_history,
    read_leaderboard,
    read_steps,
)
from archsearch.store import history as history_of_run
from archsearch.store import leaderboard as boards
from tests.helpers.plans import done, run_plan
from tests.helpers.searches import ROOT
from tests.store.test_run_store import copied

SCHEMA_1 = ROOT / "tests" / "data" / "schema-1"

Change = Callable[[sqlite3.Connection], object]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return copied(SCHEMA_1, tmp_path / "run")


def execute(statement: str) -> Change:
    return lambda connection: connection.execute(statement)


def in_step(column: str, kind: str, **changes: Any) -> Change:
    """Return a change of some fields in a column of the first told step of a kind."""

    def change(connection: sqlite3.Connection) -> None:
        for number, asked, text in connection.execute(
            f"SELECT number, asked, {column} FROM steps"
        ).fetchall():
            if json.loads(asked)["kind"] == kind:
                value = json.dumps({**json.loads(text), **changes})
                connection.execute(f"UPDATE steps SET {column} = ? WHERE number = ?", (value, number))
                return
        raise AssertionError(f"no step is {kind}")

    return change


def in_plan(change: Callable[[dict[str, Any]], object]) -> Change:
    def apply(connection: sqlite3.Connection) -> None:
        plan = json.loads(connection.execute("SELECT value FROM facts WHERE name = 'plan'").fetchone()[0])
        change(plan)
        connection.execute("UPDATE facts SET value = ? WHERE name = 'plan'", (json.dumps(plan),))

    return apply


CONTRADICTIONS: dict[str, tuple[Change, str]] = {
    "a trial is missing": (
        execute(
            "DELETE FROM trials WHERE key = (SELECT key FROM trials WHERE cell IN (SELECT cell FROM steps WHERE "
            "cell NOT IN (SELECT cell FROM steps WHERE number < 2)) AND task NOT LIKE 'memo%' LIMIT 1)"
        ),
        r"a trial of cell c\w{8} on .* is missing",
    ),
    "a cell is missing": (execute("DELETE FROM cells"), r"cell c\w{32} is missing"),
    "a score is text": (
        execute("UPDATE trials SET score = 'high' WHERE state = 'done'"),
        "the result of trial",
    ),
    "a score is missing": (
        execute("UPDATE trials SET score = NULL WHERE state = 'done'"),
        "is done with score None",
    ),
    "an outcome is none": (
        execute("UPDATE trials SET outcome = '[]' WHERE state = 'done'"),
        "trial .* cannot be read",
    ),
    "a step told too early": (
        execute("UPDATE steps SET verdict = NULL WHERE number = 1"),
        "step 2 was told before step 1",
    ),
    "a task of no plan": (
        in_step("asked", "start", stages=[["chess", [], []]]),
        "step 0 is on task 'chess', which is none of the run's",
    ),
    "a step without a cell": (in_step("asked", "start", cell=""), "step 0 is 'start' with cell ''"),
    "a verdict beyond the stages": (in_step("verdict", "start", reached=9), "step 0 reached stage 9 of 2"),
    "a verdict before them": (in_step("verdict", "start", reached=-1), "step 0 reached stage -1 of 2"),
    "a verdict of another step": (
        in_step("verdict", "start", fate="nothing new"),
        "step 0 is 'start' and ended as 'nothing new'",
    ),
    "no tasks": (
        in_plan(lambda plan: plan.update(courses=[])),
        "the plan makes no search .it needs at least one task",
    ),
    "an unknown reference": (
        in_plan(lambda plan: plan["preset"]["search"]["references"].append("gurke")),
        "no library cell 'gurke'",
    ),
    "scores without a range": (
        in_plan(lambda plan: plan["courses"][0]["facts"].update(floor=0.5, ceiling=0.5)),
        "lie between 0.5 and 0.5",
    ),
    "an alphabet of nothing": (in_plan(lambda plan: plan["filter"].update(symbols=0)), "it has 0 symbols"),
    "a preset that is none": (
        in_plan(lambda plan: plan["preset"]["search"].update(pool=0)),
        "search.pool is 0",
    ),
}


@pytest.mark.parametrize("kind", CONTRADICTIONS)
def test_records_that_contradict_each_other_are_named_as_damage(run: Path, kind: str) -> None:
    change, message = CONTRADICTIONS[kind]
    with sqlite3.connect(run / "run.db") as connection:
        change(connection)
    connection.close()
    with (
        RunStore.open(run) as store,
        pytest.raises(StoreError, match=rf"run\.db: .*{message}.*put back a copy"),
    ):
        read_leaderboard(store, "x")


@pytest.mark.parametrize("fault", [KeyError, AssertionError, ZeroDivisionError, TypeError, ValueError])
@pytest.mark.parametrize(("owner", "name"), [(History, "tell"), (noise, "statement")])
def test_a_fault_of_ours_is_not_told_as_damage(
    run: Path, monkeypatch: pytest.MonkeyPatch, fault: type[Exception], owner: Any, name: str
) -> None:
    def broken(*arguments: Any) -> None:
        raise fault("a bug")

    monkeypatch.setattr(owner, name, broken)
    with RunStore.open(run) as store, pytest.raises(fault, match="a bug"):
        read_leaderboard(store, "x")


def test_the_leaderboard_says_worth_confirming_where_the_noise_does(run: Path) -> None:
    with RunStore.open(run) as store:
        board, (history, _) = read_leaderboard(store, "x"), read_history(store, store.facts.plan)
    assert board.noise is not None
    assert board.noise.worth_confirming == noise.is_worth_confirming(history, board.noise.line)


# -- what is kept of the told steps ---------------------------------------------------------------------------------


@pytest.fixture
def kept(run: Path) -> Path:
    """The run with its history kept."""
    with RunStore.open(run, write=True) as store:
        assert store.standings.counts is None, "a run of schema 1 has none"
        read_for_search(store, store.facts.plan, 0)
        assert store.standings.counts is not None
    return run


def board(folder: Path) -> object:
    with RunStore.open(folder) as store:
        return read_leaderboard(store, "x")


SPOILED = {
    "nothing": "DELETE FROM kept WHERE name = 'none'",
    "no counts": "DELETE FROM kept WHERE name = 'counts'",
    "counts of fewer steps": "UPDATE kept SET value = json_set(value, '$.told', 3) WHERE name = 'counts'",
    "a place too high": "UPDATE scored SET fitness = fitness + 1",
    "a place too low": "UPDATE scored SET fitness = fitness / 2 WHERE fitness = (SELECT max(fitness) FROM scored)",
    "no places": "DELETE FROM scored",
    "a place of nobody": "INSERT INTO scored VALUES ('c0', 3, 9.0)",
}


@pytest.mark.parametrize("spoiled", SPOILED)
def test_the_leaderboard_of_kept_counts_is_that_of_all_steps_told_again(
    run: Path, kept: Path, spoiled: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(history_of_run, "_kept", lambda *_: None)
        whole = board(kept)
    execute_in(kept, SPOILED[spoiled])
    assert board(kept) == whole
    if spoiled == "nothing":
        monkeypatch.setattr(History, "tell", None)
        assert board(kept) == whole, "no step is told again"


def execute_in(folder: Path, statement: str) -> None:
    connection = sqlite3.connect(folder / "run.db", isolation_level=None)
    assert connection.execute(statement).rowcount != 0 or "none" in statement
    connection.close()


def test_a_search_goes_on_from_what_is_kept_as_from_all_steps(kept: Path) -> None:
    with RunStore.open(kept, write=True) as store:
        plan, asked = store.facts.plan, store.steps.count()
        told, seen, steps = read_for_search(store, plan, asked - 4)
        whole = list(read_steps(store, plan))
    again = History(plan, told.baseline)
    for step in whole[: seen.told]:
        assert isinstance(step, Ended)
        again.tell(step)
    assert 2 < seen.told == len(whole) - len(steps) and steps == whole[seen.told :]
    assert (seen.counts, seen.places) == (again.counts, again.places)


@pytest.mark.parametrize(("draws", "said"), [(0, False), (1, True)])
def test_without_clones_nothing_is_said_of_luck(draws: int, said: bool) -> None:
    plan = run_plan(noise_draws=draws)
    noise = boards.noise_of(plan, History(plan, {}), lambda trial: done(0.7))  # type: ignore[arg-type]
    assert (noise is not None) == said


def test_the_leaderboard_tells_the_sampling_error_where_the_size_of_the_validation_is_known(
    run: Path,
) -> None:
    with RunStore.open(run, write=True) as store:
        assert read_leaderboard(store, "x").errors == {} and store.facts.scored == {}
        store.facts.scored = {task.full_name: 400 for task in store.facts.plan.tasks}
        errors = read_leaderboard(store, "x").errors
        assert errors == {task.name: task.facts.spread / 20 for task in store.facts.plan.tasks}
        assert as_document(read_leaderboard(store, "x"))["sampling_error"] == errors


@pytest.mark.parametrize("count", [-1, 2**63])
def test_a_validation_of_no_size_is_damage(run: Path, count: int) -> None:
    with RunStore.open(run, write=True) as store:
        store.facts.scored = {"xml:small": count}
        with pytest.raises(StoreError, match="the sizes of validations are"):
            read_leaderboard(store, "x")


def test_a_row_has_what_its_best_trial_does_on_long_sequences(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_up = history_of_run.RecordedOutcomes.__call__

    def with_read_outs(outcomes: history_of_run.RecordedOutcomes, trial: Trial) -> Outcome | None:
        outcome = looked_up(outcomes, trial)
        return outcome and replace(
            outcome, read_outs=(ReadOut(256, outcome.score or 0.0), ReadOut(2048, 0.5))
        )

    with RunStore.open(run) as store:
        assert not any(row.read_outs for row in read_leaderboard(store, "run").rows)
        monkeypatch.setattr(history_of_run.RecordedOutcomes, "__call__", with_read_outs)
        board = read_leaderboard(store, "run")
    for row, told in zip(board.rows, as_document(board)["rows"], strict=True):
        for task, result in row.judgement.tasks.items():
            assert row.read_outs[task] == (ReadOut(256, result.score), ReadOut(2048, 0.5))
            assert told["tasks"][task]["accuracy_at"] == {"256": result.score, "2048": 0.5}
