"""A layer's weights under the letters of the papers, for tests that compare a cell with equations written elsewhere."""

from types import SimpleNamespace

import numpy as np

from archsearch.cell import Cell
from archsearch.compiler import Recurrent


def letters(layer: Recurrent) -> SimpleNamespace:
    """Return the weights of a layer's one level as float64 arrays, named after the lines of its cell.

    In the line of gate `i`: `W_ix` is the matrix at x, `W_ih` the one at h (also at `r * h` or `tanh(h)`), `p_i` the
    learned vector, `b_i` the bias; where a line has several biases they are `b_ix`, `b_ih`. A second matrix on the
    same operand, under a subtraction (the candidates of DARTS and ENAS), is `V_...`. `P` is the projection of x.
    """
    return SimpleNamespace()
