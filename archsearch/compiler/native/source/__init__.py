"""Prints a cell's plan as C++: forward and adjoint of one layer over a whole sequence.

Names follow the canonical numbering (`v7` is node 7, `g7` its gradient), so no text of a user reaches the compiler. Widths
are run-time arguments: one source serves every setting. Arrays are padded to whole vectors; products read true widths only.

    P     the sums of linear maps, accumulator by accumulator, for all rows; an activation may lie where its sum lay
    E7    state 7 before each step        K7   value 7 for all rows        R7   1 / root mean square of a norm's rows
    XR    x as wide as the layer          C7   learned vector or number    W2   the packed weights of product 2
    D     gradients of the sums           D7   of state 7 after a step     N7   of state 7 before it
    GR7   of value 7 for all rows         GC7  within the step             A7   packed input 7 of the weights' gradients
    Q7    a sum for a learned vector, or a row for a norm
    G     sums, or their gradients, of the different rows of x, where these are few
"""

from archsearch.compiler.native.source.assembly import source

__all__ = ["source"]
