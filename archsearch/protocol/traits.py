"""What a cell's graph alone says of its size and form."""

from __future__ import annotations

from typing import NamedTuple

from archsearch.cell import Cell, jacobian_class
from archsearch.cell.cell import Polynomial

WIDTH = 128
"""Units of a layer whose parameters are counted, x as wide."""


class Traits(NamedTuple):
    """Size and form of a cell.

    Attributes:
        parameters: Of a layer of `WIDTH` units.
        states: How many states matter.
        jacobian: The form of the derivative of the next states by the states, such as "diagonal, affine".
    """

    parameters: int
    states: int
    jacobian: str


def traits_of(cell: Cell) -> Traits:
    """Return size and form of a cell; equal for cells with one id."""
    return Traits(
        parameters=layer_parameters(cell.polynomial),
        states=len(cell.canonical().states),
        jacobian=str(jacobian_class(cell)),
    )


def layer_parameters(polynomial: Polynomial) -> int:
    """Return the parameters of a layer of `WIDTH` units, rounded where the heads of a cell do not divide it."""
    a, b = polynomial
    return round(a * WIDTH**2 + b * WIDTH)
