"""A run of the study of long lags, with a pupil that only counts, and in earnest on a small scale."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from archsearch.studies.lags.criteria import Legal, Recent
from archsearch.studies.lags.data import Lesson, chosen_from, disjoint_sets, lesson_of
from archsearch.studies.lags.experiments import EXPERIMENTS
from archsearch.studies.lags.memory_blocks import Wiring
from archsearch.studies.lags.training import TEST, LagRun
from archsearch.tasks.noisy_lags import NoisyLag
from archsearch.tasks.reber import draw_reber
from archsearch.tasks.task import Numbers


class Counting:
    """A pupil whose sequences are right from one on; it counts those that it has learned from."""

    def __init__(self, outputs: int, right_from: int) -> None:
        self.units, self.right_from, self.taught, self.calls = outputs, right_from, 0, list[int]()

    def learn(self, lesson: Lesson) -> tuple[Numbers, Numbers]:
        """Count."""
        count = len(lesson.lengths)
        errors = np.where(np.arange(self.taught, self.taught + count) >= self.right_from, 0.0, 1.0)
        self.taught += count
        self.calls.append(count)
        return errors, errors

    def outputs(self, inputs: Any) -> Numbers:
        """Return the same for all, shape (T, B, outputs)."""
        return np.full((*inputs.shape[:2], self.units), 0.5)

    def kept(self) -> int:
        """Return the count."""
        return self.taught

    def restore(self, kept: int) -> None:
        """Take it back."""
        self.taught = kept


def counting_run(name: str, right_from: int) -> tuple[LagRun, Counting]:
    run = LagRun(name, 0)
    run.pupil = counting = Counting(run.experiment.wiring.outputs, right_from)
    return run, counting


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the name of an experiment with short sequences and a short streak."""
    task = NoisyLag(2, 2)
    experiment = replace(
        EXPERIMENTS["2c"],
        draw=task.draw,
        wiring=Wiring(task.symbols, 2, blocks=2),
        criterion=Recent(120, 0.2),
    )
    monkeypatch.setitem(EXPERIMENTS, "tiny", experiment)
    return "tiny"


def test_a_run_ends_with_the_sequence_that_meets_the_criterion_and_its_weights(tiny: str) -> None:
    run, counting = counting_run(tiny, 130)
    result = run.train(1_000)
    assert result.solved and result.sequences == counting.taught == 250
    assert counting.calls == [100, 100, 100, 50]


def test_sequences_may_be_counted_up_to_the_first_of_the_streak(
    tiny: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    criterion = Recent(120, 0.2, is_dated_back=True)
    monkeypatch.setitem(EXPERIMENTS, tiny, replace(EXPERIMENTS[tiny], criterion=criterion))
    assert counting_run(tiny, 130)[0].train(1_000).sequences == 130


def test_a_run_fails_at_its_limit_to_the_sequence(tiny: str) -> None:
    run, counting = counting_run(tiny, 10_000)
    result = run.train(230)
    assert not result.solved and result.sequences == 230 and counting.calls == [100, 100, 30]
    assert result.wrong > TEST / 4


def test_equal_seeds_give_equal_runs_and_others_give_others(tiny: str) -> None:
    first, again, other = (LagRun(tiny, seed).train(200) for seed in (0, 0, 1))
    assert (first.wrong, first.error) == (again.wrong, again.error) and first.error != other.error


def test_the_reber_sets_are_disjoint_and_training_draws_from_its_own() -> None:
    run = LagRun("reber", 0)
    assert isinstance(run.experiment.criterion, Legal)
    texts = [
        {tuple(column[: scored.sum()]) for column, scored in zip(part.inputs.T, part.scored.T, strict=True)}
        for part in (*run.sets, run.draw(np.random.default_rng(0), 500))
    ]
    train, test, drawn = texts
    assert all(part.scored.shape[1] == 256 for part in run.sets)
    assert not train & test and drawn <= train


def test_a_lesson_has_the_episodes_in_their_order_with_a_unit_for_each_symbol() -> None:
    window = draw_reber(np.random.default_rng(0), 6)
    lesson = lesson_of(window, 7)
    assert np.array_equal(lesson.inputs, window.inputs.T) and np.array_equal(lesson.scored, window.scored.T)
    assert np.array_equal(lesson.lengths, window.scored.sum(axis=0))
    assert np.array_equal(lesson.targets.sum(axis=-1), lesson.scored)
    assert np.array_equal(lesson.targets.argmax(axis=-1)[lesson.scored], window.targets.T[window.scored.T])


def test_drawing_from_a_set_takes_each_sequence_equally_often() -> None:
    train, _ = disjoint_sets(draw_reber, np.random.default_rng(0), 8)
    drawn = chosen_from(train)(np.random.default_rng(1), 8_000)
    first = np.all(drawn.inputs == train.inputs[:, :1], axis=0).mean()
    same = np.all(train.inputs == train.inputs[:, :1], axis=0).mean()
    assert first == pytest.approx(same, abs=0.02)


@pytest.mark.slow
def test_the_network_of_1997_learns_the_order_of_two_symbols_a_hundred_steps_apart() -> None:
    result = LagRun("6a", 0).train(60_000)
    assert result.solved and result.wrong < 0.01 * TEST
