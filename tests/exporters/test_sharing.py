"""Cells whose linear maps share matrices, as each format shows them; that they compute the same is held with all others."""

import re

import pytest
import torch

from archsearch.cell import Cell, library
from archsearch.compiler import Recurrent
from archsearch.exporters.c import to_c
from archsearch.exporters.dot import to_dot
from archsearch.exporters.drawing.svg import to_svg
from archsearch.exporters.graph_json import from_json, to_json
from archsearch.exporters.latex import to_latex
from archsearch.exporters.python import to_python
from archsearch.exporters.tidy import tidy

TIED = Cell.parse("""cell tied(x, h):
    a = linear(h, bias=none)
    b = linear(h, like=a', bias=none)
    h' = h + tanh(a - b + linear(x))
""")
BLOCKS = Cell.parse("""cell blocks(x, h):
    a = linear(h, bias=none, heads=2)
    h' = tanh(a + linear(x, like=a'))
""")


def turned(cell: Cell) -> Cell:
    """Return the cell with its matrix at the map that the canonical form has it not at."""
    (first,) = {node.owner for node in cell.canonical().ops if node.like is not None}
    name = cell.canonical().node(first).name
    one, other = ("a", "b") if name == "a" else ("b", "a")
    text = cell.text()
    line = {key: re.search(rf"{key} = linear\((\w+), [^\n]*", text) for key in "ab"}
    text = text.replace(line[one][0], f"{one} = linear({line[one][1]}, like={other}', bias=none)")
    return Cell.parse(text.replace(line[other][0], f"{other} = linear({line[other][1]}, bias=none)"))


def test_equations_name_the_matrix_and_its_transpose() -> None:
    text = to_latex(TIED)
    (matrix,) = set(re.findall(r"W_\{[ab] h\}", text))

    assert text.count(f"{matrix} ") == 1 and text.count(rf"{matrix}^{{\top}} ") == 1
    assert re.search(r"\(\\operatorname\{diag\}_\{2\} W_\{\w+ \w\}\)\^\{\\top\}", to_latex(BLOCKS))


def test_a_graph_ties_the_maps_with_a_line_that_is_no_edge() -> None:
    (line,) = (line for line in to_dot(TIED).splitlines() if "like" in line)

    assert line.endswith("""[dir=none, style=dashed, constraint=false, label="like'"];""")


def test_a_picture_says_whose_matrix_it_is() -> None:
    assert re.search("like [ab]\u2032", to_svg(TIED))


def test_c_has_one_matrix_and_reads_its_columns_for_the_transpose() -> None:
    text = to_c(TIED)

    assert len(re.findall(r"const tied_real \*W_\w*h;", text)) == 1
    assert "tied_down(" in text and "_down(" not in to_c(library.load("gru"))


def test_the_class_has_one_matrix_and_says_what_like_means() -> None:
    text = to_python(TIED)

    assert len(re.findall(r"self\.W_\w*h = matrix", text)) == 1 and ".t()" in text
    assert "like=a' its transpose" in text and "like=" not in to_python(library.load("gru"))


@pytest.mark.parametrize("cell", [TIED, turned(TIED)], ids=["as written", "turned"])
def test_weights_go_to_the_class_and_back_wherever_the_matrix_is_written(cell: Cell) -> None:
    layer = Recurrent(cell, 3, 4, dtype=torch.float64)
    module = layer.to_module()
    x = torch.randn(5, 2, 3, dtype=torch.float64)

    assert cell.id == TIED.id and sum(
        weight.numel() for weight in module.parameters()
    ) == cell.parameter_count(4, 3)
    torch.testing.assert_close(module(x)[0], layer(x)[0], rtol=0, atol=1e-12)
    torch.testing.assert_close(Recurrent.from_module(cell, module)(x)[0], layer(x)[0], rtol=0, atol=0)


def test_exports_have_the_matrix_where_the_canonical_form_has_it() -> None:
    for cell in (TIED, turned(TIED)):
        shown = tidy(cell)
        (owner,) = {node.owner for node in shown.cell.nodes if node.like is not None}
        (canonical,) = {node.owner for node in shown.cell.canonical().nodes if node.like is not None}
        assert shown.origin[canonical] == owner


def test_maps_that_compute_the_same_are_one_in_exports() -> None:
    cell = Cell.parse(
        "cell k(x, h):\n    a = linear(x, bias=none)\n    b = linear(x, like=a, bias=none)\n    h' = tanh(a + h) * b\n"
    )
    layer = Recurrent(cell, 3, 4, dtype=torch.float64)
    x = torch.randn(5, 2, 3, dtype=torch.float64)

    assert "like" not in tidy(cell).cell.text()
    torch.testing.assert_close(layer.to_module()(x)[0], layer(x)[0], rtol=0, atol=1e-12)


def test_json_has_who_shares_and_an_altered_one_is_refused() -> None:
    text = to_json(TIED)

    assert from_json(text).id == TIED.id and '"transposed": true' in text
    with pytest.raises(Exception, match="'nodes' does not fit"):
        from_json(text.replace('"transposed": true', '"transposed": false'))
    assert "like" not in to_json(library.load("gru"))
