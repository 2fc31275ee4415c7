"""The loop over lanes, with a learner that computes nothing: what each lane is told, and what becomes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from msgspec.structs import replace
from torch import Tensor

from archsearch.cell import library
from archsearch.protocol.records import Outcome, Trial
from archsearch.protocol.seeds import FRESH
from archsearch.protocol.settings import Setting
from archsearch.tasks import load
from archsearch.training import Streams, loop
from archsearch.training.learner import Failure
from archsearch.training.loop import TrainingLoop
from archsearch.training.progress import TrialProgress
from archsearch.training.windows import Batch

STREAMS = Streams(load("arithmetic:small"), "cpu")
GRU = library.load("gru")
TRIAL = Trial(
    cell=GRU.id,
    task="arithmetic:small",
    setting=Setting("adamw", 0.5, 5.0, 1.0, 1, 3_000),
    seed=0,
    init_draw=0,
    measure="nll",
    steps=12,
    epoch_steps=4,
    batch=4,
    unroll=12,
    validation=3,
    data="",
    engine="stacked 1",
    machine="test",
)


class Scripted:
    """A learner whose figures are written down beforehand; it notes down what it is asked to do.

    Args:
        nlls: For each evaluation the NLL of every lane.
        failures: Training step -> lane that fails there.
    """

    stretch = 2

    def __init__(self, nlls: Sequence[Sequence[float]], failures: Mapping[int, int] | None = None) -> None:
        self.nlls, self.failures = list(nlls), dict(failures or {})
        self.steps, self.done = 0, list[Any]()

    def train(self, batches: Sequence[Batch], rates: Sequence[float | None]) -> dict[int, Failure]:
        """Count the steps."""
        self.done.append(list(rates))
        first, self.steps = self.steps + 1, self.steps + len(batches)
        steps = range(first, self.steps + 1)
        return {self.failures[step]: Failure(step, f"at {step}") for step in steps if step in self.failures}

    def evaluate(self, batches: Sequence[Batch]) -> list[tuple[int, float]]:
        """Return the next figures."""
        count = sum(len(batch.targets) for batch in batches)
        return [(0, nll * count) for nll in self.nlls.pop(0)]

    def keep(self, lanes: Sequence[int]) -> None:
        """Note it down."""
        self.done.append(("keep", list(lanes)))

    def restore(self) -> None:
        """Note it down."""
        self.done.append("restore")

    def model_weights(self, lane: int) -> dict[str, Tensor]:
        """Refuse: no trial here is asked for them."""
        raise NotImplementedError

    def snapshot(self, lane: int) -> dict[str, Tensor]:
        """Refuse: no trial here pauses."""
        raise NotImplementedError

    def resume(self, snapshots: Sequence[Mapping[str, Tensor]], steps: int) -> None:
        """Refuse: no trial here was paused."""
        raise NotImplementedError

    def close(self) -> None:
        """Note it down."""
        self.done.append("close")


def trained(
    learner: Scripted, monkeypatch: pytest.MonkeyPatch, lanes: int = 2, **changes: Any
) -> list[Outcome]:
    monkeypatch.setattr(loop, "new_learner", lambda *_: learner)
    trials = [replace(TRIAL, init_draw=lane, **changes) for lane in range(lanes)]
    begun = [TrialProgress(trial, GRU, STREAMS.task.symbols) for trial in trials]
    return TrainingLoop(begun, GRU, STREAMS).outcomes(lambda step: None, pauses=False)


def test_every_epoch_is_validated_and_only_the_lanes_that_improved_are_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    learner = Scripted([[3.0, 3.0], [2.0, 4.0], [2.5, 1.0], [9.0, 8.0]])
    first, second = trained(learner, monkeypatch)
    assert [step for step in learner.done if step != [0.5, 0.5]] == [
        ("keep", [0, 1]),
        ("keep", [0]),
        ("keep", [1]),
        "restore",
        "close",
    ]
    assert (first.best_step, first.score, first.test_nll) == (8, 2.0, 9.0)
    assert (second.best_step, second.score, second.test_nll) == (12, 1.0, 8.0)


def test_a_lane_that_fails_learns_no_more_and_the_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    learner = Scripted([[3.0, 3.0], [2.0, float("nan")], [1.0, 0.0], [1.0, 1.0]], failures={6: 1})
    first, second = trained(learner, monkeypatch)
    assert [step for step in learner.done if isinstance(step, list)] == [[0.5, 0.5]] * 3 + [[0.5, None]] * 3
    assert (first.status, first.steps, len(first.curve)) == ("done", 12, 3)
    assert (second.status, second.reason, second.steps, len(second.curve)) == ("diverged", "at 6", 5, 1)


def test_the_loop_ends_where_no_lane_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    learner = Scripted([[3.0]], failures={5: 0})
    (outcome,) = trained(learner, monkeypatch, lanes=1)
    assert learner.done == [[0.5], [0.5], ("keep", [0]), [0.5], "close"], "and nothing is restored or tested"
    assert (outcome.status, outcome.steps) == ("diverged", 4)


def test_a_validation_that_is_not_finite_ends_a_lane(monkeypatch: pytest.MonkeyPatch) -> None:
    learner = Scripted([[3.0, float("inf")], [2.0, 2.0], [1.0, 1.0], [1.0, 1.0]])
    _, second = trained(learner, monkeypatch)
    assert (second.reason, second.steps, second.curve) == ("validation NLL inf at step 4", 4, ())


def test_the_learner_is_closed_whatever_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    learner = Scripted([])
    with pytest.raises(IndexError):
        trained(learner, monkeypatch)
    assert learner.done[-1] == "close"


def test_only_a_fresh_seed_is_tested_on_data_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    for seed, tested in ((7, 0), (FRESH + 7, FRESH + 7)):
        STREAMS.streams.clear()
        trained(Scripted([[3.0], [2.0], [1.0], [1.0]]), monkeypatch, lanes=1, seed=seed)
        seeds = {split: of for split, of, *_ in STREAMS.streams}
        assert seeds == {"train": seed, "valid": 0, "test": tested}
