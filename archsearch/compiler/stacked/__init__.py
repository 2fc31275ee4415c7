"""Settings of one cell trained side by side: R replicas, a *lane* each, in every matrix product and every kernel.

Activations are [R, T, B, H], parameters one flat buffer [R, P]. H and R follow from a trial's own record, never from what
else is in the stack: narrower lanes are padded, and lanes that nobody needs are frozen, so a lane's bits are its own.

A cell becomes a *program*, made of batched products and of generated *kernels* for all that is element-wise. Kernels are
written once and printed in two dialects: plain torch, for any device and precision, and Triton, for float32 on CUDA.

    shape                                  how wide lanes are and how many: the table that decides a stack's bits
    kernels, draft, forward, backward      what is computed, as text; `program` has all of it for a cell
    elementwise, fused, dialects           the two dialects, and which one is spoken where
    layout, arrays, lanes, layer           one layer on tensors, forward and backward
    parameters, head, optimiser, dropout   what a model has besides
    windows, graph, precision, model       a whole stack that trains and is judged
    engine                                 one layer as a torch function, a stack of one lane
"""
