"""The width of a model from its parameter budget (Jozefowicz et al. 2015, section 3.5: a search for the number of units)."""

from archsearch.cell import Cell

SMALLEST = 8
"""Narrower models are not measured."""


def model_parameters(cell: Cell, n: int, symbols: int, layers: int) -> int:
    """Return the parameter count of embedding V·n, layers, and output n·V + V.

    Args:
        cell: The cell.
        n: The width.
        symbols: V, the size of the alphabet.
        layers: How many.
    """
    a, b = cell.polynomial
    return 2 * symbols * n + layers * (a * n * n + b * n) + symbols


def products(cell: Cell, n: int, symbols: int, layers: int) -> int:
    """Return the multiplications of a forward step for each position, in the matrix products of layers and output.

    Args:
        cell: The cell.
        n: The width.
        symbols: Size of the alphabet.
        layers: How many.
    """
    return layers * cell.polynomial[0] * n * n + n * symbols


def units(cell: Cell, symbols: int, layers: int, budget: int) -> int:
    """Return the largest width whose parameter count is within the budget; 0 if there is none.

    Args:
        cell: The cell.
        symbols: Size of the alphabet.
        layers: How many.
        budget: Parameters.
    """
    low, high = 0, budget // (2 * symbols) + 1
    while low < high:
        middle = (low + high + 1) // 2
        if model_parameters(cell, middle, symbols, layers) <= budget:
            low = middle
        else:
            high = middle - 1
    return low


def smallest_budget(cell: Cell, symbols: int, layers: int) -> int:
    """Return the smallest budget that gives a measurable width.

    Args:
        cell: The cell.
        symbols: Size of the alphabet.
        layers: How many.
    """
    return model_parameters(cell, SMALLEST, symbols, layers)
