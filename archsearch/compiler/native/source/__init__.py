"""Prints a cell's program as C++: forward and adjoint of one layer over a whole sequence.

Names follow the canonical numbering (`v7` is node 7, `g7` its gradient), so no text of a user reaches the compiler. Widths
are run-time arguments: one source serves every setting. Arrays are padded to whole vectors; products read true widths only.
They are called as in `program.layout`, and these are here alone:

    M7    the whole matrix of node 7 where it has heads, and its gradient
    W2    the packed weights of product 2          A7    packed input 7 of the weights' gradients, Ax of x
    F2    where its matrices lie
    Qg7   a row of g7, for a sum over it           G     sums, or their gradients, of the different rows of x, where these
    bias  what every row's sums begin with               are few; X is G, or P and D themselves

    cpp_dialect, activations         a kernel as loops over rows and vectors
    forward, backward, deferred      what runs around the kernels
    address, printer, assembly       what these share; the whole text
"""

from archsearch.compiler.native.source.assembly import source

__all__ = ["source"]
