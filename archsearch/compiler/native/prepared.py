"""A call of a layer from which nothing is learned, prepared for tensors of one form: what is always the same is done once.

It knows where the weights lie, and every call looks whether they are there still. What they are is read at every call, so it
sees whatever has changed a number, torch or not.
"""

from __future__ import annotations

import ctypes
from array import array

import torch
from torch import Tensor
from torch._C._dynamo.guards import TensorGuards

from archsearch.compiler.differentiable import Inputs
from archsearch.compiler.native.call import Call, CompiledLayer


class Prepared:
    """One form of call; it has memory of its own, so it serves one call at a time.

    Attributes:
        form: Says whether tensors are of the classes, types, shapes, strides and kinds that `Generated.reads` let through.
        places: Where each weight lies.
        itemsize: The bytes of a number.
        like: Tensors with the shapes of the output and of each state.
        before: Addresses of the states, 0 for zeros.
        after: Addresses of the states after the last step.
        call: The arguments, with all that does not change.
        address: Where they lie.
        function: The compiled function that takes them.
        wide: Whether the cell reads x itself, as wide as the layer.
    """

    def __init__(
        self, built: CompiledLayer, inputs: Inputs, given: tuple[Tensor, ...], state: Tensor
    ) -> None:
        """Prepare a call.

        Args:
            built: The cell's functions.
            inputs: What the engine would be given: x (T, B, I), states (B, n), weights; all contiguous.
            given: x and the states as they come, if any do.
            state: A state as it is returned, (1, B, n) or (1, n).
        """
        x, *_ = given
        sizes = *inputs.x.shape[:2], inputs.states[0].shape[1], inputs.x.shape[2]
        self.form = TensorGuards(*given, *inputs.weights, dynamic_dims_sizes=None, dynamic_dims_strides=None)
        self.places = [weight.data_ptr() for weight in inputs.weights]
        self.itemsize = x.element_size()
        self.like = [
            x.new_empty((*x.shape[:-1], sizes[2])),
            *[torch.empty_like(state) for _ in inputs.states],
        ]
        self.before = array("Q", [0] * len(inputs.states))
        self.after = array("Q", self.before)
        self.wide = inputs.wide is not None
        tape, work = (x.new_empty(size) for size in built.forward_sizes(*sizes))
        self.call = Call(sizes, built.product)
        self.call.set(tape=tape, work=work)
        self.call.lists(w=inputs.weights)
        self.call.layer.s0, self.call.layer.sT = self.before.buffer_info()[0], self.after.buffer_info()[0]
        self.address, self.function = ctypes.addressof(self.call.layer), built.forward

    def reads(self, given: tuple[Tensor, ...], weights: tuple[Tensor, ...]) -> bool:
        """Whether the call may be made with these, of any shapes: x, as many states as it was prepared for, and weights."""
        if not self.form.check(*given, *weights) or [*map(Tensor.data_ptr, weights)] != self.places:
            return False
        for tensor in given:
            end = tensor.storage_offset() * self.itemsize + tensor.nbytes
            if end > tensor.untyped_storage().size():
                return False
        return True

    def __call__(self, x: Tensor, *states: Tensor) -> list[Tensor]:
        """Return the output, shaped as x, and the states after the last step, (1, B, n) or (1, n) as those before are."""
        made = [torch.empty_like(tensor) for tensor in self.like]
        addresses = [tensor.data_ptr() for tensor in made]
        layer = self.call.layer
        layer.x, layer.out = x.data_ptr(), addresses[0]
        if self.wide:
            layer.xr = layer.x
        for place, state in enumerate(states):
            self.before[place] = state.data_ptr()
        for place, address in enumerate(addresses[1:]):
            self.after[place] = address
        self.function(self.address)
        return made
