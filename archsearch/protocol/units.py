"""The width of a model from its parameter budget (Jozefowicz et al. 2015, section 3.5: a search for the number of units).

Everywhere `x_width` is the width that the embedding, and so x in the first layer, has of its own; 0 makes it as wide as the
layer. A cell that reads a narrow x itself has one more matrix there, which brings x to the width of the layer.
"""

from archsearch.cell import Cell

SMALLEST = 8
"""Narrower models are not measured."""


def matrix_parameters(cell: Cell, n: int, layers: int, x_width: int = 0) -> int:
    """Return the parameters in the matrices of all layers.

    Args:
        cell: The cell.
        n: The width.
        layers: How many.
        x_width: See above.
    """
    whole = int(layers * cell.polynomial[0] * n * n)
    if not x_width:
        return whole
    return whole + n * (cell.input_linears * (x_width - n) + cell.needs_projection * x_width)


def model_parameters(cell: Cell, n: int, symbols: int, layers: int, x_width: int = 0) -> int:
    """Return the parameter count of embedding V·n, layers, and output n·V + V; the embedding of a narrow x is V·x_width.

    Args:
        cell: The cell.
        n: The width.
        symbols: V, the size of the alphabet.
        layers: How many.
        x_width: See above.
    """
    ends = symbols * ((x_width or n) + n + 1)
    return ends + matrix_parameters(cell, n, layers, x_width) + layers * cell.polynomial[1] * n


def products(cell: Cell, n: int, symbols: int, layers: int, x_width: int = 0) -> int:
    """Return the multiplications of a forward step for each position, in the matrix products of layers and output.

    Args:
        cell: The cell.
        n: The width.
        symbols: Size of the alphabet.
        layers: How many.
        x_width: See above.
    """
    return matrix_parameters(cell, n, layers, x_width) + n * symbols


def units(cell: Cell, symbols: int, layers: int, budget: int, x_width: int = 0) -> int:
    """Return the largest width whose parameter count is within the budget; 0 if there is none.

    It is a multiple of what the heads of the cell ask for. A cell that reads a narrow x itself is never just as wide as x,
    where it would have it for nothing: one unit less then, or the next multiple.

    Args:
        cell: The cell.
        symbols: Size of the alphabet.
        layers: How many.
        budget: Parameters.
        x_width: See above.
    """
    low, high = 0, budget // symbols + 1
    while low < high:
        middle = (low + high + 1) // 2
        if model_parameters(cell, middle, symbols, layers, x_width) <= budget:
            low = middle
        else:
            high = middle - 1
    low -= low % cell.width_step
    return low - cell.width_step * (low == x_width and cell.needs_projection and low > 0)


def smallest_budget(cell: Cell, symbols: int, layers: int, x_width: int = 0) -> int:
    """Return the smallest budget that gives a measurable width.

    Args:
        cell: The cell.
        symbols: Size of the alphabet.
        layers: How many.
        x_width: See above.
    """
    least = cell.width_from(SMALLEST)
    least += cell.width_step * (x_width == least and cell.needs_projection)
    return model_parameters(cell, least, symbols, layers, x_width)
