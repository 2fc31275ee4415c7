"""What the parts of a trial take is measured beside it: nothing of it is in its outcome."""

from __future__ import annotations

from msgspec.structs import replace

from archsearch.cell import library
from archsearch.training import run_trials
from archsearch.training.stopwatch import Stopwatch
from tests.training.test_checkpoint import STREAMS, record


def test_every_part_is_measured_and_the_outcome_is_the_same_without() -> None:
    watch = Stopwatch()
    measured, plain = (
        run_trials([record()], library.load("gru"), STREAMS, stopwatch=watching)[0]
        for watching in (watch, None)
    )
    assert set(watch.seconds) == {"compile", "data", "training", "validation", "test"}
    assert all(seconds > 0 for seconds in watch.seconds.values())
    assert sum(watch.seconds.values()) <= measured.seconds
    assert replace(measured, seconds=0.0) == replace(plain, seconds=0.0)
