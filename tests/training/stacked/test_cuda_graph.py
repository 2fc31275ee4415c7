"""A step can be captured: it looks at no number, changes memory in place, and its replays give the bits of direct steps."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch

from archsearch.cell import Cell, library
from archsearch.compiler.stacked import torch_dialect
from archsearch.compiler.stacked.layer import Layer
from archsearch.protocol.settings import Setting
from archsearch.tasks import load
from archsearch.training import Streams
from archsearch.training.model import Model
from archsearch.training.stacked import cuda_graph, model
from archsearch.training.stacked.cuda_graph import WARM, Repeated
from archsearch.training.stacked.model import Lane, StackedModel, StepKind
from archsearch.training.stacked.windows import WindowTable
from tests.helpers.capture import Capture, Replayed

CELLS = {
    "gru": library.load("gru"),
    "odd": Cell.parse(
        "cell odd(x, h, c):\n    c' = norm(linear(h) + scale(x)) + h\n    h' = max(c', linear(c)) - 0.5 * x\n"
    ),
}


def trained(
    cell: Cell, task: str, layers: int, adaptive: bool
) -> tuple[StackedModel, list[tuple[int, float]]]:
    """Return a model that has trained, diverged in one lane, and been judged twice."""
    symbols, streams = load(task).symbols, Streams(load(task), "cpu")
    own = [Lane(8, 1.0, 0.2, 5), Lane(20, 5.0, 0.0, 6), Lane(13, 1.0, 0.1, 7)]
    stack = StackedModel(cell, symbols, own, layers, 3, adaptive)
    for lane, one in enumerate(own):
        setting = Setting("adamw", 0.01, 1.0, 1.0, layers, 0)
        drawn = Model(cell, symbols, one.n, setting, torch.Generator().manual_seed(lane))
        stack.load(lane, dict(drawn.named_parameters()))
    train = list(streams.take("train", 0, 3, 7, 12))
    held = list(streams.take("valid", 0, 3, 7, 5))
    stack.train(train[:6], [0.01, 0.03, 0.02])
    found = stack.evaluate(held)
    stack.named(2)["weight"][0, 0] = float("nan")
    assert list(stack.train(train[6:], [0.01, 0.01, 0.02])) == [2]
    found += stack.evaluate(held)
    stack.close()
    return stack, found


@pytest.mark.parametrize("task", ["xml:small", "memorization:small"])
@pytest.mark.parametrize("adaptive", [True, False])
@pytest.mark.parametrize("name", CELLS)
def test_replays_of_one_step_give_the_bits_of_direct_steps(
    name: str, adaptive: bool, task: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    direct, expected = trained(CELLS[name], task, 2, adaptive)
    monkeypatch.setattr(model, "Repeated", Replayed)
    replayed, found = trained(CELLS[name], task, 2, adaptive)
    assert repr(found) == repr(expected)
    assert torch.equal(direct.flat.nan_to_num(), replayed.flat.nan_to_num())
    assert (
        torch.equal(direct.carried.nan_to_num(), replayed.carried.nan_to_num())
        and direct.standing.count == replayed.standing.count
    )


@pytest.mark.parametrize("learns", [True, False])
@pytest.mark.parametrize("name", CELLS)
def test_a_step_makes_no_tensor_on_another_device(name: str, learns: bool) -> None:
    """On the device `meta`, which holds no numbers, any tensor of the host's would be an error."""
    own = [Lane(8, 1.0, 0.2, 5), Lane(20, 5.0)]
    stack = StackedModel(CELLS[name], 9, own, 2, 3, True, device="meta", dialect=torch_dialect.compile_kernel)
    kind, shape = StepKind(7, learns, resets=True), (len(stack.flat), 7, 3, stack.layout.width)
    stack.tables[kind] = WindowTable((7, 3), 9, stack.device)
    stack.layers_by_steps[7] = [
        Layer(stack.program, stack.dialect, shape, shape[3], stack.widths, stack.flat) for _ in range(2)
    ]
    with torch.no_grad():
        (stack._learn if learns else stack._judge)(kind)
    stack.keep([0])
    stack.restore()


def test_a_step_that_looks_at_a_number_is_found_out() -> None:
    with pytest.raises(AssertionError, match="_local_scalar_dense within a step"), Capture():
        torch.ones(1).add_(1).item()


def test_on_a_gpu_a_step_runs_directly_a_few_times_is_captured_once_and_replayed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    done: list[str] = []

    class Graph:
        def replay(self) -> None:
            done.append("replay")

        def reset(self) -> None:
            done.append("reset")

    @contextmanager
    def capturing(made: Graph, stream: object) -> Iterator[None]:
        done.append("begin")
        yield
        done.append("end")

    monkeypatch.setattr(torch.cuda, "CUDAGraph", Graph)
    monkeypatch.setattr(torch.cuda, "graph", capturing)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda device: done.append("wait"))
    monkeypatch.setattr(cuda_graph, "_stream", lambda device: "the stream")
    repeated = Repeated(lambda: done.append("step"), torch.device("cuda:0"))
    for _ in range(WARM + 2):
        repeated()
    repeated.drop()
    repeated.drop()
    assert done == ["step"] * WARM + ["begin", "step", "end", "replay", "replay", "wait", "reset"]


def test_on_a_cpu_a_step_always_runs_directly() -> None:
    done: list[int] = []
    repeated = Repeated(lambda: done.append(1), torch.device("cpu"))
    for _ in range(WARM + 2):
        repeated()
    repeated.drop()
    assert len(done) == WARM + 2
