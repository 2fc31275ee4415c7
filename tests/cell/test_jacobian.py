"""The form of a cell's Jacobian is read off its graph, and what automatic differentiation finds is nowhere outside of it."""

import pytest
import torch
from torch.func import jacrev

from archsearch.cell import Cell, jacobian_class, library
from archsearch.compiler import Recurrent
from tests.exporters.cells import mutant

FORMS = {
    "cell a(x, h): h' = tanh(linear(x) + scale(h))": "diagonal",
    "cell a(x, h): h' = sigmoid(x) * h + linear(x)": "diagonal, affine",
    "cell a(x, h): h' = h / linear(x) - stop(h)": "diagonal, affine",
    "cell a(x, h): h' = linear(x) / h": "diagonal",
    "cell a(x, h): h' = h * h + x": "diagonal",
    "cell a(x, h): h' = tanh(linear(x))": "diagonal, affine",
    "cell a(x, h): h' = tanh(linear(x) + linear(h))": "dense",
    "cell a(x, h): h' = linear(x) + linear(h)": "dense, affine",
    "cell a(x, h): h' = tanh(x) * stop(linear(h))": "dense, affine",
    "cell a(x, h): h' = norm(h) + x": "dense",
    "cell a(x, h, c): f = sigmoid(x + scale(h)); c' = f * c + x; h' = f * tanh(c')": "block-diagonal",
    "cell a(x, h, c): c' = h; h' = x + c": "block-diagonal, affine",
    "cell a(x, h, c): c' = c + linear(h); h' = tanh(c')": "dense",
}


def parsed(line: str) -> Cell:
    """Return the cell of a line whose statements are parted by semicolons."""
    head, body = line.split(": ", 1)
    return Cell.parse(f"{head}:\n" + "".join(f"    {part}\n" for part in body.split("; ")))


@pytest.mark.parametrize("line", FORMS)
def test_the_form_of_a_jacobian_is_read_off_the_graph(line: str) -> None:
    assert str(jacobian_class(parsed(line))) == FORMS[line]


def test_of_the_library_few_cells_have_units_by_themselves() -> None:
    found = {name: str(jacobian_class(library.load(name))) for name in library.names()}
    assert {name: form for name, form in found.items() if form != "dense"} == {
        "brc": "diagonal",
        "hgrn": "block-diagonal, affine",
        "indrnn": "diagonal",
        "indylstm": "block-diagonal",
        "mingru": "diagonal, affine",
        "minlstm": "diagonal, affine",
        "paragru": "diagonal",
        "paralstm": "block-diagonal",
        "rg_lru": "diagonal, affine",
        "sru": "block-diagonal",
        "unicornn": "block-diagonal",
    }


def test_a_state_that_nothing_needs_does_not_count() -> None:
    cell = parsed("cell a(x, h, c): n = tanh(x + scale(h)); c' = c + linear(h); h' = n + c")
    (alone,) = (node.handle for node in cell.nodes if node.name == "n")
    idle = cell.edited({}, (alone, cell.next[1]))
    assert idle is not None and str(jacobian_class(idle)) == "diagonal"


@pytest.mark.parametrize("parent", ["indrnn", "mingru", "lstm"])
def test_automatic_differentiation_finds_nothing_outside_of_the_form(parent: str) -> None:
    for cell in (mutant(seed, parent, steps=3).canonical() for seed in range(8)):
        structure, affine = jacobian_class(cell).structure, jacobian_class(cell).affine
        jacobian, other = _jacobian(cell, 1), _jacobian(cell, 2)
        units, states = torch.eye(4), torch.eye(len(cell.states))
        if structure != "dense":
            assert not (jacobian * (1 - units[None, :, None, :])).any()
        if structure == "diagonal":
            assert not (jacobian * (1 - states[:, None, :, None])).any()
        if affine:
            torch.testing.assert_close(jacobian, other, rtol=0.0, atol=1e-12)


def _jacobian(cell: Cell, seed: int) -> torch.Tensor:
    """Return the derivative of the next states by the states, drawn from a seed, shape (states, n, states, n)."""
    torch.manual_seed(0)
    layer = Recurrent(cell, 3, 4, dtype=torch.float64, engine="interpreter")
    x, count = torch.randn(1, 3, dtype=torch.float64), len(cell.states)

    def after(states: torch.Tensor) -> torch.Tensor:
        given = tuple(states.reshape(count, 1, 1, 4))
        _, found = layer.step(x, given if count > 1 else given[0])
        return torch.stack([each.reshape(4) for each in ((found,) if count == 1 else found)])

    generator = torch.Generator().manual_seed(seed)
    found: torch.Tensor = jacrev(after)(torch.randn(count, 4, generator=generator, dtype=torch.float64))
    return found
