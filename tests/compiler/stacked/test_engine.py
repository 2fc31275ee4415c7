"""The stacked engine as a torch layer: retained graphs, second derivatives, what it hands to the interpreter."""

import pytest
import torch

from archsearch.cell import Cell
from archsearch.compiler import Recurrent


def layer(dtype: torch.dtype = torch.float64) -> Recurrent:
    torch.manual_seed(0)
    return Recurrent("mut1", 5, 9, dtype=dtype, engine="stacked")


def test_a_second_backward_of_a_retained_graph_leaves_the_first_ones_gradients() -> None:
    made = layer()
    leaves = [
        torch.randn(6, 3, 5, dtype=torch.float64, requires_grad=True),
        torch.randn(1, 3, 9, dtype=torch.float64),
    ]
    output, _ = made(leaves[0], leaves[1].requires_grad_())
    wanted = [*leaves, *made.parameters()]
    first = torch.autograd.grad(output.sum(), wanted, retain_graph=True)
    kept = [gradient.clone() for gradient in first]
    other = torch.autograd.grad(output.square().sum(), wanted, retain_graph=True)
    again = torch.autograd.grad(output.sum(), wanted)
    assert all(torch.equal(a, b) for a, b in zip(first, kept, strict=True)) and not torch.equal(
        first[1], other[1]
    )
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))


def test_an_output_may_be_changed_in_place_after_its_gradient_was_asked_for() -> None:
    made, x = layer(), torch.randn(6, 3, 5, dtype=torch.float64)
    expected = torch.autograd.grad(made(x)[0].sum(), made.parameters())
    output, _ = made(x)
    total = output.sum()
    with torch.no_grad():
        output.zero_()
    found = torch.autograd.grad(total, made.parameters())
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))


def test_what_no_gradient_reaches_has_none_as_in_the_interpreter() -> None:
    cell = Cell.parse("cell half(x, h):\n    h' = tanh(linear(x) + stop(linear(h)))\n")
    found = {}
    for engine in ("stacked", "interpreter"):
        made = Recurrent(cell, 8, 8, engine=engine)
        made(torch.ones(5, 2, 8))[0].sum().backward()
        found[engine] = {name: parameter.grad is None for name, parameter in made.named_parameters()}
    assert found["stacked"] == found["interpreter"] and set(found["stacked"].values()) == {True, False}


def test_second_derivatives_are_the_interpreters() -> None:
    made, other = layer(), Recurrent("mut1", 5, 9, dtype=torch.float64, engine="interpreter")
    other.load_state_dict(made.state_dict())
    x = torch.randn(4, 2, 5, dtype=torch.float64, requires_grad=True)
    found = []
    for of in (made, other):
        (gradient,) = torch.autograd.grad(of(x)[0].square().sum(), x, create_graph=True)
        found.append(torch.autograd.grad(gradient.square().sum(), x)[0])
    torch.testing.assert_close(*found, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_other_types_go_to_the_interpreter(dtype: torch.dtype) -> None:
    x = torch.randn(4, 2, 5, dtype=dtype)
    assert layer(dtype)(x)[0].dtype == dtype
