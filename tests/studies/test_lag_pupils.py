"""Cells of the language that learn what the network of 1997 learned."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from archsearch.cell import Cell, library
from archsearch.errors import InputError
from archsearch.studies.lags.data import lesson_of
from archsearch.studies.lags.experiments import EXPERIMENTS
from archsearch.studies.lags.pupils import CellPupil, width_for
from archsearch.studies.lags.training import LagRun


def pupil(name: str = "6a", cell: str = "gru") -> CellPupil:
    return CellPupil(library.load(cell), EXPERIMENTS[name], np.random.default_rng(0))


@pytest.mark.parametrize(("name", "cell"), [("6a", "gru"), ("2c", "tanh_rnn"), ("4", "lstm")])
def test_a_cell_has_at_most_as_many_weights_as_the_network_of_1997(name: str, cell: str) -> None:
    learner, experiment = pupil(name, cell), EXPERIMENTS[name]
    count = sum(weight.numel() for weight in learner.weights)
    wider = library.load(cell).parameter_count(learner.out.in_features + 1, experiment.wiring.inputs)
    assert (
        count <= experiment.wiring.weights < wider + (learner.out.in_features + 2) * learner.out.out_features
    )


def test_a_cell_that_has_more_weights_at_any_width_is_refused() -> None:
    terms = " + ".join(["linear(x) + linear(h)"] * 40)
    with pytest.raises(
        InputError, match="has 102 weights, and many of one unit 162; name another experiment"
    ):
        width_for(Cell.parse(f"cell many(x, h):\n    h' = tanh({terms})\n"), EXPERIMENTS["3a"])


def test_a_cell_takes_a_step_of_gradient_descent_after_each_sequence() -> None:
    learner, experiment = pupil(), EXPERIMENTS["6a"]
    lesson = lesson_of(experiment.draw(np.random.default_rng(1), 1), experiment.wiring.outputs)
    before = learner.kept()
    outputs = learner._run(lesson.inputs[0, : lesson.lengths[0], None])[-1, 0]
    wanted = torch.from_numpy(lesson.targets[0, lesson.lengths[0] - 1]).float()
    slopes = torch.autograd.grad(0.5 * (outputs - wanted).square().sum(), learner.weights)
    largest, mean = learner.learn(lesson)
    assert largest[0] == pytest.approx(float((outputs - wanted).abs().max().detach()))
    assert mean[0] == pytest.approx(float((outputs - wanted).abs().mean().detach()))
    for old, slope, now in zip(before, slopes, learner.weights, strict=True):
        assert torch.allclose(now, old - experiment.rate * slope, atol=1e-7)
    learner.restore(before)
    assert all(torch.equal(old, now) for old, now in zip(before, learner.weights, strict=True))


def test_weights_start_within_the_bound_of_the_paper() -> None:
    learner = pupil()
    assert 0.05 < max(float(weight.abs().max().detach()) for weight in learner.weights) <= 0.1


def test_a_run_of_a_cell_meets_the_same_sequences_as_the_network_of_1997() -> None:
    ours, theirs = LagRun("3a", 0), LagRun("3a", 0, library.load("gru"))
    assert np.array_equal(ours.sets[0].inputs, theirs.sets[0].inputs)
    assert theirs.train(200).cell == library.load("gru").id
