"""What torch transforms and traces with torch.nn.GRU on a CPU it does with every engine, with the interpreter's numbers."""

from __future__ import annotations

import copy
import inspect
import pickle
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch._subclasses import FakeTensorMode
from torch.autograd import forward_ad
from torch.func import (
    functional_call,
    functionalize,
    grad,
    hessian,
    jacfwd,
    jacrev,
    jvp,
    linearize,
    vjp,
    vmap,
)
from torch.fx.experimental.proxy_tensor import make_fx
from torch.utils import _pytree as pytree
from torch.utils.checkpoint import checkpoint
from torch.utils.flop_counter import FlopCounterMode

from archsearch.compiler import Recurrent

INPUTS, WIDTH = 4, 5
DTYPE = torch.float64
X = torch.randn(3, 2, INPUTS, dtype=DTYPE, generator=torch.Generator().manual_seed(0))


def made(engine: str, cell: str = "gru") -> Recurrent:
    torch.manual_seed(0)
    return Recurrent(cell, INPUTS, WIDTH, dtype=DTYPE, engine=engine)


def parameters(layer: nn.Module) -> dict[str, Tensor]:
    return {name: parameter.detach() for name, parameter in layer.named_parameters()}


def output(layer: nn.Module) -> Callable[[Tensor], Tensor]:
    return lambda x: layer(x)[0]


def loss(layer: nn.Module) -> Callable[[dict[str, Tensor]], Tensor]:
    return lambda values: functional_call(layer, values, (X,))[0].square().sum()


def graph(layer: nn.Module, **options: Any) -> Tensor:
    traced: Tensor = make_fx(output(layer), _allow_non_fake_inputs=True, **options)(X)(X + 1)
    return traced


def faked(layer: nn.Module) -> Tensor:
    with FakeTensorMode(allow_non_fake_inputs=True):
        shape = layer(torch.randn(7, 1, INPUTS, dtype=DTYPE))[0].shape
    return torch.tensor(shape)


def counted(layer: nn.Module) -> Tensor:
    with FlopCounterMode(display=False) as counter:
        layer(X)[0].sum().backward()
    return torch.tensor(counter.get_total_flops())


def dual(layer: nn.Module) -> Tensor:
    with forward_ad.dual_level():
        tangent = forward_ad.unpack_dual(layer(forward_ad.make_dual(X, torch.ones_like(X)))[0]).tangent
        assert tangent is not None
        return tangent.clone()


def replica(layer: nn.Module) -> Tensor:
    """Call a copy as nn.DataParallel makes them: its parameters are attributes."""
    twin = layer._replicate_for_data_parallel()  # type: ignore[operator]
    for name, parameter in layer.named_parameters():
        setattr(twin, name, parameter.clone())
    found: Tensor = twin(X)[0]
    return found


def batched(layer: nn.Module) -> tuple[Tensor, ...]:
    result = layer(X)[0]
    rows = torch.eye(result.numel(), dtype=DTYPE).view(-1, *result.shape)
    return torch.autograd.grad(result, list(layer.parameters()), rows, is_grads_batched=True)


def twice(layer: nn.Module) -> tuple[Tensor, ...]:
    weights = list(layer.parameters())
    first = torch.autograd.grad(layer(X)[0].square().sum(), weights, create_graph=True)
    return torch.autograd.grad(torch.stack([gradient.square().sum() for gradient in first]).sum(), weights)


def vmapped_parameters(layer: nn.Module) -> Tensor:
    values = {name: torch.stack([value, 2 * value]) for name, value in parameters(layer).items()}
    found: Tensor = vmap(lambda own: functional_call(layer, own, (X,))[0])(values)
    return found


def autocast(layer: nn.Module) -> Tensor:
    with torch.autocast("cpu", torch.bfloat16):
        found: Tensor = copy.deepcopy(layer).float()(X.float())[0]
    return found


def checkpointed(layer: nn.Module) -> tuple[Tensor, ...]:
    total = checkpoint(output(layer), X, use_reentrant=False).sum()
    return torch.autograd.grad(total, list(layer.parameters()))


TRANSFORMS: dict[str, Callable[[nn.Module], Any]] = {
    "grad": lambda layer: grad(loss(layer))(parameters(layer)),
    "vjp": lambda layer: vjp(output(layer), X)[1](torch.ones(3, 2, WIDTH, dtype=DTYPE)),
    "jvp": lambda layer: jvp(output(layer), (X,), (torch.ones_like(X),)),
    "jacrev": lambda layer: jacrev(output(layer))(X),
    "jacfwd": lambda layer: jacfwd(output(layer))(X),
    "hessian": lambda layer: hessian(lambda x: layer(x)[0].square().sum())(X),
    "linearize": lambda layer: linearize(output(layer), X)[1](torch.ones_like(X)),
    "vmap": lambda layer: vmap(output(layer))(torch.stack([X, X + 1])),
    "vmap over parameters": vmapped_parameters,
    "functionalize": lambda layer: functionalize(output(layer))(X),
    "forward derivatives": dual,
    "second derivatives": twice,
    "batched gradients": batched,
    "functional_call": lambda layer: loss(layer)({name: 2 * own for name, own in parameters(layer).items()}),
    "jacobian": lambda layer: torch.autograd.functional.jacobian(output(layer), X, vectorize=True),
    "make_fx": lambda layer: graph(layer, tracing_mode="real"),
    "make_fx, fake": lambda layer: graph(layer, tracing_mode="fake"),
    "make_fx, symbolic": lambda layer: graph(layer, tracing_mode="symbolic"),
    "make_fx before dispatch": lambda layer: graph(layer, pre_dispatch=True),
    "fake tensors": faked,
    "torch.jit.trace": lambda layer: torch.no_grad()(torch.jit.trace)(layer.eval(), X)(X + 1),
    "torch.export": lambda layer: torch.export.export(layer.eval(), (X,)).module()(X)[0],
    "FLOPs": counted,
    "autocast": autocast,
    "replica": replica,
    "deepcopy": lambda layer: copy.deepcopy(layer)(X),
    "pickle": lambda layer: pickle.loads(pickle.dumps(layer))(X),
    "checkpoint": checkpointed,
}
OURS_ALONE = ("vmap", "vmap over parameters", "linearize")
"""What torch's own layer cannot do."""


@pytest.mark.parametrize("cell", ["gru", pytest.param("mut1", marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", TRANSFORMS)
@pytest.mark.filterwarnings("default")
def test_a_transform_gives_the_interpreters_numbers(engine: str, name: str, cell: str) -> None:
    ours, theirs = (pytree.tree_leaves(TRANSFORMS[name](made(of, cell))) for of in (engine, "interpreter"))
    torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("name", [name for name in TRANSFORMS if name not in OURS_ALONE])
@pytest.mark.filterwarnings("default")
def test_torchs_own_layer_can_do_the_same(name: str) -> None:
    torch.manual_seed(0)
    assert pytree.tree_leaves(TRANSFORMS[name](nn.GRU(INPUTS, WIDTH, dtype=DTYPE)))


def test_as_many_operations_are_counted_as_in_torchs_layer(engine: str) -> None:
    ours, theirs = Recurrent("gru_reset_after", 3, 9, engine=engine), nn.GRU(3, 9)
    found = []
    for layer in (ours, theirs):
        with FlopCounterMode(display=False) as counter:
            layer(torch.randn(5, 2, 3))
        found.append(counter.get_total_flops())
    assert found[0] == found[1] > 0


def test_a_replica_has_the_type_of_its_parameters(engine: str) -> None:
    assert replica(Recurrent("gru", INPUTS, WIDTH, engine=engine).double()).dtype == DTYPE


def test_reset_may_be_given_by_position_as_exporters_do(engine: str) -> None:
    layer = made(engine)
    defaults = [parameter.default for parameter in inspect.signature(layer.forward).parameters.values()][1:]
    assert torch.equal(layer(X, *defaults)[0], layer(X)[0])


def compiled(engine: str, backend: str = "aot_eager", **options: Any) -> list[Tensor]:
    """Return a loss and its gradients, compiled unless `backend` is nothing."""
    layer, head = made(engine, "mut1"), nn.Linear(WIDTH, 1, dtype=DTYPE)
    nn.init.ones_(head.weight), nn.init.ones_(head.bias)
    state = torch.ones(1, 2, WIDTH, dtype=DTYPE, requires_grad=True)
    reset = torch.tensor([[False, True], [True, False], [False, False]])

    def compute(x: Tensor, state: Tensor, reset: Tensor) -> Tensor:
        return head(layer(x, state, reset=reset)[0]).square().sum()

    torch._dynamo.reset()
    run = torch.compile(compute, backend=backend, **options) if backend else compute
    total = run(X, state, reset)
    return [total, *torch.autograd.grad(total, [state, *layer.parameters(), *head.parameters()])]


@pytest.mark.parametrize("dynamic", [False, pytest.param(True, marks=pytest.mark.slow)])
@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
@pytest.mark.parametrize("name", ["native", "stacked"])
@pytest.mark.filterwarnings("default")
def test_a_layer_is_one_operator_of_a_compiled_graph(name: str, backend: str, dynamic: bool) -> None:
    ours = compiled(name, backend, fullgraph=True, dynamic=dynamic)
    torch.testing.assert_close(ours, compiled("interpreter", ""), rtol=1e-10, atol=1e-10)


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_a_layer_is_part_of_an_inductor_graph() -> None:
    ours = compiled("native", "inductor", fullgraph=True)
    torch.testing.assert_close(ours, compiled("interpreter", ""), rtol=1e-10, atol=1e-10)


@pytest.mark.filterwarnings("default")
def test_a_transform_is_compiled_too(engine: str) -> None:
    torch._dynamo.reset()
    layer = made(engine)
    run = torch.compile(grad(loss(layer)), backend="aot_eager")
    torch.testing.assert_close(run(parameters(layer)), grad(loss(layer))(parameters(layer)))


@pytest.mark.filterwarnings("default")
def test_a_matrix_of_another_shape_is_an_error_in_a_compiled_graph_too() -> None:
    torch._dynamo.reset()
    layer = made("native")
    layer.register_parameter(list(parameters(layer))[-1], nn.Parameter(torch.randn(2, 2, dtype=DTYPE)))
    with pytest.raises(Exception, match="size|shape"):
        torch.compile(output(layer), backend="aot_eager")(X)
