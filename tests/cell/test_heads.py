"""A linear map with heads: equal blocks along the diagonal, counted, started, computed and refused as such."""

from fractions import Fraction

import pytest
import torch

from archsearch.cell import Cell
from archsearch.compiler import Recurrent
from archsearch.errors import CellError
from archsearch.protocol.units import model_parameters, smallest_budget, units
from archsearch.words import polynomial

TEXT = "cell headed(x, h):\n    h' = tanh(linear(x) + linear(h, bias=none, heads=HEADS))\n"


def headed(heads: float) -> Cell:
    return Cell.parse(TEXT.replace("HEADS", str(heads)))


def test_heads_are_part_of_a_cell_and_one_head_is_none() -> None:
    assert len({headed(heads).id for heads in (1, 2, 4)}) == 3
    assert "heads" not in headed(1).text() and "heads=4)" in headed(4).text()
    assert headed(1).id == Cell.parse(TEXT.replace(", heads=HEADS", "")).id


def test_a_matrix_with_heads_has_so_many_times_fewer_numbers() -> None:
    assert [headed(heads).parameter_count(12) for heads in (1, 2, 3, 4)] == [300, 228, 204, 192]
    assert headed(4).polynomial == (Fraction(5, 4), 1) and headed(4).coefficients == {"n2": 1.25, "n": 1}
    assert polynomial(headed(4).polynomial) == "5/4n²+n"
    layer = Recurrent(headed(4), 5, 12, num_layers=2)
    count = headed(4).parameter_count(12, 5) + headed(4).parameter_count(12)
    assert sum(parameter.numel() for parameter in layer.parameters()) == count


@pytest.mark.parametrize("engine", ["interpreter", "native", "stacked"])
def test_a_layer_with_heads_is_one_with_zeros_beside_the_blocks(engine: str) -> None:
    layer = Recurrent(headed(3), 4, 6, dtype=torch.float64, engine=engine)
    plain = Recurrent(headed(1), 4, 6, dtype=torch.float64, engine="interpreter")
    blocks = next(weight for weight in layer.parameters() if weight.shape == (6, 2))
    mine = dict(zip("xb", (weight for weight in layer.parameters() if weight is not blocks), strict=True))
    with torch.no_grad():
        for name, weight in plain.named_parameters():
            if name.startswith("weight_h"):
                weight.zero_()
                for row in range(6):
                    weight[row, row // 2 * 2 : row // 2 * 2 + 2] = blocks[row]
            else:
                weight.copy_(mine["b" if name.startswith("bias") else "x"])
    x = torch.randn(5, 2, 4, dtype=torch.float64)
    torch.testing.assert_close(layer(x)[0], plain(x)[0], rtol=0, atol=1e-12)


def test_diag_is_added_to_the_diagonal_of_every_block() -> None:
    cell = Cell.parse("cell k(x, h):\n    h' = linear(h, bias=none, diag=5, heads=2) + x\n")
    (weight,) = Recurrent(cell, 6, 6).parameters()
    assert [[place for place in range(3) if row[place] > 3] for row in weight.tolist()] == [[0], [1], [2]] * 2


@pytest.mark.parametrize("engine", ["interpreter", "native", "stacked"])
def test_a_width_that_the_heads_do_not_divide_is_refused_with_the_next_that_they_do(engine: str) -> None:
    cell = Cell.parse("cell k(x, h):\n    h' = linear(h, heads=4) + linear(x, heads=6)\n")
    assert cell.width_step == 12
    with pytest.raises(CellError, match=r"cell 'k' .* a multiple of 12, and 16 is none; the next is 24"):
        Recurrent(cell, 3, 16, engine=engine)


def test_a_budget_gives_the_largest_width_that_the_heads_divide() -> None:
    for heads in (2, 4, 5):
        cell = headed(heads)
        width = units(cell, 40, 2, 25_000)
        assert width % heads == 0 and width > 60
        assert model_parameters(cell, width, 40, 2) <= 25_000 < model_parameters(cell, width + heads, 40, 2)
        assert units(cell, 40, 1, smallest_budget(cell, 40, 1)) == cell.width_from(8)
