"""The native training step against torch's: losses, gradients, weights, evaluation; and that its bits hold still."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest
import torch
from torch import Tensor, nn

from archsearch.cell import Cell, library
from archsearch.compiler.engines import default_engine
from archsearch.protocol.settings import Setting
from archsearch.tasks import load
from archsearch.training import Streams
from archsearch.training.learner import Failure
from archsearch.training.model import Model
from archsearch.training.native.model import NativeModel
from archsearch.training.torch_learner import TorchLearner
from archsearch.training.update import UpdateRule
from archsearch.training.windows import Batch

pytestmark = pytest.mark.skipif(default_engine() != "native", reason="needs a C++ compiler")

SETTING = Setting("adamw", 0.01, 1.0, 1.0, 1, 0)
UNCLIPPED = Setting("adamw", 0.01, 1e9, 1.0, 1, 0)
"""Torch clips the gradient itself; the native step only what it adds."""
MUTANTS = {
    "turned": "cell turned(x, h):\n    r = sigmoid(linear(x) + linear(h, bias=none))\n"
    "    n = tanh(linear(x) + linear(r * h))\n    h' = n + r * (h + n)\n",
    "raw": "cell raw(x, h):\n    h' = tanh(x + linear(h, bias=1))\n",
    "both": "cell both(x, h, c):\n    c' = relu(linear(x) * x) + 0.5 * c\n"
    "    h' = tanh(linear(c') + linear(linear(x)) + x * h)\n",
    "stopped": "cell stopped(x, h, c):\n    c' = tanh(linear(c) + linear(x))\n"
    "    h' = tanh(linear(stop(x * c')) + linear(h))\n",
    "shared": "cell shared(x, h):\n    a = linear(h)\n    q = tanh(linear(x, like=a'))\n"
    "    r = sigmoid(linear(x) + linear(h * q, like=a, bias=none))\n    h' = tanh(linear(r * h, like=a')) * r + q\n",
    "short": "cell short(x, h):\n    g = tanh(linear(x))\n    h' = linear(g) + max(g, linear(x))\n",
}
CELLS = ("gru", "lstm", "mut1", "mut2", "mingru", "mgu", *MUTANTS)


def cell_of(name: str) -> Cell:
    return Cell.parse(MUTANTS[name]) if name in MUTANTS else library.load(name)


@cache
def windows(task: str, count: int, batch: int = 3, unroll: int = 9, split: str = "train") -> list[Batch]:
    return list(Streams(load(task), "cpu").take(split, 0, batch, unroll, count))


def random_windows(symbols: int, count: int, batch: int, unroll: int) -> list[Batch]:
    generator = torch.Generator().manual_seed(1)
    drawn = torch.randint(symbols, (count, 2, unroll, batch), generator=generator)
    return [Batch(inputs, targets.flatten(), None, None) for inputs, targets in drawn]


def pair(
    cell: Cell,
    symbols: int,
    batch: int,
    setting: Setting = SETTING,
    n: int = 13,
    dtype: torch.dtype = torch.float64,
) -> tuple[TorchLearner, NativeModel]:
    """Return the same model twice."""
    model = Model(cell, symbols, n, setting, torch.Generator().manual_seed(0)).to(dtype)
    native = NativeModel(cell, symbols, n, setting.layers, batch, dtype)
    native.load(dict(model.named_parameters()))
    return TorchLearner(model, setting, batch, "nll"), native


def optimiser(setting: Setting = SETTING) -> UpdateRule:
    return UpdateRule(adaptive=setting.optimiser == "adamw", rate=setting.rate, clip=setting.clip)


def farthest(learner: TorchLearner, native: NativeModel, gradients: bool = False) -> float:
    """Return the largest difference of a weight, or of a gradient relative to its tensor's largest."""
    found = 0.0
    for name, weight in learner.model.named_parameters():
        if not gradients:
            found = max(found, float((native.parameters[name] - weight.detach()).abs().max()))
        elif weight.grad is not None:
            off = (native.gradients[name] - weight.grad).abs().max() / weight.grad.abs().max().clamp(
                min=1e-30
            )
            found = max(found, float(off))
    return found


def train_both(
    learner: TorchLearner, native: NativeModel, batches: list[Batch], setting: Setting = SETTING
) -> None:
    assert learner.train(batches, [setting.rate]) == {}
    losses, failure = native.train(batches, optimiser(setting))
    assert failure is None and len(losses) == len(batches) and native.steps == learner.steps


# -- equal to torch, in float64 -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CELLS)
def test_twenty_steps_in_double_precision_end_at_torchs_weights(name: str) -> None:
    batches = windows("xml:small", 20)
    learner, native = pair(cell_of(name), 9, 3)
    train_both(learner, native, batches)
    assert farthest(learner, native) < 1e-10


@pytest.mark.parametrize("layers", [2, 3])
@pytest.mark.parametrize("name", ["gru", "both", "stopped"])
@pytest.mark.parametrize("task", ["memorization:small", "arithmetic:small"])
def test_layers_resets_and_partial_scoring_are_those_of_torch(name: str, layers: int, task: str) -> None:
    setting = replace_setting(layers=layers)
    batches = windows(task, 10)
    assert batches[0].scored is not None and (batches[0].reset is not None) == (task == "memorization:small")
    learner, native = pair(cell_of(name), load(task).symbols, 3, setting)
    train_both(learner, native, batches, setting)
    assert farthest(learner, native) < 1e-10


@pytest.mark.parametrize("clip", [1e-3, 1.0, 1e9])
@pytest.mark.parametrize("name", ["adamw", "sgd"])
def test_optimisers_and_the_clip_are_torchs(name: str, clip: float) -> None:
    setting = replace_setting(optimiser=name, clip=clip, rate=0.1)
    learner, native = pair(cell_of("gru"), 9, 3, setting)
    train_both(learner, native, windows("xml:small", 20), setting)
    assert farthest(learner, native) < 1e-10


def test_rates_may_change_between_calls() -> None:
    learner, native = pair(cell_of("gru"), 9, 3)
    for rate in (0.03, 0.01, 0.003):
        train_both(learner, native, windows("xml:small", 5), replace_setting(rate=rate))
    assert farthest(learner, native) < 1e-10


def test_a_shorter_window_may_come_between() -> None:
    whole = windows("xml:small", 3, unroll=12)
    short = replace(whole[1], inputs=whole[1].inputs[:5], targets=whole[1].targets[:15])
    learner, native = pair(cell_of("lstm"), 9, 3)
    for batches in ([whole[0]], [short, whole[2]]):
        train_both(learner, native, batches)
    assert farthest(learner, native) < 1e-10


@pytest.mark.parametrize(
    ("symbols", "batch", "unroll", "n"),
    [(10_000, 20, 9, 8), (10_000, 2, 3, 8), (130, 20, 60, 5), (1, 2, 3, 8)],
)
def test_any_alphabet_and_many_rows(symbols: int, batch: int, unroll: int, n: int) -> None:
    """Several slabs of symbols and several blocks of rows, and neither whole."""
    batches = random_windows(symbols, 2, batch, unroll)
    learner, native = pair(cell_of("gru"), symbols, batch, UNCLIPPED, n=n)
    train_both(learner, native, batches, UNCLIPPED)
    assert farthest(learner, native) < 1e-10 and farthest(learner, native, gradients=True) < 1e-9


def test_a_window_without_a_scored_position_has_no_gradient() -> None:
    batch = windows("arithmetic:small", 1)[0]
    nothing = replace(batch, targets=batch.targets[:0], scored=torch.zeros(0, dtype=torch.long))
    learner, native = pair(cell_of("gru"), 40, 3)
    train_both(learner, native, [batch, nothing, batch])
    assert farthest(learner, native) < 1e-10


# -- float32 --------------------------------------------------------------------------------------------------------


def test_a_cell_may_learn_nothing_itself() -> None:
    bare = Cell.parse("cell bare(x, h):\n    h' = tanh(x + 0.5 * h)\n")
    learner, native = pair(bare, 9, 3, UNCLIPPED, dtype=torch.float32)
    train_both(learner, native, windows("xml:small", 2), UNCLIPPED)
    assert farthest(learner, native, gradients=True) < 2e-5


@pytest.mark.parametrize("name", ["gru", "lstm", "mut1"])
def test_losses_and_gradients_in_single_precision_are_torchs_to_rounding(name: str) -> None:
    """Sums of a few hundred float32 products of both signs: an error of some 1e-6 of the tensor's largest entry."""
    setting = replace_setting(optimiser="sgd", layers=2, clip=1e9, rate=1e-3)
    batches = windows("english:small", 2, 20, 35)
    learner, native = pair(cell_of(name), load("english:small").symbols, 20, setting, 33, torch.float32)
    train_both(learner, native, batches, setting)
    assert farthest(learner, native, gradients=True) < 2e-5
    assert farthest(learner, native) < 1e-6


def test_twenty_single_precision_steps_stay_near_torchs() -> None:
    """AdamW divides by the gradient's size, so where it is near 0 rounding shows: a part of the rate, never many rates."""
    batches = windows("xml:small", 20, 20, 35)
    learner, native = pair(cell_of("gru"), 9, 20, SETTING, 39, torch.float32)
    expected = [float(loss(learner, batch)) for batch in batches]
    learner, _ = pair(cell_of("gru"), 9, 20, SETTING, 39, torch.float32)
    learner.train(batches, [SETTING.rate])
    losses, _ = native.train(batches, optimiser())
    assert losses == pytest.approx(expected, rel=1e-5)
    assert farthest(learner, native) < 0.1 * SETTING.rate


def loss(learner: TorchLearner, batch: Batch) -> Tensor:
    """Return the loss of a window, and train on it."""
    with torch.no_grad():
        logits, _ = learner.model(batch.inputs, learner.state, batch.reset)
    learner.train([batch], [SETTING.rate])
    return nn.functional.cross_entropy(logits.flatten(0, 1), batch.targets, reduction="sum") / learner.batch


# -- evaluation -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("task", ["xml:small", "english:small", "memorization:small"])
def test_an_evaluation_is_torchs_and_leaves_training_where_it_was(task: str) -> None:
    symbols = load(task).symbols
    held = windows(task, 4, split="valid")
    learner, native = pair(cell_of("gru"), symbols, 3)
    train_both(learner, native, windows(task, 6)[:3])
    right, nll = native.evaluate(held)
    count = sum(len(batch.targets) for batch in held)
    ((torchs_right, torchs_nll),) = learner.evaluate(held)
    assert right == torchs_right and nll / count == pytest.approx(torchs_nll / count, abs=1e-10)
    train_both(learner, native, windows(task, 6)[3:])
    assert farthest(learner, native) < 1e-10


@pytest.mark.parametrize("symbols", [9, 300])
def test_the_first_of_equal_logits_is_the_guess(symbols: int) -> None:
    batches = random_windows(symbols, 2, 20, 9)
    _, native = pair(cell_of("gru"), symbols, 20)
    native.flat.zero_()
    assert native.evaluate(batches)[0] == sum(int((batch.targets == 0).sum()) for batch in batches)
    native.parameters["bias"][[5, symbols - 1]] = 1.0
    assert native.evaluate(batches)[0] == sum(int((batch.targets == 5).sum()) for batch in batches)


# -- bits -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stretch", [1, 3, 20])
def test_the_bits_do_not_depend_on_the_steps_of_a_call(stretch: int) -> None:
    batches = windows("xml:small", 20)
    _, once = pair(cell_of("mut1"), 9, 3, dtype=torch.float32)
    once.train(batches, optimiser())
    _, other = pair(cell_of("mut1"), 9, 3, dtype=torch.float32)
    other.train(
        random_windows(9, 1, 3, 30), UpdateRule(adaptive=False, rate=0.0, clip=1.0)
    )  # used memory, and longer windows before
    _, fresh = pair(cell_of("mut1"), 9, 3, dtype=torch.float32)
    fresh.buffers, fresh.model.T = other.buffers, 0
    for start in range(0, 20, stretch):
        fresh.train(batches[start : start + stretch], optimiser())
    assert torch.equal(once.flat, fresh.flat) and torch.isfinite(once.flat).all()


# -- what is not finite ---------------------------------------------------------------------------------------------


def test_a_step_that_fails_is_named_and_leaves_the_weights() -> None:
    _, native = pair(cell_of("gru"), 9, 3)
    batches = windows("xml:small", 5)
    native.train(batches[:2], optimiser())
    before = native.flat.clone()
    native.parameters["layers.weight_h7_l0"][0, 0] = float("nan")
    losses, failure = native.train(batches[2:], optimiser())
    assert failure == "loss nan at step 3" and len(losses) == 1 and native.steps == 2
    native.parameters["layers.weight_h7_l0"][0, 0] = before[0]
    assert not torch.isnan(native.flat).any()


@pytest.mark.parametrize("value", [float("inf"), float("-inf"), float("nan")])
@pytest.mark.parametrize("symbols", [9, 300])
def test_a_logit_that_is_not_finite_makes_the_loss_so(value: float, symbols: int) -> None:
    batches = random_windows(symbols, 1, 3, 9)
    batches[0].targets[4] = symbols - 1
    learner, native = pair(cell_of("gru"), symbols, 3, dtype=torch.float32)
    native.parameters["bias"][symbols - 1] = value
    with torch.no_grad():
        learner.model.bias[symbols - 1] = value
    _, failure = native.train(batches, optimiser())
    assert failure is not None and failure.startswith("loss ")
    assert learner.train(batches, [SETTING.rate]) == {0: Failure(1, failure)}
    assert not torch.isfinite(torch.tensor(native.evaluate(batches)[1]))


# -- what is given ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("strange", [-1, 9])
@pytest.mark.parametrize("part", ["inputs", "targets"])
def test_a_symbol_that_there_is_not_is_refused(part: str, strange: int) -> None:
    batch = random_windows(9, 1, 3, 9)[0]
    getattr(batch, part).view(-1)[5] = strange
    _, native = pair(cell_of("gru"), 9, 3)
    for call in (lambda: native.train([batch], optimiser()), lambda: native.evaluate([batch])):
        with pytest.raises(IndexError, match=f"a window has {strange}, which is no symbol"):
            call()


def test_a_window_of_another_batch_is_refused() -> None:
    _, native = pair(cell_of("gru"), 9, 3)
    with pytest.raises(ValueError, match="a window of 4 streams, 9 steps and 36 targets for batches of 3"):
        native.evaluate(random_windows(9, 1, 4, 9))


def replace_setting(**changes: object) -> Setting:
    """Return the plain setting with changes."""
    return Setting(**{**SETTING.as_dict(), **changes})  # type: ignore[arg-type]


def native_model() -> NativeModel:
    return NativeModel(library.load("gru"), 11, 13, 1, 3, torch.float64)


@pytest.mark.parametrize(
    "changes",
    [
        {"inputs": torch.zeros(4, 3, 1, dtype=torch.int64)[..., 0].to("meta")},
        {"targets": torch.zeros(12, 1, dtype=torch.int64)},
        {"scored": torch.zeros(12, 2, dtype=torch.int64)},
        {"reset": torch.zeros(2, 3, dtype=torch.bool)},
        {"reset": torch.zeros(4, 3, dtype=torch.bool, device="meta")},
        {"targets": torch._efficientzerotensor((12,), dtype=torch.int64)},
    ],
    ids=str,
)
def test_a_window_of_another_shape_or_kind_is_refused(changes: dict[str, Tensor]) -> None:
    window = Batch(torch.zeros(4, 3, dtype=torch.int64), torch.zeros(12, dtype=torch.int64), None, None)
    native_model().train([window], optimiser())
    with pytest.raises(
        TypeError, match="a window's tensor is a Tensor of shape .*, not a plain one of shape"
    ):
        native_model().train([replace(window, **changes)], optimiser())


def test_a_weight_of_another_shape_is_refused() -> None:
    model = native_model()
    weights = {name: view.clone() for name, view in model.parameters.items()}
    weights["embedding"] = weights["embedding"][:1]
    with pytest.raises(ValueError, match=r"embedding has the shape \[1, 13\], not \[11, 13\]"):
        model.load(weights)


def test_a_default_device_is_not_for_the_models_memory() -> None:
    window = Batch(torch.zeros(4, 3, dtype=torch.int64), torch.zeros(12, dtype=torch.int64), None, None)
    with torch.device("meta"):
        losses, _ = native_model().train([window], optimiser())
    assert losses == native_model().train([window], optimiser())[0]
