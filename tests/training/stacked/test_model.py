"""The stacked training step against torch's, lane by lane; and that a lane's bits are its own."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import pytest
import torch
from torch import Tensor

from archsearch.cell import Cell, library
from archsearch.compiler.stacked.shape import LANES, lanes, padded
from archsearch.protocol.settings import Setting
from archsearch.protocol.units import model_parameters
from archsearch.tasks import load
from archsearch.training import Streams
from archsearch.training.learner import Failure
from archsearch.training.model import Model
from archsearch.training.stacked.dropout import Dropout
from archsearch.training.stacked.model import Lane, StackedModel
from archsearch.training.torch_learner import TorchLearner
from archsearch.training.windows import Batch

MUTANTS = {
    "turned": "cell turned(x, h):\n    r = sigmoid(linear(x) + linear(h, bias=none))\n"
    "    n = tanh(linear(x) + linear(r * h))\n    h' = n + r * (h + n)\n",
    "raw": "cell raw(x, h):\n    h' = tanh(x + linear(h, bias=1))\n",
    "stopped": "cell stopped(x, h, c):\n    c' = tanh(linear(c) + linear(x))\n"
    "    h' = tanh(linear(stop(x * c')) + linear(h))\n",
    "normed": "cell normed(x, h):\n    h' = sigmoid(norm(linear(x)) + scale(norm(linear(h) + exp(linear(x))))) - 0.5\n",
    "shared": "cell shared(x, h):\n    a = linear(h)\n    q = tanh(linear(x, like=a'))\n"
    "    r = sigmoid(linear(x) + linear(h * q, like=a, bias=none) - linear(stop(linear(q, like=s)), like=s'))\n"
    "    s = linear(stop(linear(r * h)))\n    h' = tanh(linear(r * h, like=a') + linear(tanh(s), like=s)) * r + q\n",
    "short": "cell short(x, h):\n    g = tanh(linear(x))\n    h' = linear(g) + max(g, linear(x))\n",
}
CELLS = ("gru", "lstm", "mut1", "mingru", *MUTANTS)
WIDTHS = (13, 8, 32, 20, 29)
SETTINGS = [
    Setting("adamw", rate, clip, scale, 1, 0)
    for rate, clip, scale in (
        (0.01, 1.0, 1.0),
        (0.03, 0.1, 0.7),
        (0.003, 5.0, 1.4),
        (0.1, 1e9, 1.0),
        (0.02, 1e-3, 1.0),
    )
]


@pytest.fixture(autouse=True)
def few_lanes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stacks of six lanes, one of them empty, are faster; how many there are is asked below."""
    monkeypatch.setattr("archsearch.training.stacked.model.lanes", lambda n: 6)


def cell_of(name: str) -> Cell:
    return Cell.parse(MUTANTS[name]) if name in MUTANTS else library.load(name)


@cache
def windows(task: str, count: int, batch: int = 3, unroll: int = 9, split: str = "train") -> list[Batch]:
    return list(Streams(load(task), "cpu").take(split, 0, batch, unroll, count))


def made(
    cell: Cell,
    symbols: int,
    settings: Sequence[Setting] = SETTINGS,
    widths: Sequence[int] = WIDTHS,
    dtype: torch.dtype = torch.float64,
    order: Sequence[int] | None = None,
) -> tuple[list[TorchLearner], StackedModel]:
    """Return the same models, one by one and in a stack; `order` says which of them lies in which lane."""
    learners = []
    for position, (n, setting) in enumerate(zip(widths, settings, strict=True)):
        model = Model(cell, symbols, n, setting, torch.Generator().manual_seed(position)).to(dtype)
        learners.append(TorchLearner(model, setting, 3, "nll"))
    order = range(len(widths)) if order is None else order
    own = [Lane(widths[i], settings[i].clip, settings[i].dropout, seed=i) for i in order]
    stack = StackedModel(cell, symbols, own, settings[0].layers, 3, settings[0].optimiser == "adamw", dtype)
    for lane, i in enumerate(order):
        stack.load(lane, dict(learners[i].model.named_parameters()))
    return learners, stack


def rates(settings: Sequence[Setting] = SETTINGS) -> list[float]:
    return [setting.rate for setting in settings]


def farthest(learner: TorchLearner, stack: StackedModel, lane: int) -> float:
    """Return the largest difference of a weight."""
    named = stack.named(lane)
    pairs = [(named[name], weight.detach()) for name, weight in learner.model.named_parameters()]
    assert len(named) == len(pairs)
    return max(float((a - b).abs().max()) for a, b in pairs)


def changed(settings: Sequence[Setting] = SETTINGS, **changes: object) -> list[Setting]:
    return [Setting(**{**setting.as_dict(), **changes}) for setting in settings]  # type: ignore[arg-type]


def check(cell: Cell, task: str, settings: Sequence[Setting], count: int = 10) -> None:
    learners, stack = made(cell, load(task).symbols, settings)
    batches = windows(task, count)
    assert stack.train(batches, rates(settings)) == {}
    for lane, (learner, setting) in enumerate(zip(learners, settings, strict=True)):
        assert learner.train(batches, [setting.rate]) == {}
        assert farthest(learner, stack, lane) < 1e-9, f"lane {lane}"


# -- equal to torch, in float64 -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CELLS)
def test_five_settings_of_unequal_widths_train_as_five_single_runs(name: str) -> None:
    check(cell_of(name), "xml:small", SETTINGS)


@pytest.mark.parametrize("task", ["memorization:small", "arithmetic:small"])
@pytest.mark.parametrize("name", ["gru", "stopped"])
def test_layers_resets_and_partial_scoring_are_those_of_torch(name: str, task: str) -> None:
    check(cell_of(name), task, changed(layers=2))


def test_sgd_is_torchs() -> None:
    check(cell_of("gru"), "xml:small", changed(optimiser="sgd"))


def test_padding_stays_zero() -> None:
    _, stack = made(cell_of("normed"), 9)
    stack.train(windows("xml:small", 5), rates())
    before = stack.flat.abs().sum()
    for lane in range(len(WIDTHS)):
        for view in stack.named(lane).values():
            view.zero_()
    assert before > 0 and stack.flat.abs().sum() == 0


@pytest.mark.parametrize("name", CELLS)
def test_a_lane_has_as_many_parameters_as_its_model(name: str) -> None:
    _, stack = made(cell_of(name), 9)
    for lane, n in enumerate(WIDTHS):
        assert sum(view.numel() for view in stack.named(lane).values()) == model_parameters(
            cell_of(name), n, 9, 1
        )


def test_a_shorter_window_may_come_between() -> None:
    whole = windows("xml:small", 3, unroll=12)
    short = replace(whole[1], inputs=whole[1].inputs[:5], targets=whole[1].targets[:15])
    learners, stack = made(cell_of("lstm"), 9)
    batches = [whole[0], short, whole[2]]
    stack.train(batches, rates())
    for lane, (learner, setting) in enumerate(zip(learners, SETTINGS, strict=True)):
        learner.train(batches, [setting.rate])
        assert farthest(learner, stack, lane) < 1e-9


def test_a_large_alphabet_goes_some_lanes_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archsearch.training.stacked.head.LARGEST", 5000)
    check(cell_of("gru"), "english:small", SETTINGS, 3)


@pytest.mark.parametrize("task", ["xml:small", "memorization:small"])
def test_an_evaluation_is_torchs_and_leaves_training_where_it_was(task: str) -> None:
    learners, stack = made(cell_of("gru"), load(task).symbols)
    batches, held = windows(task, 6), windows(task, 4, split="valid")
    stack.train(batches[:3], rates())
    count = sum(len(batch.targets) for batch in held)
    found = stack.evaluate(held)
    stack.train(batches[3:], rates())
    for lane, (learner, setting) in enumerate(zip(learners, SETTINGS, strict=True)):
        learner.train(batches[:3], [setting.rate])
        ((right, nll),) = learner.evaluate(held)
        assert found[lane][0] == right and found[lane][1] / count == pytest.approx(nll / count, abs=1e-10)
        learner.train(batches[3:], [setting.rate])
        assert farthest(learner, stack, lane) < 1e-9


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("name", CELLS)
def test_gradients_of_every_lane_are_torchs(name: str, dtype: torch.dtype) -> None:
    learners, stack = made(cell_of(name), 9, changed(clip=1e9), dtype=dtype)
    batches = windows("xml:small", 1)
    stack.train(batches, [0.0] * 5)
    for lane, learner in enumerate(learners):
        learner.train(batches, [0.0])
        found = stack.named(lane, gradients=True)
        for of, weight in learner.model.named_parameters():
            expected = torch.zeros_like(weight) if weight.grad is None else weight.grad
            off = (found[of] - expected).norm() / expected.norm().clamp(min=1e-30)
            assert off < (1e-10 if dtype == torch.float64 else 1e-5), of


# -- float32 --------------------------------------------------------------------------------------------------------


def test_single_precision_steps_stay_near_torchs() -> None:
    """AdamW divides by the gradient's size, so where it is near 0 rounding shows: a part of the rate, never many rates."""
    learners, stack = made(cell_of("gru"), 9, dtype=torch.float32)
    batches = windows("xml:small", 10)
    stack.train(batches, rates())
    for lane, (learner, setting) in enumerate(zip(learners, SETTINGS, strict=True)):
        learner.train(batches, [setting.rate])
        assert farthest(learner, stack, lane) < 0.1 * setting.rate


# -- bits -----------------------------------------------------------------------------------------------------------


def weights(stack: StackedModel, lane: int) -> Tensor:
    return torch.cat([view.flatten() for view in stack.named(lane).values()])


@pytest.mark.parametrize("largest", [1 << 24, 20_000])
@pytest.mark.parametrize("dropout", [0.0, 0.3])
@pytest.mark.parametrize("name", ["gru", "normed"])
def test_a_lanes_bits_do_not_depend_on_its_place_or_its_neighbours(
    name: str, dropout: float, largest: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("archsearch.training.stacked.head.LARGEST", largest)
    settings = changed(dropout=dropout, layers=2)
    batches = windows("arithmetic:small", 6)
    found = []
    for order in ((0,), (0, 1, 2, 3, 4), (4, 3, 2, 1, 0)):
        _, stack = made(
            cell_of(name), load("arithmetic:small").symbols, settings, dtype=torch.float32, order=order
        )
        stack.train(batches[:2], [settings[i].rate for i in order])
        stack.train(batches[2:], [settings[i].rate for i in order])
        found.append(weights(stack, order.index(0)))
    assert torch.equal(found[0], found[1]) and torch.equal(found[0], found[2])


def test_a_lane_that_diverges_is_frozen_and_leaves_the_bits_of_the_others() -> None:
    batches = windows("xml:small", 6)
    _, alone = made(cell_of("gru"), 9, dtype=torch.float32)
    alone.train(batches, rates())
    _, stack = made(cell_of("gru"), 9, dtype=torch.float32)
    stack.train(batches[:2], rates())
    before = stack.flat[1].clone()
    stack.named(1)["weight"][0, 0] = float("inf")
    assert stack.train(batches[2:], rates()) == {1: Failure(3, "loss nan at step 3")}
    assert (
        torch.equal(stack.flat[1].nan_to_num(posinf=0), before.nan_to_num())
        or stack.flat[1].isinf().sum() == 1
    )
    for lane in (0, 2, 3, 4):
        assert torch.equal(weights(stack, lane), weights(alone, lane))
    assert stack.standing.alive.flatten().tolist()[:5] == [True, False, True, True, True]


def test_a_model_that_is_closed_frees_its_memory_at_once() -> None:
    _, stack = made(cell_of("gru"), 9, dtype=torch.float32)
    stack.train(windows("xml:small", 1), rates())
    stack.close()
    gone = weakref.ref(stack)
    gc.disable()
    try:
        del stack
        assert gone() is None
    finally:
        gc.enable()


def test_a_lane_that_is_stopped_keeps_its_weights() -> None:
    batches = windows("xml:small", 4)
    _, stack = made(cell_of("gru"), 9, dtype=torch.float32)
    stack.train(batches[:2], rates())
    stack.freeze(3)
    before = weights(stack, 3).clone()
    assert stack.train(batches[2:], rates()) == {}
    assert torch.equal(weights(stack, 3), before)


def test_each_lane_takes_back_what_it_kept() -> None:
    batches = windows("xml:small", 4)
    _, stack = made(cell_of("gru"), 9, dtype=torch.float32)
    stack.train(batches[:2], rates())
    stack.keep([0, 2])
    kept = weights(stack, 0).clone()
    stack.train(batches[2:], rates())
    stack.keep([2])
    later = weights(stack, 2).clone()
    stack.train(batches, rates())
    stack.restore()
    assert torch.equal(weights(stack, 0), kept) and torch.equal(weights(stack, 2), later)


@pytest.mark.parametrize(("n", "maps"), [(8, "linear(exp(exp(x)))"), (1, "linear(linear(exp(exp(x))))")])
def test_what_is_infinite_in_a_narrow_lane_stays_within_its_width(n: int, maps: str) -> None:
    cell = Cell.parse(f"cell far(x, h):\n    h' = tanh({maps} + linear(h))\n")
    learners, stack = made(cell, 9, SETTINGS[:2], (n, 30))
    held = windows("xml:small", 2, split="valid")
    with torch.no_grad():
        learners[0].model.embedding[:, 0] = 800.0
    stack.load(0, dict(learners[0].model.named_parameters()))
    count = sum(len(batch.targets) for batch in held)
    nll = learners[0].evaluate(held)[0][1] / count
    assert torch.tensor(nll).isfinite() and stack.evaluate(held)[0][1] / count == pytest.approx(
        nll, abs=1e-10
    )


# -- dropout --------------------------------------------------------------------------------------------------------


def test_dropout_drops_its_share_everywhere_and_draws_anew_at_every_step_and_layer() -> None:
    like = torch.zeros(1)
    dropout = Dropout([3, 2**40 + 7], [0.3, 0.5], like)
    drawn = [
        dropout.dropped(site, torch.tensor([step]), (2, 35, 20, 64)) for site in range(2) for step in (1, 2)
    ]
    kept = torch.stack([~one for one in drawn if one is not None]).double()
    assert kept.shape == (4, 2, 35, 20, 64)
    torch.testing.assert_close(kept.mean((0, 2, 3, 4)), torch.tensor([0.7, 0.5]).double(), rtol=0, atol=5e-3)
    assert (kept.mean((0, 1, 2, 3)) - 0.6).abs().max() < 0.03 and (
        kept.mean((0, 1, 4)).flatten() - 0.6
    ).abs().max() < 0.11
    for lane in range(2):
        assert (torch.corrcoef(kept[:, lane].flatten(1)) - torch.eye(4)).abs().max() < 0.02


def test_dropout_is_the_seeds_whatever_the_lane_and_the_padding() -> None:
    step = torch.tensor([5])
    one = Dropout([11], [0.4], torch.zeros(1)).dropped(0, step, (1, 4, 3, 16))
    two = Dropout([12, 11], [0.4, 0.4], torch.zeros(1)).dropped(0, step, (2, 4, 3, 32))
    assert one is not None and two is not None
    assert torch.equal(one[0], two[1][..., :16]) and not torch.equal(one[0], two[0][..., :16])


def test_what_dropout_passes_is_made_larger_forward_and_backward() -> None:
    dropout = Dropout([1], [0.75], torch.zeros(1))
    dropped = dropout.dropped(0, torch.tensor([1]), (1, 2, 3, 8))
    assert dropped is not None and torch.equal(dropout.apply(torch.ones(1, 2, 3, 8), dropped), ~dropped * 4.0)


def test_an_evaluation_drops_nothing() -> None:
    settings = changed(dropout=0.5)
    learners, stack = made(cell_of("gru"), 9, settings)
    held = windows("xml:small", 2, split="valid")
    count = sum(len(batch.targets) for batch in held)
    assert stack.evaluate(held)[0][1] / count == pytest.approx(
        learners[0].evaluate(held)[0][1] / count, abs=1e-10
    )


# -- shape ----------------------------------------------------------------------------------------------------------


def test_the_shape_of_a_stack_follows_from_a_width_alone() -> None:
    assert [padded(n) for n in (8, 32, 33, 128, 129, 1536, 1537)] == [32, 32, 64, 128, 192, 1536, 2048]
    assert [lanes(n) for n in (8, 512, 1025, 3000)] == [32, 8, 2, 1]
    assert list(LANES) == sorted(LANES) and all(width % 32 == 0 for width in LANES)


def test_a_symbol_that_there_is_not_is_refused() -> None:
    batch = windows("xml:small", 1)[0]
    _, stack = made(cell_of("gru"), 4)
    with pytest.raises(IndexError, match="which is no symbol"):
        stack.train([batch], rates())
