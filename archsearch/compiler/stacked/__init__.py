"""Settings of one cell trained side by side: R replicas, a *lane* each, in every matrix product and every kernel.

Activations are [R, T, B, H], parameters one flat buffer [R, P]. H and R follow from a trial's own record, never from what
else is in the stack: narrower lanes are padded, and lanes that nobody needs are frozen, so a lane's bits are its own.

A cell's *program* (see `compiler.program`) has batched products, and *kernels* for all that is element-wise; these are
printed in two dialects: plain torch, for any device and precision, and Triton, for float32 on CUDA.

    shape                            how wide lanes are and how many: the table that decides a stack's bits
    torch_dialect, triton_dialect    kernels as functions; triton_functions is what the latter call
    dialects, precision              which dialect is spoken where, and how exactly products are computed
    arrays, lanes, layer             one layer on tensors, forward and backward
    persistent, persistent_source    the loop over time as one Triton kernel; persistent_places and persistent_functions are
                                     what its text names and calls
    persistent_choice                when that is, and what a program instance of it has
    engine                           one layer as a torch function, a stack of one lane
"""
