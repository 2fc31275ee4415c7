"""The Newton engine: all states of a sequence at once, and the interpreter's numbers."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from archsearch.cell import Cell, jacobian_class, library
from archsearch.compiler import Recurrent
from archsearch.compiler.newton import MOST, Newton
from archsearch.compiler.scan import scanned

APART = [name for name in library.names() if jacobian_class(library.load(name)).structure != "dense"]
"""The library's cells whose units do not mix."""

CROSSED = """
cell crossed(x, h, c):    # each state follows the other
    h' = tanh(linear(x) + c)
    c' = sigmoid(x) * h + scale(c)
"""
T, B, N = 50, 3, 8


def layer(cell: Cell, engine: str, dtype: torch.dtype = torch.float64, spread: float = 1.0) -> Recurrent:
    torch.manual_seed(0)
    made = Recurrent(cell, N, N, engine=engine, dtype=dtype)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.mul_(spread)
    return made


def results(made: Recurrent, dtype: torch.dtype = torch.float64) -> list[Tensor]:
    """Return the output, the last states, and all gradients of a sequence with resets that begins somewhere."""
    draw = torch.Generator().manual_seed(1)
    x = torch.randn(T, B, N, dtype=torch.float64, generator=draw).to(dtype).requires_grad_()
    reset = torch.rand(T, B, generator=draw) < 0.1
    states = [
        torch.randn(1, B, N, dtype=torch.float64, generator=draw).to(dtype).requires_grad_()
        for _ in made.cell.states
    ]
    out, after = made(x, tuple(states) if len(states) > 1 else states[0], reset=reset)
    last = after if isinstance(after, tuple) else (after,)
    weights = torch.linspace(-1.0, 2.0, out.numel(), dtype=dtype).view_as(out)
    loss = (out * weights).sum() + sum(state.square().sum() for state in last)
    leaves = [x, *states, *made.parameters()]
    gradients = torch.autograd.grad(loss, leaves, allow_unused=True, materialize_grads=True)
    return [out.detach(), *[state.detach() for state in last], *gradients]


def assert_equal(found: list[Tensor], expected: list[Tensor], within: float = 1e-10) -> None:
    for mine, theirs in zip(found, expected, strict=True):
        assert (mine - theirs).norm() <= within * max(float(theirs.norm()), 1.0)


@pytest.mark.parametrize("name", APART)
def test_cells_whose_units_do_not_mix_have_the_interpreters_states_and_gradients(name: str) -> None:
    cell = library.load(name)
    made = layer(cell, "newton")
    assert isinstance(made._run, Newton) and made._run.suits
    assert_equal(results(made), results(layer(cell, "interpreter")))


def test_states_that_follow_each_other_are_found_together() -> None:
    cell = Cell.parse(CROSSED)
    assert jacobian_class(cell).structure == "block-diagonal"
    assert_equal(results(layer(cell, "newton")), results(layer(cell, "interpreter")))


def test_an_affine_cell_is_as_exact_where_its_states_are_far_smaller_than_those_it_began_with() -> None:
    cell = Cell.parse("cell c(x, h):\n    h' = x * h\n")
    (out, last, *_), (expected, theirs, *_) = (
        results(layer(cell, engine)) for engine in ("newton", "interpreter")
    )
    assert expected.abs().min() == 0 < expected.abs().max(), "resets leave nothing but zeros"
    assert torch.allclose(out, expected, rtol=1e-12, atol=0) and torch.equal(last, theirs)


def test_in_single_precision_the_error_is_that_of_single_precision() -> None:
    for name in ("mingru", "paragru", "indylstm"):
        exact = results(layer(library.load(name), "interpreter"))
        single = torch.float32
        found = results(layer(library.load(name), "newton", single), single)
        assert_equal([each.double() for each in found], exact, 1e-5)


def _steps_taken(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that grows with every Newton step."""
    taken: list[int] = []
    counted = Newton._tangent

    def counting(*given: Any) -> Any:
        taken.append(1)
        return counted(*given)

    monkeypatch.setattr(Newton, "_tangent", counting)
    return taken


@pytest.mark.parametrize(("name", "least", "most"), [("mingru", 1, 1), ("paragru", 3, 12)])
def test_an_affine_cell_takes_one_newton_step_and_others_few(
    monkeypatch: pytest.MonkeyPatch, name: str, least: int, most: int
) -> None:
    made, taken = layer(library.load(name), "newton"), _steps_taken(monkeypatch)
    with torch.no_grad():
        made(torch.randn(T, B, N, dtype=torch.float64))
    assert least <= len(taken) <= most


def test_states_that_newton_does_not_find_are_computed_one_after_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chaos = Cell.parse("cell chaos(x, h):\n    h' = sin(40 * h) + x\n")
    steps = MOST + T
    x = torch.randn(steps, B, N, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    made, taken = layer(chaos, "newton"), _steps_taken(monkeypatch)
    assert torch.equal(made(x)[0], layer(chaos, "interpreter")(x)[0])
    assert len(taken) == MOST


def test_a_sequence_that_leaves_the_numbers_has_the_interpreters_gradients() -> None:
    grows = Cell.parse("cell grows(x, h):\n    h' = h * h + x + 3\n")
    found, expected = results(layer(grows, "newton")), results(layer(grows, "interpreter"))
    for mine, theirs in zip(found, expected, strict=True):
        assert torch.equal(mine.isfinite(), theirs.isfinite())


@pytest.mark.parametrize(
    "cell",
    [library.load("gru"), Cell.parse("cell kept(x, h):\n    h' = tanh(linear(x) + stop(h))\n")],
    ids=lambda cell: cell.name,
)
def test_a_cell_whose_units_mix_or_that_keeps_gradients_back_is_the_interpreters(cell: Cell) -> None:
    found, expected = results(layer(cell, "newton")), results(layer(cell, "interpreter"))
    assert all(torch.equal(mine, theirs) for mine, theirs in zip(found, expected, strict=True))


def test_whoever_changes_the_output_in_place_changes_no_gradient() -> None:
    made, slopes = layer(library.load("paragru"), "newton"), []
    for change in (False, True):
        x = torch.ones(T, B, N, dtype=torch.float64, requires_grad=True)
        out, last = made(x)
        loss = (out * 1.0).sum() + (last * 1.0).sum()
        if change:
            with torch.no_grad():
                out.zero_()
                last.zero_()
        slopes += torch.autograd.grad(loss, x)
    assert torch.equal(*slopes)


def test_second_derivatives_are_the_interpreters() -> None:
    penalties = []
    for engine in ("newton", "interpreter"):
        made = layer(library.load("paragru"), engine)
        x = torch.ones(T, B, N, dtype=torch.float64, requires_grad=True)
        (slope,) = torch.autograd.grad(made(x)[0].sum(), x, create_graph=True)
        slope.square().sum().backward()
        penalties.append(x.grad)
    torch.testing.assert_close(*penalties)


@pytest.mark.parametrize("states", [1, 2, 3])
@pytest.mark.parametrize("steps", [1, 2, 3, 7, 8, 9])
def test_a_scan_is_the_recurrence(states: int, steps: int) -> None:
    draw = torch.Generator().manual_seed(states * steps)
    slopes = torch.randn(states, states, steps, B, N, dtype=torch.float64, generator=draw)
    right = torch.randn(states, steps, B, N, dtype=torch.float64, generator=draw)
    value, expected = torch.zeros_like(right[:, 0]), []
    for step in range(steps):
        value = torch.einsum("ijbn,jbn->ibn", slopes[:, :, step], value) + right[:, step]
        expected.append(value)
    torch.testing.assert_close(scanned(slopes, right), torch.stack(expected, 1))
