"""The native engine behaves as a torch layer should: gradients wanted or not, copies, threads, wrappers."""

import copy
import pickle
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
import torch.distributed
from torch import Tensor, nn

from archsearch.cell import Cell
from archsearch.compiler import Recurrent
from archsearch.compiler.native.buffers import KEPT, Buffers

STEPS, BATCH, INPUTS, WIDTH = 6, 3, 5, 9
PROJECTED = "mut1"
"""A cell that reads x itself, through a projection."""


def pair(name: str, dtype: torch.dtype = torch.float64, layers: int = 1) -> tuple[Recurrent, Recurrent]:
    """Return the same layer on both engines."""
    torch.manual_seed(0)
    ours = Recurrent(name, INPUTS, WIDTH, layers, dtype=dtype, engine="native")
    theirs = Recurrent(name, INPUTS, WIDTH, layers, dtype=dtype, engine="interpreter")
    theirs.load_state_dict(ours.state_dict())
    return ours, theirs


def drawn(*shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(shape, dtype=dtype)


def gradients(layer: nn.Module, x: Tensor) -> list[Tensor | None]:
    layer.zero_grad()
    layer(x)[0].square().sum().backward()
    return [parameter.grad for parameter in layer.parameters()]


@pytest.mark.parametrize("name", ["gru", "vanilla", PROJECTED])
def test_gradients_equal_differences(name: str) -> None:
    torch.manual_seed(0)
    layer = Recurrent(name, 2, 3, dtype=torch.float64)
    names = [name for name, _ in layer.named_parameters()]
    state = [torch.randn(1, 2, 3, dtype=torch.float64, requires_grad=True) for _ in layer.cell.states]
    x = torch.randn(3, 2, 2, dtype=torch.float64, requires_grad=True)
    reset = torch.tensor([[False, False], [True, False], [False, False]])

    def output(x: Tensor, *rest: Tensor) -> tuple[Tensor, ...]:
        states, weights = rest[: len(state)], rest[len(state) :]
        hx = states[0] if len(states) == 1 else states
        called = torch.func.functional_call(
            layer, dict(zip(names, weights, strict=True)), (x, hx), {"reset": reset}
        )
        out, last = called
        return out, *(last if isinstance(last, tuple) else [last])

    assert torch.autograd.gradcheck(
        output, (x, *state, *(p.detach().requires_grad_() for p in layer.parameters()))
    )


def test_a_second_backward_raises_as_torch_does() -> None:
    layer = Recurrent("gru", INPUTS, WIDTH)
    loss = layer(torch.randn(STEPS, BATCH, INPUTS))[0].sum()
    loss.backward()
    with pytest.raises(RuntimeError, match="backward through the graph a second time"):
        loss.backward()


def test_a_second_backward_of_a_retained_graph_gives_the_same_bits() -> None:
    layer, x = Recurrent("lstm", INPUTS, WIDTH), torch.randn(STEPS, BATCH, INPUTS)
    loss = layer(x)[0].sum()
    first = torch.autograd.grad(loss, layer.parameters(), retain_graph=True)
    gradients(layer, x)  # others use the buffers in between
    second = torch.autograd.grad(loss, layer.parameters())
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize("which", ["weight", "reset"])
def test_what_changes_between_forward_and_backward_is_noticed(which: str) -> None:
    layer, reset = Recurrent("gru", INPUTS, WIDTH), torch.zeros(STEPS, BATCH, dtype=torch.bool)
    loss = layer(torch.randn(STEPS, BATCH, INPUTS), reset=reset)[0].sum()
    with torch.no_grad():
        (reset if which == "reset" else next(layer.parameters())).fill_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


@pytest.mark.parametrize("name", ["lstm", PROJECTED])
def test_second_derivatives_are_the_interpreters(name: str) -> None:
    results = []
    for layer in pair(name):
        torch.manual_seed(1)
        x = drawn(STEPS, BATCH, INPUTS).transpose(0, 1).contiguous().transpose(0, 1).requires_grad_()
        first = torch.autograd.grad(layer(x)[0].square().sum(), [x, *layer.parameters()], create_graph=True)
        penalty = torch.stack([gradient.square().sum() for gradient in first]).sum()
        results.append((*first, *torch.autograd.grad(penalty, [x, *layer.parameters()])))
    torch.testing.assert_close(*results)


@pytest.mark.parametrize("name", ["lstm", PROJECTED])
def test_without_gradients_the_values_are_the_same(name: str) -> None:
    ours, _ = pair(name)
    x = drawn(STEPS, BATCH, INPUTS)
    expected, _ = ours(x)
    with torch.no_grad():
        assert torch.equal(ours(x)[0], expected) and not ours(x)[0].requires_grad
    with torch.inference_mode():
        assert torch.equal(ours(x)[0], expected)
    assert torch.equal(copy.deepcopy(ours).requires_grad_(False)(x)[0], expected)
    assert not copy.deepcopy(ours).requires_grad_(False)(x)[0].requires_grad


@pytest.mark.parametrize("name", ["lstm", PROJECTED])
def test_only_gradients_that_are_wanted_are_computed(name: str) -> None:
    for wanted in range(4):
        layers = pair(name)
        x = drawn(STEPS, BATCH, INPUTS).requires_grad_(wanted == 0)
        for layer in layers:
            for position, parameter in enumerate(layer.parameters()):
                parameter.requires_grad_(position % 4 == wanted)
        ours, theirs = (gradients(layer, x) for layer in layers)
        torch.testing.assert_close(ours, theirs)
        assert [gradient is None for gradient in ours] == [i % 4 != wanted for i in range(len(ours))]


@pytest.mark.parametrize("name", ["lstm", PROJECTED])
def test_gradients_of_some_results_only(name: str) -> None:
    x = drawn(STEPS, BATCH, INPUTS)
    results = []
    for layer in pair(name):
        _, last = layer(x)
        total = (last[-1] if isinstance(last, tuple) else last).square().sum()
        results.append(torch.autograd.grad(total, layer.parameters()))
    torch.testing.assert_close(*results)


def test_inputs_need_not_be_contiguous() -> None:
    ours, theirs = pair("lstm")
    x = drawn(INPUTS, BATCH, 2 * STEPS).transpose(0, 2)[::2].requires_grad_()
    hx = tuple(drawn(1, WIDTH, BATCH).transpose(1, 2) for _ in range(2))
    reset = (torch.rand(BATCH, STEPS) < 0.3).t()
    results = []
    for layer in (ours, theirs):
        with torch.no_grad():
            for parameter in layer.parameters():
                if parameter.dim() == 2:
                    parameter.set_(parameter.t().contiguous().t())
        out, _ = layer(x, hx, reset=reset)
        results.append((out, *torch.autograd.grad(out.flip(0).square().sum(), [x, *layer.parameters()])))
    torch.testing.assert_close(*results)


def test_many_passes_forward_before_any_backward_do_not_disturb_one_another() -> None:
    ours, theirs = pair("gru", layers=2)
    inputs = [drawn(STEPS + turn % 2, BATCH, INPUTS) for turn in range(2 * KEPT)]
    results = []
    for layer in (ours, theirs):
        losses = [layer(x)[0].square().sum() for x in inputs]
        order = [3, 0, 5, 1, 7, 2, 4, 6]
        results.append([torch.autograd.grad(losses[i], layer.parameters()) for i in order])
    torch.testing.assert_close(*results)


def test_a_state_passed_on_carries_gradients_through_windows() -> None:
    ours, theirs = pair("lstm")
    windows = [drawn(STEPS, BATCH, INPUTS) for _ in range(3)]
    results = []
    for layer in (ours, theirs):
        state, total = None, torch.zeros((), dtype=torch.float64)
        for x in windows:
            out, state = layer(x, state)
            total = total + out.square().sum()
        results.append(torch.autograd.grad(total, layer.parameters()))
    torch.testing.assert_close(*results)


def test_results_own_their_memory() -> None:
    layer, x = Recurrent("gru", INPUTS, WIDTH), torch.randn(STEPS, BATCH, INPUTS)
    with torch.no_grad():
        first, state = layer(x)
        copies = first.clone(), state.clone()
        for _ in range(2 * KEPT):
            layer(torch.randn(STEPS, BATCH, INPUTS))
    assert torch.equal(first, copies[0]) and torch.equal(state, copies[1])


def test_copies_compute_the_same_bits_and_share_nothing(tmp_path: Path) -> None:
    layer, x = Recurrent("lstm", INPUTS, WIDTH, 2), torch.randn(STEPS, BATCH, INPUTS)
    layer(x)
    torch.save(layer.state_dict(), tmp_path / "weights.pt")
    loaded = Recurrent("lstm", INPUTS, WIDTH, 2)
    loaded.load_state_dict(torch.load(tmp_path / "weights.pt", weights_only=True))
    expected = gradients(layer, x)
    for twin in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer)), loaded):
        for ours, theirs in zip(gradients(twin, x), expected, strict=True):
            assert (
                ours is not None and theirs is not None and torch.equal(ours, theirs) and ours is not theirs
            )


def test_threads_compute_what_one_thread_computes() -> None:
    layer = Recurrent("gru", INPUTS, 32)
    inputs = [torch.randn(STEPS, BATCH, INPUTS) for _ in range(16)]

    def run(x: Tensor) -> list[Tensor]:
        return list(torch.autograd.grad(layer(x)[0].square().sum(), list(layer.parameters())))

    expected = [run(x) for x in inputs]
    with ThreadPoolExecutor(4) as pool:
        for ours, theirs in zip(pool.map(run, inputs * 4), expected * 4, strict=True):
            assert all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))


def test_other_types_and_autocast_go_to_the_interpreter() -> None:
    x = torch.randn(STEPS, BATCH, INPUTS)
    layer = Recurrent("gru", INPUTS, WIDTH, engine="native").to(torch.bfloat16)
    assert layer(x.bfloat16())[0].dtype == torch.bfloat16
    with torch.autocast("cpu", torch.bfloat16):
        assert Recurrent("gru", INPUTS, WIDTH, engine="native")(x)[0].isfinite().all()
    assert Recurrent("gru", INPUTS, WIDTH, engine="native").to("meta")(x.to("meta"))[0].device.type == "meta"


def test_a_cell_of_infinities_is_not_finite_where_the_interpreters_is_not() -> None:
    cell = Cell.parse("cell grows(x, h):\n    h' = exp(h * h + x) / x + softplus(h) - max(x, h)")
    x = drawn(STEPS, BATCH, 4)
    x[2, 1, 3], x[1, 0, 0], x[0, 2, 1] = 0.0, torch.inf, torch.nan
    ours, theirs = (
        Recurrent(cell, 4, 4, dtype=torch.float64, engine=engine)(x)[0]
        for engine in ("native", "interpreter")
    )
    assert torch.equal(ours.isnan(), theirs.isnan()) and torch.equal(ours.isinf(), theirs.isinf())
    assert ours.isnan().any() and ours.isinf().any() and ours.isfinite().any()


def test_buffers_are_used_again_but_never_twice_at_once() -> None:
    buffers = Buffers()
    first, second = (buffers.take(5000, torch.float32) for _ in range(2))
    assert first.data_ptr() != second.data_ptr()
    buffers.give_back(first)
    assert buffers.take(4000, torch.float32) is first
    assert buffers.take(4000, torch.float64).dtype == torch.float64
    for _ in range(3 * KEPT):
        buffers.give_back(torch.empty(9))
    assert len(buffers.free) == KEPT


@pytest.fixture
def alone() -> Iterator[None]:
    """A group of one process, over gloo."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    torch.distributed.init_process_group("gloo", init_method=f"tcp://127.0.0.1:{port}", rank=0, world_size=1)
    yield
    torch.distributed.destroy_process_group()


@pytest.mark.usefixtures("alone")
def test_a_layer_trains_in_distributed_data_parallel() -> None:
    layer, x = Recurrent("lstm", INPUTS, WIDTH), torch.randn(STEPS, BATCH, INPUTS)
    expected = [gradient.clone() for gradient in gradients(layer, x) if gradient is not None]
    wrapped = nn.parallel.DistributedDataParallel(layer)
    found = [gradient for gradient in gradients(wrapped, x) if gradient is not None]
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_a_layer_passes_through_torch_compile() -> None:
    layer, x = Recurrent("gru", INPUTS, WIDTH), torch.randn(STEPS, BATCH, INPUTS)
    model = nn.Sequential(nn.Linear(INPUTS, INPUTS), layer)
    head = nn.Linear(WIDTH, 2)
    plain = head(model(x)[0]).square().sum()
    expected = torch.autograd.grad(plain, list(model.parameters()))

    def compute(x: Tensor) -> Tensor:
        return head(model(x)[0]).square().sum()

    found = torch.autograd.grad(torch.compile(compute, backend="aot_eager")(x), list(model.parameters()))
    torch.testing.assert_close(found, expected)


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_an_exported_program_computes_what_the_layer_computes() -> None:
    layer, x = Recurrent("gru", INPUTS, WIDTH), torch.randn(STEPS, BATCH, INPUTS)
    exported = torch.export.export(layer.eval(), (x,)).module()
    torch.testing.assert_close(exported(x), layer(x))


def test_what_no_gradient_reaches_has_none_as_in_the_interpreter() -> None:
    """AdamW leaves a parameter without a gradient alone, and lets one with a gradient of zero decay."""
    cell = Cell.parse("cell half(x, h):\n    h' = tanh(linear(x) + stop(linear(h)))\n")
    found = {}
    for engine in ("native", "interpreter"):
        torch.manual_seed(0)
        layer = Recurrent(cell, 8, 8, engine=engine)
        layer(torch.ones(5, 2, 8))[0].sum().backward()
        found[engine] = {name: parameter.grad is None for name, parameter in layer.named_parameters()}
    assert found["native"] == found["interpreter"] and set(found["native"].values()) == {True, False}
