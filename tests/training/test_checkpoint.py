"""A trial that goes on from a rung has the bits of one that was never interrupted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from msgspec.structs import replace

from archsearch.cell import Cell, library
from archsearch.compiler.engines import default_engine
from archsearch.protocol.records import Outcome, Trial
from archsearch.protocol.settings import Setting
from archsearch.tasks import load
from archsearch.training import Streams, run_trial, run_trials
from archsearch.training.checkpoint import packed_checkpoint, unpacked_checkpoint

SETTING = Setting("adamw", 0.02, 5.0, 1.0, 1, 3_000)
STREAMS = Streams(load("arithmetic:small"), "cpu")


@dataclass
class Place:
    """A checkpoint in memory."""

    content: bytes | None = None
    reads: int = 0

    def read(self) -> bytes | None:
        self.reads += 1
        return self.content

    def write(self, content: bytes) -> None:
        self.content = content


def record(cell: str = "gru", **changes: Any) -> Trial:
    of = Trial(
        cell=library.load(cell).id,
        task="arithmetic:small",
        setting=SETTING,
        seed=0,
        init_draw=0,
        measure="accuracy",
        steps=12,
        epoch_steps=3,
        batch=4,
        unroll=12,
        validation=3,
        data="",
        engine="reference",
        machine="test",
    )
    return replace(of, **changes)


def run(trial: Trial, checkpoint: Place | None = None, pauses: bool = False, cell: str = "gru") -> Outcome:
    return replace(
        run_trial(trial, library.load(cell), STREAMS, checkpoint=checkpoint, pauses=pauses), seconds=0.0
    )


CASES = {
    "one layer": ("gru", SETTING, {}),
    "two states, two layers, dropout": ("lstm", replace(SETTING, layers=2, dropout=0.2, budget=6_000), {}),
    "sgd, whose rate is halved": (
        "gru",
        replace(SETTING, optimiser="sgd", rate=2.0),
        {"schedule": "halving"},
    ),
}


@pytest.mark.parametrize("engine", ["reference", "native"])
@pytest.mark.parametrize("case", CASES)
def test_going_on_from_rungs_gives_the_bits_of_an_uninterrupted_trial(case: str, engine: str) -> None:
    if engine == "native" and default_engine("cpu") != "native":
        pytest.skip("no C++ compiler here")
    cell, setting, more = CASES[case]
    trial = record(cell, setting=setting, engine=engine, **more)
    place = Place()
    for steps in (3, 6, 9):
        short = replace(trial, steps=steps)
        assert run(short, place, True, cell) == run(short, cell=cell), (
            "a shorter trial is one with a record of its own"
        )
    before = place.content
    assert run(trial, place, False, cell) == run(trial, cell=cell)
    assert place.content == before, "and the last one leaves nothing"


def test_a_trial_that_goes_on_takes_only_the_steps_that_are_left(monkeypatch: pytest.MonkeyPatch) -> None:
    from archsearch.training.torch_learner import TorchLearner

    place, taken = Place(), []
    run(replace(record(), steps=9), place, True)
    step = TorchLearner._step
    monkeypatch.setattr(TorchLearner, "_step", lambda self, batch: taken.append(1) or step(self, batch))
    assert run(record(), place).steps == 12 and len(taken) == 3


@pytest.mark.parametrize("case", CASES)
def test_lanes_of_a_stack_go_on_from_rungs_whether_or_not_their_neighbours_do(case: str) -> None:
    cell, setting, more = CASES[case]
    changes = [{}, {"rate": setting.rate / 2}, {"budget": 2_500, "clip": 1.0}]
    settings = [replace(setting, **change) for change in changes]
    trials = [record(cell, setting=one, engine="stacked", **more) for one in settings]

    def together(of: list[Trial], checkpoints: list[Place] | None, pauses: bool) -> list[Outcome]:
        found = run_trials(of, library.load(cell), STREAMS, checkpoints=checkpoints, pauses=pauses)
        return [replace(outcome, seconds=0.0) for outcome in found]

    places = [Place() for _ in trials]
    for steps in (3, 9):
        short = [replace(trial, steps=steps) for trial in trials]
        assert together(short, places, True) == together(short, None, False)
    left = [place.content for place in places]
    places[1].content = None
    assert all(left) and together(trials, places, False) == together(trials, None, False)
    places[0].content = left[1]
    assert together(trials, places, False) == together(trials, None, False), "another's checkpoint is none"


def test_a_stack_whose_checkpoints_have_another_shape_begins_anew() -> None:
    trials = [record(engine="stacked", init_draw=draw) for draw in range(2)]
    places = [Place() for _ in trials]
    short = [replace(trial, steps=6) for trial in trials]
    run_trials(short, library.load("gru"), STREAMS, checkpoints=places, pauses=True)
    content = places[1].content
    assert content is not None and (kept := unpacked_checkpoint(content, trials[1])) is not None
    odd = {name: tensor.flatten()[:-1] for name, tensor in kept.tensors.items()}
    places[1].content = packed_checkpoint(replace(kept, tensors=odd))
    outcomes = run_trials(trials, library.load("gru"), STREAMS, checkpoints=places)
    whole = run_trials(trials, library.load("gru"), STREAMS)
    assert [replace(one, seconds=0.0) for one in outcomes] == [replace(one, seconds=0.0) for one in whole]


def test_a_stack_that_goes_on_takes_only_the_steps_that_are_left(monkeypatch: pytest.MonkeyPatch) -> None:
    from archsearch.training.stacked.model import StackedModel

    place, taken = Place(), []
    run_trials(
        [record(engine="stacked", steps=9)], library.load("gru"), STREAMS, checkpoints=[place], pauses=True
    )
    step = StackedModel._learn
    monkeypatch.setattr(StackedModel, "_learn", lambda self, kind: taken.append(1) or step(self, kind))
    (outcome,) = run_trials([record(engine="stacked")], library.load("gru"), STREAMS, checkpoints=[place])
    assert outcome.steps == 12 and len(taken) == 3


@pytest.mark.parametrize(
    "other",
    [
        {"seed": 1},
        {"init_draw": 1},
        {"setting": replace(SETTING, rate=0.03)},
        {"steps": 6},
        {"batch": 5},
        {"task": "x"},
    ],
)
def test_a_checkpoint_of_another_record_is_not_taken_up(other: dict[str, Any]) -> None:
    place = Place()
    run(replace(record(), steps=9), place, True)
    assert place.content is not None and unpacked_checkpoint(place.content, record()) is not None
    assert unpacked_checkpoint(place.content, record(**other)) is None


def test_damaged_checkpoints_are_no_checkpoints() -> None:
    place, whole = Place(), run(record())
    run(replace(record(), steps=9), place, True)
    content = place.content
    assert content is not None
    garbled = content[:-400] + bytes(400)
    for damaged in (b"", b"PK\x03\x04", content[:100], content[:-5], garbled, b"\xff" * 100):
        assert run(record(), Place(damaged)) == whole


def test_a_trial_that_diverged_leaves_no_checkpoint() -> None:
    place = Place()
    grows = Cell.parse(
        "cell grows(x, h):\n    h' = linear(x) + 3 * h\n"
    )  # its carried state grows 3^12-fold a window
    outcome = run_trial(record(steps=50), grows, STREAMS, checkpoint=place, pauses=True)
    assert outcome.status == "diverged" and outcome.curve
    assert place.content is None
