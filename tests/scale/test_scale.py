"""A run grows and a step costs the same: held by counting what is called, which no other load on the machine changes."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from archsearch.search import STRATEGIES, Search
from archsearch.store import RunStore, read_history, read_leaderboard
from archsearch.store import history as history_of_run
from archsearch.store.tables import CellTable, TrialTable
from tests.scale import search
from tests.scale.search import exponent, plan_of, reopened, searched

SIZES = 300, 1_200
WINDOW = 60
"""Steps, around each size, whose calls are counted."""


@pytest.fixture(scope="module", autouse=True)
def no_strategy_is_left_behind() -> Iterator[None]:
    """Take the strategy of these searches out of the table again, which other tests of this process read."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(STRATEGIES, search.STRATEGY, search.free_cells)
        yield


class Calls:
    """Counts the calls of all functions in two windows of a search: while it asks, and in all.

    Attributes:
        asking: Calls in asks, by the size at whose window they happened.
        stepping: All calls, alike.
        asks: How many asks there were, alike.
    """

    def __init__(self) -> None:
        self.asking: Counter[int] = Counter()
        self.stepping: Counter[int] = Counter()
        self.asks: Counter[int] = Counter()
        self.window, self.in_ask = 0, False

    def __call__(self, frame: Any, event: str, argument: object) -> None:
        """Count a call."""
        if self.window and event in ("call", "c_call"):
            self.stepping[self.window] += 1
            self.asking[self.window] += self.in_ask

    def during(self, ask: Callable[..., Any]) -> Callable[..., Any]:
        """Return an ask whose calls are counted as such."""

        def counted(of: Search, *given: Any) -> Any:
            candidates = of.told.counts.candidates
            self.window = next((size for size in SIZES if size - WINDOW <= candidates < size), 0)
            self.asks[self.window] += 1
            self.in_ask = True
            try:
                return ask(of, *given)
            finally:
                self.in_ask = False

        return counted


def test_asking_and_telling_a_step_cost_no_more_the_more_candidates_there_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = Calls()
    monkeypatch.setattr(Search, "ask", calls.during(Search.ask))
    sys.setprofile(calls)
    try:
        searched(tmp_path / "run", SIZES[-1] + 20, plan=plan_of(k=2, pool=10, look_ahead=16))
    finally:
        sys.setprofile(None)
    ask, step = (
        [(size, of[size] / calls.asks[size]) for size in SIZES] for of in (calls.asking, calls.stepping)
    )
    assert exponent(*ask) < 0.1
    assert exponent(*step) < 0.25


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("large") / "run"
    searched(folder, 400)
    return folder


def test_a_turn_is_one_transaction_however_many_trials_end_in_it(tmp_path: Path) -> None:
    meter = searched(tmp_path / "run", 200)
    assert meter.trials > 2_000 and meter.commits < meter.trials / 20


def test_leaderboard_and_resume_look_at_no_candidates_but_the_pool(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: Counter[str] = Counter()
    look = history_of_run.RecordedPast.__call__

    def counted(past: Any, cell: str, told: int) -> Any:
        looked[cell] += 1
        return look(past, cell, told)

    monkeypatch.setattr(history_of_run.RecordedPast, "__call__", counted)
    reopened(run)
    assert len(looked) <= search.POOL + 2 * search.LOOK_AHEAD


def test_a_search_that_goes_on_counts_no_trials_one_by_one(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TrialTable, "_count", lambda _: pytest.fail("trials were counted one by one"))
    reopened(run)


def test_what_a_long_search_kept_is_what_all_its_steps_say(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CellTable, "_read", lambda _, identity: search.cell_called(identity))
    with RunStore.open(run) as store:
        kept, (history, _) = read_leaderboard(store, "x"), read_history(store, store.facts.plan)
        ended = store.trials.count()
        monkeypatch.setattr(history_of_run, "_kept", lambda *_: None)
        told, (whole, _) = read_leaderboard(store, "x"), read_history(store, store.facts.plan)
        assert ended == len(store.database.rows("SELECT key FROM trials WHERE state = 'done'"))
    assert kept == told
    assert (history.counts, history.places, history.starts) == (whole.counts, whole.places, whole.starts)
