"""What is measured: shapes that people write, cells that stay the same, and their arithmetic."""

import pytest

from archsearch.bench import SHAPES, USUAL, LayerShape, mutants
from archsearch.bench.subjects import CLOSELY, product_flops
from archsearch.cell import library
from archsearch.errors import InputError


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_a_shape_is_read_as_it_is_printed(shape: LayerShape) -> None:
    assert LayerShape.parse(str(shape)) == shape


@pytest.mark.parametrize("text", ["", "20x35x96", "B20T35", "B0T35H96", "B20T35H96x"])
def test_another_text_is_no_shape(text: str) -> None:
    with pytest.raises(InputError, match="a shape is batch, steps and width, such as B20T35H256"):
        LayerShape.parse(text)


def test_the_usual_cells_are_of_the_library() -> None:
    assert set(CLOSELY) <= set(USUAL) <= set(library.names())


def test_the_mutants_are_always_the_same() -> None:
    ids = {name: cell.id[:9] for name, cell in mutants().items()}
    assert ids == {"gru mutant 5": "c764b4a42", "lstm mutant 1": "ce514400f", "mut1 mutant 1": "c384a781c"}


def test_the_gru_has_six_products_forward_and_twelve_backward() -> None:
    assert product_flops(library.load("gru"), LayerShape(20, 35, 256)) == 36 * 20 * 35 * 256**2
