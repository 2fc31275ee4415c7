"""Trials on tasks of real numbers, and on those with one target at the end of a sequence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from archsearch.cell import library
from archsearch.compiler.engines import default_engine
from archsearch.protocol.records import Outcome, Trial
from archsearch.protocol.settings import Setting
from archsearch.tasks import load
from archsearch.tasks.task import TOLERANCE
from archsearch.training import Streams, run_trial
from archsearch.training.model import Model
from archsearch.training.torch_learner import TorchLearner
from tests.helpers.sources import ROOT

GRU = library.load("gru")
SETTING = Setting("adamw", 0.02, 5.0, 1.0, 1, 1_000)


def trial(task: str, **changes: Any) -> Outcome:
    """Return the outcome of a short trial of the GRU."""
    of: dict[str, Any] = {"steps": 2, "epoch_steps": 2, "engine": "reference", "measure": load(task).measure}
    record = Trial(
        cell=GRU.id,
        task=task,
        setting=SETTING,
        seed=0,
        init_draw=0,
        batch=10,
        unroll=35,
        validation=2,
        data="",
        machine="test",
        **{**of, **changes},
    )
    return run_trial(record, GRU, Streams(load(task), "cpu"))


def model_and_batch() -> tuple[Model, Any]:
    model = Model(GRU, 2, 8, SETTING, torch.Generator().manual_seed(0))
    return model, next(Streams(load("adding:small"), "cpu").take("valid", 0, 5, 35, 1))


def test_the_score_of_real_targets_is_the_mean_squared_error_of_the_scored_positions() -> None:
    model, batch = model_and_batch()
    right, squared = TorchLearner(model, SETTING, 5, "mse").evaluate([batch])[0]
    outputs, _ = model(batch.inputs, None, batch.reset)
    last = outputs.detach().reshape(-1, 2)[batch.scored, 0]
    errors = (last - batch.targets[:, 0]).numpy()
    assert len(errors) == 5 and batch.targets.shape == (5, 1)
    assert squared == pytest.approx(np.square(errors).sum(), rel=1e-5)
    assert right == (abs(errors) < TOLERANCE).sum()


def test_real_inputs_are_read_by_a_matrix_that_learns() -> None:
    model, batch = model_and_batch()
    outputs, _ = model(batch.inputs, None, batch.reset)
    expected, _ = model.layers(batch.inputs @ model.embedding, None, reset=batch.reset)
    assert torch.equal(outputs, torch.nn.functional.linear(expected, model.weight, model.bias))
    before = model.embedding.detach().clone()
    TorchLearner(model, SETTING, 5, "mse").train([batch], [0.1])
    assert not torch.equal(model.embedding, before)


def test_a_trial_on_real_numbers_is_scored_by_the_squared_error_and_gives_the_same_bits_again() -> None:
    outcome = trial("adding:small")
    assert outcome.status == "done" and outcome.score == outcome.nll == outcome.curve[-1].nll
    assert trial("adding:small").curve == outcome.curve


@pytest.mark.parametrize("engine", [default_engine("cpu"), "stacked"])
def test_every_engine_trains_on_real_numbers(engine: str) -> None:
    ours, reference = trial("adding:small", engine=engine), trial("adding:small")
    assert ours.score == pytest.approx(reference.score, rel=1e-4)


@pytest.mark.slow
def test_the_gru_learns_the_order_of_two_symbols() -> None:
    outcome = trial("order:small", steps=300, epoch_steps=100, engine=default_engine("cpu"))
    assert outcome.score is not None and outcome.score > 0.95


def test_a_series_is_learned_beyond_its_last_value(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(
        tmp_path
    )  # the initial weights are those of the task's name: no path of this machine is in it
    steps = np.arange(1_500)
    np.savetxt("waves.csv", np.stack((np.sin(steps / 3), np.cos(steps / 3)), axis=1), delimiter=",")
    outcome = trial("series:waves.csv", steps=400, epoch_steps=200, engine=default_engine("cpu"))
    assert outcome.score is not None and outcome.score < load("series:waves.csv").floor / 3


def test_a_series_whose_noise_changes_is_told_with_its_variance(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    rng, rows = np.random.default_rng(1), 3_000
    is_rough = (
        np.arange(rows + 1) // 6 % 2
    )  # of the next row: what comes has no mean that is known, only a variance
    noise = np.where(is_rough, 2.0, 0.2) * rng.standard_normal(rows + 1)
    np.savetxt("noise.csv", np.stack((noise[:-1], is_rough[1:]), axis=1), delimiter=",")
    task = "series:noise.csv?target=1&loss=nll"
    outcome = trial(task, steps=150, epoch_steps=50, engine=default_engine("cpu"))
    known = 0.5 * np.log((2.0**2 + 0.2**2) / 2) - 0.5 * np.log(
        2.0 * 0.2
    )  # what it gains who knows the variance, 0.81
    assert outcome.score is not None and outcome.score < load(task).floor - 0.75 * known
    assert trial(task, steps=150, epoch_steps=50, engine=default_engine("cpu")).curve == outcome.curve


def test_a_user_s_own_task_of_real_numbers_is_learned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT / "tests" / "tasks")
    task = "smoothing.py:Smoothing"
    outcome = trial(task, steps=120, epoch_steps=120, engine=default_engine("cpu"))
    assert outcome.score is not None and outcome.score < load(task).floor / 3
