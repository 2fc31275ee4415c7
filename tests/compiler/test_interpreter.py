"""The interpreter against the plainest one, and its gradients against differences."""

import pickle

import pytest
import torch
from torch import Tensor

from archsearch.cell import OPS, Cell, library
from archsearch.compiler import ENGINES, Recurrent
from archsearch.compiler.functions import torch_function
from archsearch.compiler.interpreter import Interpreter
from tests.compiler import plain

ALL_OPS = """
cell all_ops(x, h, c, m):
    g = norm(linear(x, diag=1)) + scale(h) * 0.5
    e = scale(norm(c)) - silu(g) / (1 + exp(g))
    c' = max(tanh(c), softplus(x) * e) + leaky_relu(linear(e, bias=none)) + linear(2, bias=none)
    m' = stop(m) + relu(g) + sigmoid(linear(m, bias=1)) + sqrt(1 + sin(c) * cos(g)) - mean(g)
    h' = m' - c' + linear(h, bias=none) + linear(c, bias=none)
"""


def compared(cell: Cell, engine: str, seed: int) -> int:
    """Compare an engine with the plain interpreter, in values and gradients; return how many were finite."""
    torch.manual_seed(seed)
    layer = Recurrent(cell, 3, 4, dtype=torch.float64, engine=engine)
    layer.reset_parameters(0.7)
    x = torch.randn(5, 2, 3, dtype=torch.float64, requires_grad=True)
    reset = torch.rand(5, 2) < 0.3
    canonical = tuple(
        torch.randn(2, 4, dtype=torch.float64, requires_grad=True) for _ in cell.canonical().states
    )
    written = sorted(range(len(canonical)), key=layer.cell.state_order.__getitem__)
    hx = tuple(canonical[i][None] for i in written)
    output, state = layer(x, hx if len(hx) > 1 else hx[0], reset=reset)
    states = state if isinstance(state, tuple) else (state,)
    ours = (output, *(states[written.index(i)][0] for i in range(len(states))))
    theirs = plain.run(layer, x, canonical, reset)
    leaves = [x, *canonical, *layer.parameters()]
    finite = 0
    for own, other in zip(
        (*ours, *gradients(ours, leaves)), (*theirs, *gradients(theirs, leaves)), strict=True
    ):
        assert torch.equal(own.isfinite(), other.isfinite())
        if other.isfinite().all() and other.norm() < 1e6:
            assert (own - other).norm().item() <= 1e-10 * max(1.0, other.norm().item())
            finite += 1
    return finite


def gradients(values: tuple[Tensor, ...], leaves: list[Tensor]) -> tuple[Tensor, ...]:
    generator = torch.Generator().manual_seed(1)
    loss = sum((v * torch.randn(v.shape, generator=generator)).sum() for v in values)
    if not isinstance(loss, Tensor) or not loss.requires_grad:
        return tuple(torch.zeros_like(leaf) for leaf in leaves)
    return torch.autograd.grad(loss, leaves, allow_unused=True, materialize_grads=True)


@pytest.mark.parametrize("name", library.names())
def test_an_engine_computes_the_library(name: str, engine: str) -> None:
    assert compared(library.load(name), engine, seed=0) > 4


def test_an_engine_computes_every_op(engine: str) -> None:
    cell = Cell.parse(ALL_OPS)
    assert {node.op for node in cell.ops} == set(OPS)
    assert compared(cell, engine, seed=0) > 10


def test_an_engine_computes_random_cells(engine: str) -> None:
    seeds = range(
        150 if engine == "interpreter" else 20
    )  # compiling takes a while: tests/compiler/native has the rest
    finite = [compared(plain.random_cell(seed), engine, seed) for seed in seeds]
    assert sum(count > 3 for count in finite) > len(seeds) // 2


def test_every_op_has_its_function() -> None:
    assert all(torch_function(op) for op in OPS if op != "linear")
    assert next(iter(ENGINES)) == "interpreter"


@pytest.mark.parametrize("name", ["gru", "mut2", "vanilla", "indrnn", "minimal_rnn"])
def test_gradients_equal_differences(name: str) -> None:
    torch.manual_seed(0)
    layer = Recurrent(name, 2, 3, dtype=torch.float64)
    names = [name for name, _ in layer.named_parameters()]
    x = torch.randn(3, 2, 2, dtype=torch.float64, requires_grad=True)

    def output(x: Tensor, *weights: Tensor) -> Tensor:
        result: Tensor = torch.func.functional_call(layer, dict(zip(names, weights, strict=True)), (x,))[0]
        return result

    assert torch.autograd.gradcheck(output, (x, *(p.detach().requires_grad_() for p in layer.parameters())))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", library.names())
def test_every_library_cell_runs_both_ways_and_stays_finite(name: str, dtype: torch.dtype) -> None:
    layer = Recurrent(name, 3, 6, num_layers=2, dtype=dtype)
    x = torch.randn(7, 2, 3, dtype=dtype, requires_grad=True)
    output, _ = layer(x)
    output.square().sum().backward()
    assert output.dtype == dtype and output.isfinite().all()
    assert x.grad is not None and x.grad.isfinite().all() and x.grad.any()
    for parameter in layer.parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all()


def test_an_interpreter_is_pickled_as_its_cell() -> None:
    cell = library.load("gru").canonical()
    twin = pickle.loads(pickle.dumps(Interpreter(cell)))
    assert twin.cell == cell and twin.during == Interpreter(cell).during
