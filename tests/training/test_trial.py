"""One trial: a pure function of its record."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from typing import Any

import pytest
import torch
from msgspec.structs import replace
from torch import nn

from archsearch.cell import Cell, library
from archsearch.errors import InputError
from archsearch.protocol.loading import load_preset
from archsearch.protocol.plan import PlannedTask, RunPlan, TaskFacts
from archsearch.protocol.records import Outcome, Trial
from archsearch.protocol.settings import Setting
from archsearch.tasks import load
from archsearch.training import Streams, run_trial
from archsearch.training import loop as module
from archsearch.training.learner import Failure
from archsearch.training.loop import TrainingLoop
from archsearch.training.model import Model
from archsearch.training.progress import TrialProgress
from archsearch.training.torch_learner import TorchLearner
from archsearch.training.windows import Batch
from tests.helpers.plans import GRU, run_plan

SETTING = Setting("adamw", 0.01, 5.0, 1.0, 1, 3_000)
LIBRARY = {library.load(name).id: library.load(name) for name in library.names()}


@cache
def streams(task: str) -> Streams:
    return Streams(load(task), "cpu")


def record(**changes: Any) -> Trial:
    """Return a short trial of the GRU on arithmetic."""
    short = Trial(
        cell=GRU,
        task="arithmetic:small",
        setting=SETTING,
        seed=0,
        init_draw=0,
        measure="accuracy",
        steps=7,
        epoch_steps=3,
        batch=4,
        unroll=12,
        validation=3,
        data="",
        engine="reference",
        machine="test",
    )
    return replace(short, **changes)


def run(trial: Trial, cell: Cell | None = None) -> Outcome:
    """Return its outcome without the time it took."""
    return replace(run_trial(trial, cell or LIBRARY[trial.cell], streams(trial.task)), seconds=0.0)


def begin(trial: Trial, cell: Cell | None = None) -> tuple[TrainingLoop, TorchLearner]:
    """Return a trial's loop before its first step, and what takes the steps."""
    cell, data = cell or LIBRARY[trial.cell], streams(trial.task)
    loop = TrainingLoop([TrialProgress(trial, cell, data.task.symbols)], cell, data)
    assert isinstance(loop.learner, TorchLearner)
    return loop, loop.learner


def plain_outcome() -> Outcome:
    return run(record())


# -- pure -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "setting", [SETTING, replace(SETTING, layers=2, dropout=0.3), replace(SETTING, optimiser="sgd")]
)
def test_a_trial_gives_the_same_bits_each_time(setting: Setting) -> None:
    trial = record(setting=setting)
    first = run(trial)
    run(record(seed=5))
    torch.manual_seed(123)
    assert run(trial) == first
    fresh = run_trial(trial, library.load("gru"), Streams(load(trial.task), "cpu"))
    assert replace(fresh, seconds=0.0) == first


@pytest.mark.parametrize(
    "changes",
    [
        {"init_draw": 1},
        {"seed": 1},
        {"setting": replace(SETTING, rate=0.02)},
        {"setting": replace(SETTING, clip=1e-3)},
        {"setting": replace(SETTING, scale=1.4)},
        {"setting": replace(SETTING, dropout=0.1)},
        {"setting": replace(SETTING, optimiser="sgd")},
        {"cell": library.load("mut3").id},
        {"task": "arithmetic:medium"},
    ],
    ids=str,
)
def test_whatever_the_record_says_changes_the_bits(changes: dict[str, Any]) -> None:
    assert run(record(**changes)).curve != plain_outcome().curve


@pytest.mark.parametrize(
    "changes",
    [{"data": "x"}, {"engine": "reference 9 (elsewhere)"}, {"machine": "x"}, {"protocol": 9}],
    ids=str,
)
def test_facts_about_the_machine_name_the_bits_but_do_not_make_them(changes: dict[str, Any]) -> None:
    assert run(record(**changes)) == plain_outcome()


def test_an_engine_that_is_not_known_is_refused_and_never_replaced() -> None:
    with pytest.raises(
        InputError, match="no engine 'compiled 2'; it must be one of interpreter, native, stacked"
    ):
        run(record(engine="compiled 2"))


def test_two_texts_of_one_cell_train_to_the_same_bits() -> None:
    text = "cell other(x, s):\n"
    text += "    gate = sigmoid(linear(s, bias=none) + linear(x))\n    keep = sigmoid(linear(s, bias=none) + linear(x))\n"
    text += "    new = tanh(linear(s * gate, bias=none) + linear(x))\n    s' = (s - new) * keep + new\n"
    other = Cell.parse(text)
    assert other.id == GRU
    for setting in (SETTING, replace(SETTING, layers=2, dropout=0.2)):
        assert run(record(setting=setting), other) == run(record(setting=setting))


def test_the_data_of_one_seed_are_shared_by_all_cells_settings_and_draws(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[list[Any]] = []

    def train(self: Any, batches: Sequence[Batch], rates: Sequence[float | None]) -> dict[int, Failure]:
        seen[-1].extend(batches)
        return inner(self, batches, rates)

    inner = TorchLearner.train
    monkeypatch.setattr(TorchLearner, "train", train)
    for changes in (
        {},
        {"cell": library.load("lstm").id},
        {"setting": replace(SETTING, rate=1.0)},
        {"init_draw": 3},
        {"seed": 1},
    ):
        seen.append([])
        run(record(**changes))
    assert [len(batches) for batches in seen] == [7] * 5
    for others in seen[1:4]:
        assert all(
            torch.equal(one.inputs, other.inputs) and torch.equal(one.targets, other.targets)
            for one, other in zip(seen[0], others, strict=True)
        )
    assert not torch.equal(seen[0][0].inputs, seen[4][0].inputs)


def test_the_initial_weights_are_those_of_the_record(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same for the same record, others for another seed, draw, setting or task; within the bound."""
    found = {}
    for name, changes in {
        "plain": {},
        "again": {},
        "seed": {"seed": 1},
        "draw": {"init_draw": 1},
        "rate": {"setting": replace(SETTING, rate=0.02)},
        "scale": {"setting": replace(SETTING, scale=2.0)},
    }.items():
        loop, learner = begin(record(**changes))
        found[name] = [weight.detach().clone() for weight in learner.weights]
        bound = loop.trial.setting.scale / math.sqrt(loop.lanes[0].width)
        for weight in found[name]:
            assert weight.dim() == 1 and not weight.any() or 0.5 * bound < weight.abs().max() <= bound
    assert all(map(torch.equal, found["plain"], found["again"]))
    for other in ("seed", "draw", "rate", "scale"):
        assert not torch.equal(found["plain"][0], found[other][0])


@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_torchs_own_generator_is_left_alone(dropout: float) -> None:
    torch.manual_seed(7)
    before = torch.random.get_rng_state()
    run(record(setting=replace(SETTING, dropout=dropout, layers=2)))
    assert torch.equal(torch.random.get_rng_state(), before)


# -- curve and score ------------------------------------------------------------------------------------------------


def test_the_curve_has_a_point_every_epoch_and_at_the_end() -> None:
    assert [point.step for point in run(record(steps=7, epoch_steps=3)).curve] == [3, 6, 7]
    assert [point.step for point in run(record(steps=6, epoch_steps=3)).curve] == [3, 6]
    assert [point.step for point in run(record(steps=2, epoch_steps=50)).curve] == [2]


def test_a_longer_trial_begins_as_a_shorter_one() -> None:
    assert run(record(steps=9)).curve[:2] == run(record(steps=6)).curve


@pytest.mark.parametrize("measure", ["accuracy", "nll"])
def test_the_score_is_the_best_validation_by_the_measure(measure: str) -> None:
    outcome = run(record(measure=measure, steps=30, epoch_steps=2, setting=replace(SETTING, rate=0.3)))
    points = [getattr(point, measure) for point in outcome.curve]
    best = max(points) if measure == "accuracy" else min(points)
    assert outcome.status == "done" and outcome.score == best == getattr(outcome, measure)
    at = points.index(best)
    assert outcome.best_step == outcome.curve[at].step, "the earliest of equals"
    assert (outcome.accuracy, outcome.nll) == (outcome.curve[at].accuracy, outcome.curve[at].nll)
    assert at < len(points) - 1, "this trial is made to be best before its end"


def test_the_test_score_is_taken_at_the_best_step() -> None:
    """A trial that ends at the best step of a longer one has its test score."""
    longer = run(record(steps=30, epoch_steps=2, setting=replace(SETTING, rate=0.1)))
    shorter = run(record(steps=longer.best_step, epoch_steps=2, setting=replace(SETTING, rate=0.1)))
    assert shorter.best_step == longer.best_step < 30
    assert (shorter.test_accuracy, shorter.test_nll) == (longer.test_accuracy, longer.test_nll)
    assert longer.test_accuracy is not None and longer.test_accuracy != longer.accuracy


def test_validation_starts_from_zero_states_and_counts_scored_positions_only() -> None:
    trial = record(steps=1, epoch_steps=1)
    loop, learner = begin(trial)
    state, right, loss, count = None, 0, 0.0, 0
    for batch in streams(trial.task).take("valid", 0, 4, 12, 3):
        logits, state = learner.model(batch.inputs, state, None)
        flat = logits.flatten(0, 1)
        assert batch.scored is not None
        for position, target in zip(batch.scored.tolist(), batch.targets.tolist(), strict=True):
            logs = flat[position].log_softmax(0)
            right, loss, count = (
                right + int(logs.argmax() == target),
                loss - float(logs[target].detach()),
                count + 1,
            )
    ((accuracy, nll),) = loop.evaluate("valid")
    assert accuracy == right / count and nll == pytest.approx(loss / count, rel=1e-5)
    assert learner.model.training


def test_a_filter_trial_ends_at_the_first_validation_that_is_good_enough() -> None:
    whole = run(record(steps=30, epoch_steps=2))
    wanted = sorted({point.accuracy for point in whole.curve})[len(whole.curve) // 3]
    stopped = run(record(steps=30, epoch_steps=2, stop_at=wanted))
    first = next(i for i, point in enumerate(whole.curve) if point.accuracy >= wanted)
    assert stopped.curve == whole.curve[: first + 1]
    assert stopped.steps == whole.curve[first].step and stopped.score == whole.curve[first].accuracy
    assert stopped.test_accuracy is None and stopped.test_nll is None


def test_a_schedule_ends_a_trial_and_sets_its_rates(monkeypatch: pytest.MonkeyPatch) -> None:
    rates = []

    def validate(self: Any) -> None:
        rates.append(self.learner.optimiser.param_groups[0]["lr"])
        inner(self)

    inner = TrainingLoop.validate
    monkeypatch.setattr(TrainingLoop, "validate", validate)
    monkeypatch.setattr(
        TrialProgress, "quality", lambda self, point: 0.0
    )  # only the first one is the best so far
    outcome = run(record(steps=100, epoch_steps=1, schedule="halving", setting=replace(SETTING, rate=0.8)))
    assert rates == [0.8, 0.8, 0.8, 0.8, 0.4, 0.2, 0.1, 0.05]
    assert outcome.steps == 8 and outcome.status == "done"


# -- divergence -----------------------------------------------------------------------------------------------------

EXPLODING = Cell.parse("cell exploding(x, h):\n    h' = exp(exp(linear(x) + linear(h) + 3))\n")


def test_a_loss_that_is_not_finite_is_recorded_with_step_and_value() -> None:
    outcome = run(record(cell=EXPLODING.id), EXPLODING)
    assert outcome.status == "diverged" and outcome.score is None and outcome.reason == "loss nan at step 1"
    assert outcome.curve == () and outcome.test_accuracy is None and outcome.units >= 8


def test_a_trial_that_diverges_late_has_its_curve_but_no_score() -> None:
    grows = Cell.parse(
        "cell grows(x, h):\n    h' = linear(x) + 3 * h\n"
    )  # its carried state grows 3^12-fold a window
    outcome = run(record(cell=grows.id, steps=50, epoch_steps=1), grows)
    assert outcome.status == "diverged" and outcome.score is None
    assert len(outcome.curve) > 0 and len(outcome.curve) <= outcome.steps < 50
    assert outcome.reason.endswith((f"at step {outcome.steps + 1}", f"at step {outcome.steps}"))


def test_a_rate_of_a_million_is_an_outcome_whatever_becomes_of_it() -> None:
    for optimiser in ("adamw", "sgd"):
        outcome = run(record(setting=replace(SETTING, rate=1e6, optimiser=optimiser), steps=20))
        assert outcome.status in ("diverged", "done")
        assert (outcome.score is None) == (outcome.status == "diverged") == bool(outcome.reason)
        assert outcome.score is None or math.isfinite(outcome.score)


def test_a_gradient_that_is_not_finite_is_recorded_though_the_loss_is() -> None:
    steep = Cell.parse(
        "cell steep(x, h):\n    h' = tanh(linear(x) + linear(h)) * sigmoid(1 / (0 * linear(x)))\n"
    )
    outcome = run(record(cell=steep.id), steep)
    assert (outcome.status, outcome.reason, outcome.steps) == ("diverged", "gradient norm nan at step 1", 0)


# -- loss, width ----------------------------------------------------------------------------------------------------


def test_the_loss_is_the_sum_over_scored_positions_divided_by_the_batch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    trial = record(setting=replace(SETTING, optimiser="sgd", rate=1.0, clip=1e9))
    _, learner = begin(trial)
    before = learner.model.bias.detach().clone()
    batch = next(streams(trial.task).take("train", 0, 4, 12, 1))
    logits, _ = learner.model(batch.inputs, None, None)
    assert batch.scored is not None
    probabilities = logits.flatten(0, 1)[batch.scored].softmax(1)
    expected = probabilities - nn.functional.one_hot(batch.targets, 40)
    learner.train([batch], [1.0])
    assert torch.allclose(before - learner.model.bias, expected.sum(0) / 4, atol=1e-5)


def test_the_gradient_is_clipped_by_its_global_norm() -> None:
    trial = record(setting=replace(SETTING, optimiser="sgd", rate=1.0, clip=0.01))
    _, learner = begin(trial)
    before = [weight.detach().clone() for weight in learner.weights]
    learner.train(list(streams(trial.task).take("train", 0, 4, 12, 1)), [1.0])
    moved = sum(float((b - w.detach()).square().sum()) for b, w in zip(before, learner.weights, strict=True))
    assert math.sqrt(moved) == pytest.approx(0.01, rel=1e-3)


def test_states_are_carried_over_between_windows_and_cut_from_their_past() -> None:
    trial = record()
    _, learner = begin(trial)
    learner.train(list(streams(trial.task).take("train", 0, 4, 12, 1)), [0.01])
    assert learner.state.abs().sum() > 0 and not learner.state.requires_grad


@pytest.mark.parametrize("name", library.names())
@pytest.mark.parametrize("layers", [1, 2])
def test_parameters_are_within_the_budget_and_counted_right(name: str, layers: int) -> None:
    trial = record(cell=library.load(name).id, setting=replace(SETTING, layers=layers, budget=6_000))
    loop, learner = begin(trial, library.load(name))
    counted = sum(weight.numel() for weight in learner.model.parameters())
    assert counted == loop.lanes[0].parameters <= 6_000
    wider = Model(library.load(name), 40, loop.lanes[0].width + 1, trial.setting, torch.Generator())
    assert sum(weight.numel() for weight in wider.parameters()) > 6_000


def test_dropout_is_between_the_layers_and_before_the_output() -> None:
    model = Model(
        LIBRARY[GRU], 10, 8, replace(SETTING, layers=2, dropout=0.5), torch.Generator().manual_seed(0)
    )
    assert (model.layers.dropout, model.dropout.p) == (0.5, 0.5)
    x = torch.zeros(3, 2, dtype=torch.long)
    assert not torch.equal(model(x, None, None)[0], model(x, None, None)[0])
    model.eval()
    assert torch.equal(model(x, None, None)[0], model(x, None, None)[0])
    Model(
        LIBRARY[GRU], 10, 8, replace(SETTING, dropout=0.5), torch.Generator()
    )  # one layer: without a warning


def test_a_trial_gives_signs_of_life_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[int] = []
    run_trial(record(), LIBRARY[GRU], streams("arithmetic:small"), told.append)
    assert told == []
    monkeypatch.setattr(module, "PULSE", 0.0)
    run_trial(record(), LIBRARY[GRU], streams("arithmetic:small"), told.append)
    assert told == [1, 2, 3, 4, 5, 6, 7]


def test_the_gru_passes_the_filter_of_quick() -> None:
    _, quick = load_preset("quick")
    task = load(quick.filter.task)
    facts = TaskFacts(task.name, task.symbols, "accuracy", task.floor, 1.0, 0.5, task.checksum)
    plan = RunPlan(
        preset_name="quick",
        preset=quick,
        strategy="jozefowicz",
        space=run_plan().space,
        seed=0,
        tasks=(PlannedTask("", facts, quick.own),),
        filter=facts,
        engine="reference 1",
        machine="",
    )
    settings = [
        setting for tries in range(quick.filter.tries) if (setting := plan.filter_setting(GRU, tries))
    ]
    outcomes = []
    for setting in settings:
        outcomes.append(run_trial(plan.filter_trial(GRU, setting), LIBRARY[GRU], streams(task.name)))
        if (outcomes[-1].score or 0) >= 0.95:
            break
    assert (outcomes[-1].score or 0) >= 0.95, [
        (str(s), o.score) for s, o in zip(settings, outcomes, strict=False)
    ]
    assert len(outcomes) <= 2
