"""What a run's rows say is held by a seal: what was altered is not believed, and trained again where that is possible."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from archsearch.cell import library
from archsearch.errors import StoreError
from archsearch.protocol.records import Outcome, Step, Verdict
from archsearch.store import RunStore, make_run, read_leaderboard
from tests.helpers.plans import done, run_plan
from tests.store.test_run_store import SCHEMA_1, copied, trial

LSTM = library.load("lstm")
ALTERED = {
    "a digit of the score": "UPDATE trials SET score = score + 1e-15",
    "the score as text": "UPDATE trials SET score = 'high'",
    "how it ended": "UPDATE trials SET state = 'diverged', score = NULL",
    "a digit of the curve": "UPDATE trials SET outcome = replace(outcome, '0.5', '0.6')",
    "the outcome's bytes": "UPDATE trials SET outcome = CAST(x'ff80' AS TEXT)",
    "the seal": "UPDATE trials SET seal = NULL",
}


@pytest.fixture
def run(tmp_path: Path) -> Path:
    make_run(tmp_path / "run", run_plan())
    with RunStore.open(tmp_path / "run", write=True) as store:
        store.trials.take_over(trial(), done(0.5))
        store.trials.take_over(trial(1), done(0.25))
        store.steps.add(Step(0, "start", LSTM.id), LSTM)
        store.steps.tell(0, Verdict("evaluated", 2), 12.5)
    return tmp_path / "run"


def execute(folder: Path, statement: str) -> None:
    with closing(sqlite3.connect(folder / "run.db")) as connection, connection:
        connection.execute(statement)


@pytest.mark.parametrize("kind", ALTERED)
def test_an_altered_result_is_damage_for_a_reader(run: Path, kind: str) -> None:
    execute(run, f"{ALTERED[kind]} WHERE key = '{trial().key}'")
    with RunStore.open(run) as store:
        with pytest.raises(
            StoreError, match=f"result of trial {trial().key[:9]} does not hold.*archsearch doctor"
        ):
            store.trials.outcome(trial().key)
        assert store.trials.outcome(trial(1).key) == done(0.25)


@pytest.mark.parametrize("kind", ALTERED)
def test_an_altered_result_waits_to_be_trained_again_where_the_run_goes_on(run: Path, kind: str) -> None:
    execute(run, f"{ALTERED[kind]} WHERE key = '{trial().key}'")
    with RunStore.open(run, write=True) as store:
        assert store.trials.outcome(trial().key) is None
        assert store.trials.finish(trial(), store.trials.claim(trial(), 1), done(0.5))
    with RunStore.open(run) as store:
        assert store.trials.outcome(trial().key) == done(0.5)


def test_every_way_in_which_a_trial_ends_is_sealed(run: Path) -> None:
    with RunStore.open(run, write=True) as store:
        store.trials.finish(trial(2), store.trials.claim(trial(2), 1), Outcome("diverged", reason="nan"))
        store.trials.take_over(trial(3), done(1))
        for _ in range(2):
            store.trials.bury(trial(4), store.trials.claim(trial(4), 1), Outcome("crashed"), 2)
    with RunStore.open(run) as store:
        ends = [store.trials.outcome(trial(number).key) for number in (2, 3, 4)]
    assert [end.status for end in ends if end] == ["diverged", "done", "crashed"]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE steps SET asked = replace(asked, 'start', 'propose')",
        "UPDATE steps SET verdict = replace(verdict, '2', '1')",
        "UPDATE steps SET verdict = NULL",
        "UPDATE steps SET cell = ''",
        "UPDATE steps SET seal = NULL",
    ],
)
def test_an_altered_step_is_damage_for_everybody(run: Path, statement: str) -> None:
    execute(run, statement)
    for write in (False, True):
        with RunStore.open(run, write) as store, pytest.raises(StoreError, match="step 0 does not hold"):
            store.steps.read()


def test_damage_is_not_sealed_anew_when_a_step_is_told(run: Path) -> None:
    with RunStore.open(run, write=True) as store:
        store.steps.add(Step(1, "start", LSTM.id), LSTM)
    execute(run, "UPDATE steps SET cell = 'c0' WHERE number = 1")
    with RunStore.open(run, write=True) as store:
        store.steps.tell(1, Verdict("evaluated", 2), 13.0)
        with pytest.raises(StoreError, match="step 1 does not hold"):
            store.steps.read()


@pytest.mark.parametrize("name", ["plan", "elapsed"])
def test_an_altered_fact_is_damage(run: Path, name: str) -> None:
    execute(run, f"UPDATE facts SET value = value || ' ' WHERE name = '{name}'")
    with (
        RunStore.open(run, write=True) as store,
        pytest.raises(StoreError, match=f"the {name} of the run does not hold"),
    ):
        assert store.facts.plan and store.facts.elapsed


def test_an_older_run_is_sealed_when_it_goes_on_and_says_the_same(tmp_path: Path) -> None:
    old = copied(SCHEMA_1, tmp_path / "run")
    with RunStore.open(old) as store:
        before = read_leaderboard(store, "x")
    with RunStore.open(old, write=True) as store:
        unsealed = store.database.connection.execute(
            "SELECT (SELECT count(*) FROM facts WHERE seal IS NULL) + (SELECT count(*) FROM steps WHERE seal IS NULL) "
            "+ (SELECT count(*) FROM trials WHERE outcome IS NOT NULL AND seal IS NULL)"
        ).fetchone()
    assert unsealed == (0,)
    with RunStore.open(old) as store:
        assert read_leaderboard(store, "x") == before


def test_flipped_bits_of_a_result_are_never_believed(run: Path) -> None:
    """Every bit of a stored score and of the digits beside it."""
    with closing(sqlite3.connect(run / "run.db")) as connection:
        (outcome,) = connection.execute("SELECT outcome FROM trials LIMIT 1").fetchone()
    whole, found = (run / "run.db").read_bytes(), 0
    place = whole.index(outcome.encode())
    for byte in range(place - 8, place + len(json.dumps(outcome)) - 2, 3):
        for bit in (0, 6):
            content = bytearray(whole)
            content[byte] ^= 1 << bit
            (run / "run.db").write_bytes(content)
            try:
                with RunStore.open(run) as store:
                    kept = [store.trials.outcome(trial(number).key) for number in (0, 1)]
            except StoreError:
                found += 1
                continue
            assert kept == [done(0.5), done(0.25)], (byte, bit)
    assert found > 20
