"""What a trained cell does on long sequences is kept with its trial, and nowhere else is there a trace of it."""

from __future__ import annotations

import msgspec
import pytest
from msgspec.structs import replace

from archsearch.cell import library
from archsearch.protocol.records import Outcome, ReadOut, Trial
from archsearch.protocol.settings import Setting
from archsearch.tasks import load
from archsearch.tasks.lengths import READ_OUTS
from archsearch.training import Streams, run_trial

CELL = library.load("gru")
TRIAL = Trial(
    cell=CELL.id,
    task="parity:small",
    setting=Setting("adamw", 0.01, 5.0, 0.7, 1, 3_000),
    seed=0,
    init_draw=0,
    measure="accuracy",
    steps=150,
    epoch_steps=50,
    batch=20,
    unroll=32,
    validation=8,
    data="",
    engine="reference",
    machine="test",
)


def ended(**changes: object) -> Outcome:
    trial = replace(TRIAL, **changes)
    return replace(run_trial(trial, CELL, Streams(load(trial.task), "cpu")), seconds=0.0)


@pytest.fixture(scope="module")
def parity() -> Outcome:
    return ended()


def test_a_cell_that_has_parity_right_has_it_at_every_length_and_a_fresh_one_guesses(parity: Outcome) -> None:
    assert [each.length for each in parity.read_outs] == list(READ_OUTS)
    assert parity.score == 1.0 and all(each.accuracy == 1.0 for each in parity.read_outs)
    fresh = ended(steps=1, epoch_steps=1)
    assert all(0.3 < each.accuracy < 0.7 for each in fresh.read_outs)


def test_a_read_out_is_a_function_of_the_record(parity: Outcome) -> None:
    short = {"steps": 20, "epoch_steps": 20}
    assert ended(**short).read_outs == ended(**short).read_outs != parity.read_outs


def test_other_tasks_and_trials_that_only_filter_have_none() -> None:
    few = {"steps": 2, "epoch_steps": 1, "validation": 1}
    assert ended(task="memorization:small", **few).read_outs == ()
    assert ended(stop_at=0.99, **few).read_outs == ()


def test_an_outcome_without_them_is_written_as_before_there_were_any() -> None:
    assert b"read_outs" not in msgspec.json.encode(Outcome("done", 0.5))
    read = Outcome("done", 0.5, read_outs=(ReadOut(256, 0.75),))
    assert b'"read_outs":[[256,0.75]]' in msgspec.json.encode(read)
    assert msgspec.json.decode(msgspec.json.encode(read), type=Outcome) == read
