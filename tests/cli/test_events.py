"""The events of a search: a line of JSON for the beginning, every phase, step, lost worker and verdict, and the end."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from archsearch.actions.evolve import SearchResult
from archsearch.actions.listener import EventListener, Progress
from archsearch.cell import library
from archsearch.cli.events import EventLog
from archsearch.errors import InputError
from archsearch.protocol.claims import Claim, PairResult
from archsearch.protocol.hearing import Hearing
from archsearch.store import RunStore
from archsearch.workers.dispatch import Dispatcher
from archsearch.workers.pool import Death, Event
from archsearch.workers.trial_log import MemoryTrialLog
from tests.helpers.in_process import InstantPool
from tests.helpers.plans import GRU, run_plan
from tests.helpers.searches import World


def events(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_search_is_told_from_its_beginning_to_its_end(tmp_path: Path) -> None:
    world = World(tmp_path / "world", faked=True, environment={"SLOW": "0.002"})
    done = world.run(world.evolve("--run", "a", "--max-candidates", 3, "--events", "events.jsonl"))
    assert done.returncode == 0, done.stderr
    told = events(world.folder / "events.jsonl")
    with RunStore.open(world.folder / "runs" / "a") as store:
        steps = [(step.number, verdict.fate) for step, verdict in store.steps.read() if verdict is not None]
    assert told[0]["event"] == "opened" and told[0]["run"] == "a" and told[0]["max_candidates"] == 3
    assert [each["phase"] for each in told if each["event"] == "phase"] == [
        "references",
        "noise",
        "searching",
    ]
    assert [(each["step"], each["fate"]) for each in told if each["event"] == "step"] == steps
    assert [each["event"] for each in told].count("ended") == 1
    assert told[-1]["event"] == "ended" and told[-1]["ending"] == "finished"
    times = [datetime.fromisoformat(each["time"]) for each in told]
    assert times == sorted(times)


def test_a_worker_that_was_lost_is_an_event_with_what_becomes_of_its_trials(tmp_path: Path) -> None:
    class Dying(InstantPool):
        def events(self, timeout: float) -> Iterator[Event]:
            (worker,) = self.workers
            worker.begun = True
            yield Death(worker, "SIGKILL")

    plan, gru = run_plan(), library.load("gru")
    dispatcher = Dispatcher(MemoryTrialLog(), Dying(), lambda cell: gru)  # type: ignore[arg-type]
    dispatcher.queue([plan.trial(GRU, "xml", plan.settings["xml"][0])], 0)
    log = EventLog(EventListener(lambda event: None), tmp_path / "events.jsonl")
    for _ in range(3):
        dispatcher.poll(0)
        log.progressed(Progress("searching", 0, 0, None, 1, 5.0, lost=dispatcher.take_lost()))
    lost = [each for each in events(tmp_path / "events.jsonl") if each["event"] == "worker lost"]
    assert [(each["worker"], each["cause"]) for each in lost] == [(0, "SIGKILL")] * 3
    assert [(each["again"], each["ended"]) for each in lost] == [(1, 0), (0, 1), (0, 0)]


def test_a_search_that_fails_says_so_in_its_last_line(tmp_path: Path) -> None:
    with (
        pytest.raises(InputError),
        EventLog(EventListener(lambda event: None), tmp_path / "events.jsonl") as log,
    ):
        log.said("before")
        raise InputError("no such thing")
    assert [
        (each["event"], each.get("text"), each.get("error")) for each in events(log.path or tmp_path)
    ] == [
        ("said", "before", None),
        ("failed", None, "no such thing"),
    ]


def test_every_pair_before_the_referee_is_an_event_and_nothing_is_told_twice(tmp_path: Path) -> None:
    claim = Claim.of(run_plan(), "mine", GRU, 1)
    won = PairResult(0.9, 0.1)
    log = EventLog(EventListener(lambda event: None), tmp_path / "events.jsonl")
    for pairs in (1, 1, 2):
        hearing = Hearing(claim, 1, ("mine", "gru"), {task.name: (won,) * pairs for task in claim.tasks})
        log.progressed(Progress("verdict", 0, 4, None, 1, 5.0, hearing))
    told = events(tmp_path / "events.jsonl")
    assert [each["event"] for each in told] == ["phase", "verdict", "verdict"]
    assert [each["pairs"] for each in told[1:]] == [1, 2]
    assert told[1]["verdict"] == "not told apart" and (told[1]["a"], told[1]["b"]) == ("mine", GRU)


def test_a_file_that_fails_is_named_once_and_others_hear_on(tmp_path: Path) -> None:
    said: list[str] = []
    heard = EventListener(lambda event: said.append(event) if isinstance(event, str) else None)
    (tmp_path / "folder").mkdir()
    log = EventLog(heard, tmp_path / "folder")
    log.said("one")
    log.said("two")
    log.ended(SearchResult("finished", tmp_path))
    assert said[0] == "one" and "the search goes on without it" in said[1] and said[2:] == ["two"]


def test_a_file_whose_folder_is_missing_is_refused_before_the_search(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="make it first"):
        EventLog(EventListener(lambda event: None), tmp_path / "none" / "events.jsonl")
