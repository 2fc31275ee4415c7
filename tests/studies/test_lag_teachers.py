"""Online training: compiled code, which takes the paper's rule forward in time, against numpy."""

from __future__ import annotations

import numpy as np
import pytest

from archsearch.compiler.engines import default_engine
from archsearch.errors import BuildError
from archsearch.studies.lags import teachers
from archsearch.studies.lags.data import Lesson, lesson_of
from archsearch.studies.lags.experiments import EXPERIMENTS, Experiment
from archsearch.studies.lags.memory_blocks import Weights
from archsearch.studies.lags.teachers import teach_natively, teach_plainly, teacher

compiled = pytest.mark.skipif(not default_engine("cpu").startswith("native"), reason="no C++ compiler")


def first_lesson(name: str, count: int) -> tuple[Experiment, Weights, Lesson]:
    """Return an experiment with weights and sequences."""
    experiment, rng = EXPERIMENTS[name], np.random.default_rng(0)
    weights = experiment.wiring.draw(rng, 0.5, experiment.input_bias, experiment.output_bias)
    return experiment, weights, lesson_of(experiment.draw(rng, count), experiment.wiring.outputs)


def copied(weights: Weights) -> Weights:
    return {name: weight.copy() for name, weight in weights.items()}


@compiled
@pytest.mark.parametrize("name", ["reber", "reber-6x1", "2a", "2c", "3a", "4", "6a"])
def test_both_teachers_teach_the_same(name: str) -> None:
    experiment, start, sequences = first_lesson(name, 4)
    native, plain = copied(start), copied(start)
    ours = teach_natively(experiment.wiring, native, sequences, 0.1)
    theirs = teach_plainly(experiment.wiring, plain, sequences, 0.1)
    assert np.array(ours) == pytest.approx(np.array(theirs), abs=1e-10)
    for key in start:
        assert np.abs(native[key] - plain[key]).max() < 1e-10
        assert not np.array_equal(native[key], start[key]) or not start[key].any()


def test_each_sequence_is_learned_from_before_the_next_is_read() -> None:
    experiment, start, sequences = first_lesson("6a", 2)
    together, apart = copied(start), copied(start)
    largest, mean = teach_plainly(experiment.wiring, together, sequences, 0.5)
    teach_plainly(experiment.wiring, apart, sequences.first(1), 0.5)
    second = Lesson(sequences.inputs[1:], sequences.targets[1:], sequences.scored[1:], sequences.lengths[1:])
    again = teach_plainly(experiment.wiring, apart, second, 0.5)
    assert (largest[1], mean[1]) == (again[0][0], again[1][0])
    assert all(np.array_equal(together[key], apart[key]) for key in start)


def test_learning_lowers_the_error() -> None:
    experiment, weights, sequences = first_lesson("6a", 1)
    errors = [teach_plainly(experiment.wiring, weights, sequences, 0.5)[1][0] for _ in range(20)]
    assert errors[-1] < 0.7 * errors[0]


def test_without_a_compiler_numpy_teaches(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise BuildError("no C++ compiler")

    monkeypatch.setattr(teachers, "_built", refuse)
    assert teacher() is teach_plainly
