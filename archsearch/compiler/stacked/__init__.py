"""Settings of one cell trained side by side: R replicas, a *lane* each, in every matrix product and every kernel.

Activations are [R, T, B, H], parameters one flat buffer [R, P]. H and R follow from a trial's own record, never from what
else is in the stack: narrower lanes are padded, and lanes that nobody needs are frozen, so a lane's bits are its own.

A cell becomes a *program*, made of batched products and of generated *kernels* for all that is element-wise. Kernels are
printed once and speak two dialects: plain torch, for any device and precision, and Triton, for float32 on CUDA.
"""
