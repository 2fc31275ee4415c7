"""A trial of the random search: what it is drawn from, how it trains, and how it ends."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from msgspec.structs import replace
from scipy.stats import kstest

from archsearch.cell import library
from archsearch.compiler import Recurrent
from archsearch.studies.random_search import training
from archsearch.studies.random_search.material import Material, of_music, of_recordings
from archsearch.studies.random_search.processes import trained
from archsearch.studies.random_search.ranges import RANGES, RandomSetting, drawn_setting, places_of
from archsearch.studies.random_search.training import (
    PAPER,
    Effort,
    SearchNetwork,
    SearchTrial,
    TrialJob,
    optimiser_of,
    train_trial,
)
from archsearch.studies.recordings.recording import Recording, RecordingSet
from archsearch.tasks.music import read_music
from archsearch.tasks.task import SPLITS
from tests.helpers.tunes import COUNTS, write_tunes

VANILLA = library.load("vanilla")
QUICK = RandomSetting(8, rate=0.05, momentum=0.9, noise=0.1)


@pytest.fixture
def music(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Material:
    """Made-up music, learned by the interpreter, which has nothing to compile."""
    monkeypatch.setattr(training, "Recurrent", partial(Recurrent, engine="interpreter"))
    write_tunes(tmp_path)
    return of_music(read_music(tmp_path, "jsb_chorales", COUNTS))


def train(music: Material, effort: Effort, cell: str = "vanilla") -> SearchTrial:
    return train_trial(TrialJob(library.load(cell).text(), 0, 0, effort), music)


def give(monkeypatch: pytest.MonkeyPatch, setting: RandomSetting) -> None:
    monkeypatch.setattr(training, "drawn_setting", lambda seed, number: setting)


def test_settings_are_spread_over_the_ranges_of_the_paper() -> None:
    assert {name: (given.low, given.high) for name, given in RANGES.items()} == {
        "units": (20, 200),
        "rate": (1e-6, 1e-2),
        "momentum": (0, 0.99),
        "noise": (0, 1),
    }
    places = np.array([places_of(drawn_setting(7, number)) for number in range(1_000)])
    assert all(kstest(column, "uniform").pvalue > 1e-3 for column in places.T)
    assert RANGES["rate"].value(0.5) == pytest.approx(1e-4) and RANGES["momentum"].value(
        0.5
    ) == pytest.approx(0.9)


def test_a_setting_is_that_of_its_number_and_seed_alone() -> None:
    assert drawn_setting(1, 4) == drawn_setting(1, 4)
    assert len({drawn_setting(seed, number) for seed in (1, 2) for number in (4, 5)}) == 4


def test_all_weights_start_normal_around_their_constants(music: Material) -> None:
    network = SearchNetwork(library.load("lstm_b"), 60, music, torch.Generator().manual_seed(0))
    everything = torch.cat([weight.flatten() for weight in network.kept()])
    biases = [weight.detach() for weight in network.layer.parameters() if weight.ndim == 1]
    assert float(everything.std()) == pytest.approx(0.1, abs=0.01)
    assert sorted(round(float(bias.mean())) for bias in biases) == [0, 0, 0, 1]
    assert all(float(bias.std()) == pytest.approx(0.1, abs=0.03) for bias in biases)


def test_a_step_is_nesterovs_with_the_rate_times_one_less_momentum() -> None:
    weight, ahead, speed = torch.tensor([3.0], requires_grad=True), 3.0, 0.0
    setting = replace(QUICK, rate=0.1, momentum=0.9)
    optimiser = optimiser_of([weight], setting)
    for _ in range(5):
        optimiser.zero_grad()
        (weight**2).sum().backward()
        optimiser.step()
        slope = 2 * ahead  # the gradient is that at the place where momentum leads, w + m v
        w = ahead - 0.9 * speed
        speed = 0.9 * speed - 0.1 * (1 - 0.9) * slope
        ahead = w + speed + 0.9 * speed
    assert weight.item() == pytest.approx(ahead, rel=1e-5)


def test_a_network_that_knows_nothing_has_88_bits_a_step(music: Material) -> None:
    network = SearchNetwork(VANILLA, 5, music, torch.Generator().manual_seed(0))
    network.restore([torch.zeros_like(weight) for weight in network.weights])
    assert network.score(music.parts["test"]) == pytest.approx(88 * math.log(2))


def test_sequences_of_other_lengths_beside_it_do_not_change_what_a_sequence_costs(music: Material) -> None:
    network = SearchNetwork(VANILLA, 5, music, torch.Generator().manual_seed(1))
    examples = music.parts["train"]
    steps = [len(example.wanted) for example in examples]
    alone = [network.score([example]) for example in examples]
    assert network.score(examples) == pytest.approx(np.average(alone, weights=steps), rel=1e-6)


def test_a_trial_learns_and_is_tested_at_its_best_validation(
    music: Material, monkeypatch: pytest.MonkeyPatch
) -> None:
    give(monkeypatch, QUICK)
    trial = train(music, Effort(12, 15))
    assert trial.valid is not None and trial.test is not None
    assert trial.test < 50 < 88 * math.log(2) and not trial.diverged
    assert trial == replace(train(music, Effort(12, 15)), seconds=trial.seconds)
    assert train(music, Effort(trial.best, 15)).test == trial.test


def test_a_trial_stops_after_more_epochs_than_its_patience_without_a_better_validation(
    music: Material, monkeypatch: pytest.MonkeyPatch
) -> None:
    scores = iter([5.0, 4.0, 4.5, 4.0, 4.1, 4.2, 1.0, 9.0])
    monkeypatch.setattr(SearchNetwork, "score", lambda network, examples: next(scores))
    trial = train(music, Effort(20, 2))
    assert (trial.epochs, trial.best, trial.valid) == (5, 2, 4.0)
    assert (PAPER.epochs, PAPER.patience) == (150, 15)


@pytest.mark.parametrize("loss", ["mean", "sum"])
def test_a_trial_that_diverges_at_once_is_kept_without_a_score(
    music: Material, monkeypatch: pytest.MonkeyPatch, loss: str
) -> None:
    give(monkeypatch, replace(QUICK, rate=1e38))
    trial = train(music, Effort(4, 15, loss))  # type: ignore[arg-type]
    assert (trial.diverged, trial.best, trial.valid, trial.test) == (True, 0, None, None)


def test_a_trial_that_diverges_later_keeps_the_test_of_its_best_validation(
    music: Material, monkeypatch: pytest.MonkeyPatch
) -> None:
    give(monkeypatch, QUICK)
    whole, course = train(music, Effort(2, 15)), training._Course.epoch
    calls = []

    def epoch(self: training._Course) -> None:
        calls.append(1)
        if len(calls) == 3:
            raise training.Diverged
        course(self)

    monkeypatch.setattr(training._Course, "epoch", epoch)
    trial = train(music, Effort(9, 15))
    assert (trial.diverged, trial.epochs, trial.test) == (True, 3, whole.test)


def test_the_sum_of_the_steps_is_learned_from_in_larger_steps(
    music: Material, monkeypatch: pytest.MonkeyPatch
) -> None:
    give(monkeypatch, replace(QUICK, rate=1e-4))
    mean, summed = (train(music, Effort(1, 15, loss)) for loss in ("mean", "sum"))  # type: ignore[arg-type]
    assert mean.valid is not None and summed.valid is not None and summed.valid < mean.valid


def test_noise_is_added_to_what_is_learned_from_alone(
    music: Material, monkeypatch: pytest.MonkeyPatch
) -> None:
    give(monkeypatch, replace(QUICK, rate=1e-30, noise=1.0))
    noisy = train(music, Effort(1, 15))
    give(monkeypatch, replace(QUICK, rate=1e-30, noise=0.0))
    assert train(music, Effort(1, 15)).valid == noisy.valid
    give(monkeypatch, replace(QUICK, noise=1.0))
    disturbed = train(music, Effort(1, 15))
    give(monkeypatch, replace(QUICK, noise=0.0))
    assert train(music, Effort(1, 15)).valid != disturbed.valid


@pytest.mark.parametrize(
    "cell, square, row", [("vanilla", 4, 7), ("nog", 3, 5), ("np", 4, 4), ("fgr", 13, 7)]
)
def test_parameters_are_those_of_the_paper_and_of_the_outputs(
    music: Material, monkeypatch: pytest.MonkeyPatch, cell: str, square: int, row: int
) -> None:
    give(monkeypatch, QUICK)
    gates, n = 3 if cell == "nog" else 4, QUICK.units
    expected = gates * n * 88 + square * n * n + row * n
    assert train(music, Effort(1, 15), cell).parameters == expected + 88 * (n + 1)


@pytest.mark.slow
def test_trials_are_the_same_however_many_processes_train(
    music: Material, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "Recurrent", Recurrent)  # as in the other processes
    jobs = [TrialJob(library.load("tanh_rnn").text(), 0, number, Effort(2, 15)) for number in range(3)]
    alone, beside = (
        sorted(
            (replace(trial, seconds=0.0) for trial in trained(jobs, music, workers)), key=lambda t: t.number
        )
        for workers in (1, 2)
    )
    assert alone == beside


# -- speech and handwriting -----------------------------------------------------------------------------------------


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], Material]:
    """Made-up recordings: which of three signals is on is the label of a frame, or the next symbol of a text."""
    monkeypatch.setattr(training, "Recurrent", partial(Recurrent, engine="interpreter"))
    rng = np.random.default_rng(0)

    def recording(is_text: bool) -> Recording:
        text = rng.integers(3, size=4)
        frames = np.repeat(text, 3)
        return Recording(
            "made up", np.eye(3)[frames] + 0.1 * rng.normal(size=(12, 3)), text if is_text else frames
        )

    def material(is_text: bool) -> Material:
        parts = {split: tuple(recording(is_text) for _ in range(12)) for split in SPLITS}
        return of_recordings(
            "iam_ondb" if is_text else "timit", RecordingSet("", tuple("abc"), is_text, parts, {})
        )

    return material


def test_frames_are_classified_from_both_sides(
    recorded: Callable[[bool], Material], monkeypatch: pytest.MonkeyPatch
) -> None:
    give(monkeypatch, replace(QUICK, rate=0.3))
    frames = recorded(False)
    network = SearchNetwork(VANILLA, 5, frames, torch.Generator().manual_seed(0))
    inputs = torch.zeros(6, 1, 3)
    late = inputs.clone()
    late[-1] = 1
    assert not torch.equal(network.outputs(inputs)[0], network.outputs(late)[0]), (
        "the layer reads backwards, too"
    )
    trial = train(frames, Effort(8, 15))
    assert (
        frames.outputs == 3 and trial.test is not None and trial.test < 0.1 and trial.data == frames.checksum
    )


def test_a_text_is_learned_without_knowing_where_its_characters_are(
    recorded: Callable[[bool], Material], monkeypatch: pytest.MonkeyPatch
) -> None:
    give(monkeypatch, replace(QUICK, rate=0.1))
    texts = recorded(True)
    trial = train(texts, Effort(25, 25, "sum"))
    assert texts.outputs == 4 and trial.test is not None and trial.test < 0.5


def test_the_checksum_is_that_of_inputs_and_labels() -> None:
    rng = np.random.default_rng(0)
    ones = [Recording("made up", rng.normal(size=(6, 3)), np.arange(6) % 3) for _ in SPLITS]

    def checksum(*labels: int) -> str:
        first = dataclasses.replace(ones[0], labels=np.array(labels))
        parts = dict(zip(SPLITS, ((one,) for one in (first, *ones[1:])), strict=True))
        return of_recordings("timit", RecordingSet("", tuple("abc"), False, parts, {})).checksum

    assert checksum(0, 1, 2, 0, 1, 2) == checksum(0, 1, 2, 0, 1, 2) != checksum(0, 1, 2, 0, 1, 1)


def test_scores_are_called_by_what_is_learned(recorded: Callable[[bool], Material]) -> None:
    assert {recorded(True).goal.score, recorded(False).goal.score} == {
        "edits a character",
        "share of wrong frames",
    }
