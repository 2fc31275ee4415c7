"""Stacks on a GPU: what the CPU computes, captured or not; `pytest -m gpu` runs these where there is one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
import torch
from torch import Tensor

from archsearch.cell import library
from archsearch.compiler.stacked import torch_dialect
from archsearch.compiler.stacked.layer import Dialect
from archsearch.compiler.stacked.persistent_choice import CHOICE, PERSISTENT
from archsearch.protocol.settings import Setting
from archsearch.tasks import load
from archsearch.training import Streams
from archsearch.training.model import Model
from archsearch.training.stacked import cuda_graph
from archsearch.training.stacked.model import Lane, StackedModel
from archsearch.workers.process import begin_on_cuda

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]

OWN = [Lane(40, 1.0, 0.0, 5), Lane(64, 5.0, 0.2, 6), Lane(51, 1.0, 0.0, 7)]
RATES = [0.01, 0.003, 0.02]


@pytest.fixture(scope="module", autouse=True)
def process() -> Iterator[None]:
    """Set up this process as a worker is, and leave it as it was."""
    begin_on_cuda("cuda:0")
    yield
    torch.use_deterministic_algorithms(False)
    torch.backends.cuda.matmul.fp32_precision = "none"


def trained(
    device: str,
    dtype: torch.dtype = torch.float32,
    count: int = 20,
    chosen: Sequence[int] = (0, 1, 2),
    name: str = "gru",
    task: str = "xml:small",
    dialect: Dialect | None = None,
) -> tuple[list[Tensor], list[tuple[int, float]]]:
    """Return the weights of lanes that have trained, and what they scored."""
    symbols, streams = load(task).symbols, Streams(load(task), device)
    own = [OWN[i] for i in chosen]
    stack = StackedModel(library.load(name), symbols, own, 2, 20, True, dtype, device, dialect)
    for lane, i in enumerate(chosen):
        setting = Setting("adamw", 0.01, 1.0, 1.0, 2, 0)
        model = Model(library.load(name), symbols, OWN[i].n, setting, torch.Generator().manual_seed(i))
        stack.load(lane, dict(model.named_parameters()))
    try:
        assert stack.train(list(streams.take("train", 0, 20, 35, count)), [RATES[i] for i in chosen]) == {}
        scores = stack.evaluate(list(streams.take("valid", 0, 20, 35, 8)))
    finally:
        stack.close()
    weights = [
        torch.cat([view.flatten() for view in stack.named(lane).values()]) for lane in range(len(chosen))
    ]
    return [one.cpu() for one in weights], scores


@pytest.mark.parametrize("task", ["xml:small", "memorization:small", "english:small"])
def test_in_double_precision_a_gpu_computes_what_the_cpu_does(task: str) -> None:
    ours, scores = trained("cuda:0", torch.float64, 8, task=task)
    theirs, expected = trained("cpu", torch.float64, 8, task=task)
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-9)
    assert [right for right, _ in scores] == [right for right, _ in expected]


@pytest.mark.parametrize("name", ["gru", "lstm", "mut1"])
def test_replays_give_the_bits_of_direct_steps(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    captured, scores = trained("cuda:0", name=name)
    monkeypatch.setattr(cuda_graph, "WARM", 10**9)
    direct, expected = trained("cuda:0", name=name)
    assert all(torch.equal(a, b) for a, b in zip(captured, direct, strict=True)) and scores == expected


def test_a_lanes_bits_do_not_depend_on_its_place_or_its_neighbours() -> None:
    (alone,), _ = trained("cuda:0", chosen=(1,))
    together, _ = trained("cuda:0")
    turned, _ = trained("cuda:0", chosen=(2, 1, 0))
    assert torch.equal(alone, together[1]) and torch.equal(alone, turned[1])


def test_many_models_after_one_another_give_the_same_bits() -> None:
    first, _ = trained("cuda:0")
    for name in ("lstm", "mut1", "mgu"):
        trained("cuda:0", name=name)
    again, _ = trained("cuda:0")
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))


def test_generated_kernels_stay_near_plain_torch() -> None:
    ours, scores = trained("cuda:0", count=3)
    theirs, expected = trained("cuda:0", count=3, dialect=torch_dialect.compile_kernel)
    for a, b, rate in zip(ours, theirs, RATES, strict=True):
        assert (a - b).abs().max() < rate
    assert [nll for _, nll in scores] == pytest.approx([nll for _, nll in expected], rel=1e-2)


@pytest.mark.parametrize("name", ["gru", "lstm", "mgu", "mingru"])
def test_persistent_kernels_stay_near_launches_for_every_step(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs, expected = trained("cuda:0", count=3, name=name)
    monkeypatch.setenv(CHOICE, PERSISTENT)
    ours, scores = trained("cuda:0", count=3, name=name)
    for a, b, rate in zip(ours, theirs, RATES, strict=True):
        assert (a - b).abs().max() < rate
    assert [nll for _, nll in scores] == pytest.approx([nll for _, nll in expected], rel=1e-2)


@pytest.mark.parametrize("task", ["xml:small", "memorization:small"])
def test_persistent_kernels_give_the_same_bits_every_time_in_every_place(
    task: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CHOICE, PERSISTENT)
    first, _ = trained("cuda:0", task=task)
    again, _ = trained("cuda:0", task=task)
    turned, _ = trained("cuda:0", chosen=(2, 1, 0), task=task)
    assert all(
        torch.equal(a, b) and torch.equal(a, c) for a, b, c in zip(first, again, turned[::-1], strict=True)
    )
