"""Layers whose linear maps share matrices: against equations in torch, and every engine against the interpreter."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from archsearch.cell import Cell
from archsearch.compiler import ENGINES, Recurrent
from archsearch.compiler.tracing import weights_of
from tests.compiler.plain import run
from tests.helpers import strategies
from tests.helpers.agreement import SHAPES, check

WIDTH = 6
ANTISYMMETRIC = """cell antisymmetric(x, h):
    a = linear(h, bias=none)
    b = linear(h, like=a', bias=none)
    w = a - b - 0.1 * h
    zx = linear(x)
    nx = linear(x)
    h' = h + 0.5 * sigmoid(w + zx) * tanh(w + nx)
"""
TIED = """cell tied(x, h, c):
    a = linear(h, diag=0.5)
    g = linear(c, bias=none, heads=2)
    gt = linear(h, like=g', bias=1)
    xt = linear(x, like=a')
    c' = tanh(xt * c + gt - g)
    n = linear(c', like=a, bias=none)
    h' = tanh(n + a)
"""


def layer_of(text: str, engine: str, inputs: int = WIDTH) -> Recurrent:
    if not ENGINES[engine].works():
        pytest.skip("no working C++ compiler")
    layer = Recurrent(Cell.parse(text), inputs, WIDTH, dtype=torch.float64, engine=engine)
    layer.reset_parameters(2.0, torch.Generator().manual_seed(3))
    return layer


def parameters_of(layer: Recurrent, line: str) -> tuple[Tensor, Tensor | None]:
    """Return the matrix that the map in a line multiplies with, blocks and all, and the map's bias."""
    node = next(node for node in layer.cell.canonical().nodes if node.name == line)
    weight, bias = layer.parameters_of(node.handle)
    matrix = torch.block_diag(*weight.chunk(node.heads))
    return matrix.T if node.transposed else matrix, bias


def antisymmetric(layer: Recurrent, x: Tensor) -> Tensor:
    """Return what the gated antisymmetric RNN of Chang et al. 2019 puts out, with gamma 0.1 and epsilon 0.5."""
    (w, _), (vz, bz), (vh, bh) = (parameters_of(layer, line) for line in ("a", "zx", "nx"))
    assert bz is not None and bh is not None
    h, outputs = torch.zeros(x.shape[1], WIDTH, dtype=x.dtype), []
    for now in x:
        recurrent = h @ (w - w.T - 0.1 * torch.eye(WIDTH, dtype=x.dtype)).T
        h = h + 0.5 * torch.sigmoid(recurrent + now @ vz.T + bz) * torch.tanh(recurrent + now @ vh.T + bh)
        outputs.append(h)
    return torch.stack(outputs)


def tied(layer: Recurrent, x: Tensor) -> Tensor:
    """Return what TIED puts out, from one full matrix, one with two blocks, and three biases."""
    (w, wb), (g, _) = parameters_of(layer, "a"), parameters_of(layer, "g")
    gb, xb = parameters_of(layer, "gt")[1], parameters_of(layer, "xt")[1]
    assert wb is not None and gb is not None and xb is not None
    h = c = torch.zeros(x.shape[1], WIDTH, dtype=x.dtype)
    outputs = []
    for now in x:
        c = torch.tanh((now @ w + xb) * c + (h @ g + gb) - c @ g.T)
        h = torch.tanh(c @ w.T + h @ w.T + wb)
        outputs.append(h)
    return torch.stack(outputs)


@pytest.mark.parametrize("engine", ["interpreter", "native", "stacked"])
@pytest.mark.parametrize(("text", "equations"), [(ANTISYMMETRIC, antisymmetric), (TIED, tied)])
def test_outputs_and_gradients_are_those_of_equations_in_torch(
    text: str, equations: Callable[[Recurrent, Tensor], Tensor], engine: str
) -> None:
    layer = layer_of(text, engine)
    x = torch.randn(7, 3, WIDTH, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    found, expected = layer(x)[0], equations(layer, x)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)
    upstream = torch.randn(found.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    weights = list(layer.parameters())
    for ours, theirs in zip(
        torch.autograd.grad(found, weights, upstream),
        torch.autograd.grad(expected, weights, upstream),
        strict=True,
    ):
        torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-10)


def test_a_shared_matrix_is_one_parameter_and_starts_with_its_diagonal() -> None:
    layer = layer_of(TIED, "interpreter", inputs=4)
    cell = layer.cell
    assert sum(weight.numel() for weight in layer.parameters()) == cell.parameter_count(WIDTH, 4)
    assert sorted(tuple(weight.shape) for weight in layer.parameters()) == [(6,)] * 3 + [
        (6, 3),
        (6, 4),
        (6, 6),
    ]
    layer.reset_parameters(1e-9)
    assert torch.allclose(parameters_of(layer, "a")[0], 0.5 * torch.eye(WIDTH, dtype=torch.float64))
    assert len(layer.matrices()) == 3  # the projection of x among them


def test_cells_with_one_id_start_at_the_same_numbers_whichever_map_is_said_to_have_the_matrix() -> None:
    other = TIED.replace("a = linear(h, diag=0.5)", "a = linear(h, like=xt')").replace(
        "xt = linear(x, like=a')", "xt = linear(x, diag=0.5)"
    )
    one, two = layer_of(TIED, "interpreter"), layer_of(other, "interpreter")
    x = torch.randn(5, 2, WIDTH, dtype=torch.float64)
    assert one.cell.id == two.cell.id and torch.equal(one(x)[0], two(x)[0])


def test_the_weights_of_a_layer_under_the_names_of_engines_are_all_that_it_learns() -> None:
    layer = layer_of(TIED, "interpreter", inputs=4)
    assert sum(weight.numel() for weight in weights_of(layer, 0).values()) == layer.cell.parameter_count(
        WIDTH, 4
    )


def test_the_interpreter_runs_mutants_that_share_as_their_nodes_say() -> None:
    for cell in strategies.sharing_mutants(40, seed=5):
        if cell.width_step > 1:  # the plain way knows no blocks
            continue
        layer = Recurrent(cell, 5, 7, dtype=torch.float64, engine="interpreter")
        x = torch.randn(4, 2, 5, dtype=torch.float64)
        zeros = (torch.zeros(2, 7, dtype=torch.float64),) * len(cell.canonical().states)
        outputs = run(layer, x, zeros, torch.zeros(4, 2, dtype=torch.bool))[0]
        torch.testing.assert_close(layer(x)[0], outputs, rtol=1e-9, atol=1e-9, equal_nan=True)


@pytest.mark.parametrize("engine", ["native", "stacked"])
@pytest.mark.parametrize("turn", range(6))
def test_engines_agree_on_mutants_that_share(turn: int, engine: str) -> None:
    if not ENGINES[engine].works():
        pytest.skip("no working C++ compiler")
    cell = [*strategies.sharing_mutants(6, seed=6)][turn]
    check(cell, [SHAPES[4 + turn]], seed=turn, engine=engine)


@pytest.mark.parametrize("engine", ["native", "stacked"])
@pytest.mark.parametrize("text", [ANTISYMMETRIC, TIED], ids=["antisymmetric", "tied"])
def test_calls_without_gradients_and_single_steps_are_those_of_the_interpreter(
    text: str, engine: str
) -> None:
    layer, oracle = layer_of(text, engine), layer_of(text, "interpreter")
    x = torch.randn(50, 2, WIDTH, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        torch.testing.assert_close(layer(x), oracle(x), rtol=0, atol=1e-12)
        torch.testing.assert_close(layer.step(x[0]), oracle.step(x[0]), rtol=0, atol=1e-12)


@pytest.mark.parametrize("engine", ["native", "stacked"])
@pytest.mark.parametrize(("kept_back", "passed"), [("h", "x * h"), ("x * h", "h"), ("x", "h"), ("h", "x")])
def test_a_matrix_has_a_gradient_through_any_map_that_no_stop_keeps_back(
    kept_back: str, passed: str, engine: str
) -> None:
    text = f"cell k(x, h):\n    a = linear({kept_back})\n    h' = stop(a) + tanh(linear({passed}, like=a') + x)\n"
    x = torch.randn(5, 2, WIDTH, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    found, expected = (
        torch.autograd.grad(layer(x)[0].sum(), list(layer.parameters()), allow_unused=True)
        for layer in (layer_of(text, engine), layer_of(text, "interpreter"))
    )
    assert [one is None for one in found] == [one is None for one in expected] and None in expected
    torch.testing.assert_close([g for g in found if g is not None], [g for g in expected if g is not None])
