"""Which tensors compiled code may read, and when: numbers in memory of their own, while nothing watches the calls.

Compiled code is given addresses. Whoever transforms or traces a computation (torch.func, torch.jit, torch.export,
dispatch modes, forward derivatives) would not see what it does, and tensors that only stand for others have no address.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch._C import DispatchKey, DispatchKeySet
from torch.autograd import forward_ad

Shape = tuple[int, ...]

KINDS = (Tensor, nn.Parameter)
"""The classes of plain tensors; others may redefine what any method says."""

KEYS = {
    "cpu": ("CPU", "ADInplaceOrView", "AutogradCPU", "AutocastCPU"),
    "cuda": ("CUDA", "ADInplaceOrView", "AutogradCUDA", "AutocastCUDA"),
}
"""What torch's dispatcher looks at in a plain tensor of a device. Any key more means a wrapper, a minus sign that is
still to come, zeros without memory, or another layout."""


def _foreign(names: tuple[str, ...]) -> int:
    """Return the bits of all keys but these."""
    keys = DispatchKeySet(getattr(DispatchKey, names[0]))
    for name in names[1:]:
        keys = keys | DispatchKeySet(getattr(DispatchKey, name))
    return ~int(keys.raw_repr())


FOREIGN = {device: _foreign(names) for device, names in KEYS.items()}


def unwatched() -> bool:
    """Whether this thread calls functions plainly: no transform, tracer, dispatch mode or forward derivative is at work."""
    return not (
        torch._C._len_torch_dispatch_stack()
        or torch._C._are_functorch_transforms_active()
        or forward_ad._current_level >= 0
        or torch._C._get_tracing_state()
        or torch._ops._len_torch_dispatch_stack_pre_dispatch()
    )


def readable(
    tensors: Iterable[Tensor | None], shapes: Iterable[Shape], dtype: torch.dtype, device: torch.device
) -> bool:
    """Whether tensors are plain and as expected: so many numbers of one type, in memory of one device.

    Args:
        tensors: Any, of any shapes; None is as good as what is expected.
        shapes: Those expected.
        dtype: The type expected.
        device: The device expected, on which there can be plain tensors.

    Raises:
        RuntimeError: The memory of one was freed, as `untyped_storage().resize_(0)` does; torch itself may crash on it.
    """
    foreign, keys, several = FOREIGN[device.type], torch._C._dispatch_keys, device.index is not None
    for tensor, shape in zip(tensors, shapes, strict=True):
        if tensor is None:
            continue
        if type(tensor) not in KINDS or tensor.shape != shape or tensor.dtype != dtype:
            return False
        if keys(tensor).raw_repr() & foreign or (several and tensor.device != device):
            return False
        end = tensor.storage_offset() * dtype.itemsize + tensor.nbytes
        if end > tensor.untyped_storage().size():
            _check_memory(tensor)
    return True


def where_tensors_lie(tensors: Iterable[Tensor | None]) -> list[object]:
    """Return what tells tensors, of any shapes, that `readable` has let through from all that it might not.

    It is much cheaper than `readable`. Tensors that have no address give nothing, so they are equal to none.
    """
    try:
        return [
            None if tensor is None else (tensor.data_ptr(), tensor.shape, tensor.dtype, tensor.is_neg())
            for tensor in tensors
        ]
    except RuntimeError:
        return []


def _check_memory(tensor: Tensor) -> None:
    """Refuse a tensor that ends beyond its memory; one that repeats its numbers may have less of it than it has numbers."""
    last = sum((size - 1) * stride for size, stride in zip(tensor.shape, tensor.stride(), strict=True))
    there, size = tensor.untyped_storage().size(), tensor.element_size()
    if (tensor.storage_offset() + last + 1) * size > there:
        raise RuntimeError(
            f"the memory of a tensor of shape {list(tensor.shape)} was freed: it has {there:,} bytes left"
        )
