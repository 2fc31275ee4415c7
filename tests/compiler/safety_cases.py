"""Tensors and surroundings that compiled code must not meet; run as a program, one line per case is printed.

    python safety_cases.py ENGINE

Each case is computed by the engine and by the interpreter. `equal` and `error` are good, `different` is not; where a line
is missing, the process died.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch._subclasses import FakeTensorMode
from torch.overrides import TorchFunctionMode
from torch.utils.flop_counter import FlopCounterMode

from archsearch.compiler import Recurrent

STEPS, BATCH, WIDTH = 3, 2, 4
DTYPE = torch.float64
Call = tuple[dict[str, Tensor], Tensor, tuple[Tensor, ...], Tensor | None]
Case = Callable[[Recurrent], list[Tensor]]


class Lying(Tensor):
    """A tensor that says that its numbers lie somewhere else."""

    def data_ptr(self) -> int:
        return 8


class Elsewhere(TorchFunctionMode):
    """Whatever memory is asked for has no numbers."""

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if getattr(function, "__name__", "") in ("empty", "empty_like", "new_empty"):
            return torch.empty(0)
        return function(*args, **(kwargs or {}))


def escaped(transform: Callable[..., Any], tensor: Tensor) -> Tensor:
    """Return the wrapper that a transform of torch.func gives to its function."""
    kept: list[Tensor] = []

    def keep(inner: Tensor) -> Tensor:
        kept.append(inner)
        return inner.sum()

    transform(keep)(tensor)
    return kept[0]


def freed(tensor: Tensor) -> Tensor:
    copy = tensor.detach().clone()
    copy.untyped_storage().resize_(0)
    return copy


def negative(tensor: Tensor) -> Tensor:
    """Return an equal tensor whose minus sign is still to come."""
    return torch.complex(torch.zeros_like(tensor), -tensor.detach()).conj().imag


CHANGES: dict[str, Callable[[Tensor], Tensor]] = {
    "small": lambda tensor: tensor.detach().new_ones([2] * tensor.dim()),
    "large": lambda tensor: tensor.detach().new_ones([64] * tensor.dim()),
    "transposed": lambda tensor: tensor.detach().clone().transpose(0, -1),
    "flat": lambda tensor: tensor.detach().clone().flatten(),
    "reshaped": lambda tensor: tensor.detach().clone().reshape(2, -1),
    "turned": lambda tensor: tensor.detach().clone().reshape(tensor.shape[::-1]),
    "one more dimension": lambda tensor: tensor.detach().clone().unsqueeze(0),
    "empty": lambda tensor: tensor.detach().new_empty(0),
    "half": lambda tensor: tensor.detach().half(),
    "single": lambda tensor: tensor.detach().float(),
    "whole": lambda tensor: tensor.detach().long(),
    "complex": lambda tensor: tensor.detach().to(torch.complex64),
    "meta": lambda tensor: tensor.detach().to("meta"),
    "sparse": lambda tensor: tensor.detach().to_sparse(),
    "quantised": lambda tensor: torch.quantize_per_tensor(tensor.detach().float(), 0.1, 0, torch.qint8),
    "oneDNN": lambda tensor: tensor.detach().float().to_mkldnn(),
    "nested": lambda tensor: torch.nested.nested_tensor([tensor.detach(), tensor.detach()]),
    "expanded": lambda tensor: tensor.detach().flatten()[:1].expand(tensor.shape),
    "sliced": lambda tensor: tensor.detach().repeat_interleave(2, -1)[..., ::2],
    "negative": negative,
    "zeros without memory": lambda tensor: torch._efficientzerotensor(tensor.shape, dtype=tensor.dtype),
    "functionalised": lambda tensor: torch._to_functional_tensor(tensor.detach()),
    "fake": lambda tensor: FakeTensorMode().from_tensor(tensor.detach()),
    "lying": lambda tensor: tensor.detach().clone().as_subclass(Lying),
    "escaped from vmap": lambda tensor: escaped(torch.vmap, torch.stack([tensor.detach()] * 2)),
    "escaped from grad": lambda tensor: escaped(torch.func.grad, tensor.detach()),
    "escaped from functionalize": lambda tensor: escaped(torch.func.functionalize, tensor.detach()),
    "freed": freed,
    "view that learns": lambda tensor: tensor.detach().clone().requires_grad_().view(tensor.shape),
    "inference": torch.inference_mode()(lambda tensor: tensor.detach().clone()),
}
SURROUNDINGS: dict[str, Callable[[], AbstractContextManager[Any]]] = {
    "fake mode": lambda: FakeTensorMode(allow_non_fake_inputs=True),
    "counting mode": lambda: FlopCounterMode(display=False),
    "default device": lambda: torch.device("meta"),
    "function mode": Elsewhere,
    "autocast": lambda: torch.autocast("cpu", torch.bfloat16),
    "inference mode": torch.inference_mode,
    "dual level": torch.autograd.forward_ad.dual_level,
}
TARGETS = ("matrix", "vector", "x", "state", "reset")


def made(engine: str, cell: str) -> Recurrent:
    torch.manual_seed(0)
    return Recurrent(cell, WIDTH, WIDTH, dtype=DTYPE, engine=engine)


def call(layer: Recurrent) -> Call:
    """Return what the engine of a layer is given."""
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(STEPS, BATCH, WIDTH, dtype=DTYPE, generator=generator)
    states = tuple(
        torch.randn(BATCH, WIDTH, dtype=DTYPE, generator=generator) for _ in layer.cell.canonical().states
    )
    return layer._weights("l0"), x, states, torch.tensor([[False, True], [True, False], [False, False]])


def computed(layer: Recurrent, given: Call) -> list[Tensor]:
    """Return the results, and the gradients of all that learns."""
    weights, x, states, reset = given
    output, after = layer._run(weights, x, states, reset)
    results = [output, *after]
    leaves = [tensor for tensor in (*weights.values(), x, *states) if tensor.requires_grad]
    if output.requires_grad and leaves:
        total = torch.stack([result.square().sum() for result in results]).sum()
        results += torch.autograd.grad(total, leaves, allow_unused=True, materialize_grads=True)
    return results


def changed(target: str, change: str, layer: Recurrent) -> list[Tensor]:
    """Compute with one tensor changed."""
    weights, x, states, reset = call(layer)
    alter = CHANGES[change]
    if target == "x":
        x = alter(x)
    elif target == "state":
        states = (alter(states[0]), *states[1:])
    elif target == "reset":
        assert reset is not None
        reset = alter(reset)
    else:
        name = [name for name in weights if weights[name].dim() == (2 if target == "matrix" else 1)][-1]
        weights = weights | {name: alter(weights[name])}
    return computed(layer, (weights, x, states, reset))


def surrounded(surrounding: str, backward_too: bool, layer: Recurrent) -> list[Tensor]:
    """Compute forward, or backward alone, in some surroundings."""
    weights, x, states, _ = call(layer)
    before, after = (nullcontext, SURROUNDINGS[surrounding])
    if not backward_too:
        before, after = after, before
    with before():
        output, last = layer._run(weights, x, states, None)
    with after():
        found = [output, *last]
        if output.requires_grad and backward_too:
            found += torch.autograd.grad(output, list(weights.values()), torch.ones_like(output))
    return found


def tied(layer: Recurrent) -> list[Tensor]:
    weights, x, states, reset = call(layer)
    names = [name for name in weights if weights[name].dim() == 2]
    return computed(layer, (weights | {names[0]: weights[names[1]]}, x, states, reset))


def too_few_states(layer: Recurrent) -> list[Tensor]:
    weights, x, _, reset = call(layer)
    return computed(layer, (weights, x, (), reset))


def meanwhile(action: Callable[[Tensor], None], layer: Recurrent) -> list[Tensor]:
    """Do something to a matrix between forward and backward."""
    weights, x, states, reset = call(layer)
    name = [name for name in weights if weights[name].dim() == 2][-1]
    parameter = nn.Parameter(weights[name].detach().clone())
    weights = weights | {name: parameter}
    output, _ = layer._run(weights, x, states, reset)
    with torch.no_grad():
        action(parameter)
    return list(torch.autograd.grad(output.square().sum(), list(weights.values())))


def smaller(parameter: Tensor) -> None:
    parameter.data = torch.randn(2, 2, dtype=DTYPE)


def other_type(parameter: Tensor) -> None:
    parameter.data = parameter.data.flatten()[:4].view(2, 2).clone()


def without_memory(parameter: Tensor) -> None:
    parameter.untyped_storage().resize_(0)


def packed_smaller(layer: Recurrent) -> list[Tensor]:
    """Unpack other tensors than those that were saved."""
    weights, x, states, reset = call(layer)
    with torch.autograd.graph.saved_tensors_hooks(lambda tensor: tensor, lambda tensor: tensor.flatten()[:1]):
        output, _ = layer._run(weights, x, states, reset)
        return list(torch.autograd.grad(output.square().sum(), list(weights.values())))


def with_gradient(gradient: Callable[[Tensor], Tensor], layer: Recurrent) -> list[Tensor]:
    """Go backward from a gradient of a certain kind."""
    weights, x, states, reset = call(layer)
    output, _ = layer._run(weights, x, states, reset)
    return list(torch.autograd.grad(output, list(weights.values()), gradient(torch.ones_like(output))))


def batched_gradients(layer: Recurrent) -> list[Tensor]:
    weights, x, states, reset = call(layer)
    output, _ = layer._run(weights, x, states, reset)
    rows = torch.eye(output.numel(), dtype=DTYPE).view(-1, *output.shape)
    return list(torch.autograd.grad(output, list(weights.values()), rows, is_grads_batched=True))


def cases() -> Iterator[tuple[str, Case]]:
    for target in TARGETS:
        for change in CHANGES:
            yield f"{target}: {change}", partial(changed, target, change)
    for surrounding in SURROUNDINGS:
        for backward in (False, True):
            name = f"{surrounding}, {'backward' if backward else 'forward'}"
            yield name, partial(surrounded, surrounding, backward)
    yield "tied", tied
    yield "too few states", too_few_states
    for action in (smaller, other_type, without_memory):
        yield f"meanwhile {action.__name__}", partial(meanwhile, action)
    yield "hooks", packed_smaller
    for kind in (
        "negative",
        "expanded",
        "sliced",
        "lying",
        "meta",
        "sparse",
        "zeros without memory",
        "freed",
    ):
        yield f"gradient: {kind}", partial(with_gradient, CHANGES[kind])
    yield "batched gradients", batched_gradients


def attempt(case: Case, layer: Recurrent) -> list[Tensor] | Exception:
    try:
        return case(layer)
    except Exception as error:
        return error


def verdict(name: str, case: Case, engine: str, cell: str) -> str:
    """Return what an engine made of a case, next to the interpreter."""
    ours = attempt(case, made(engine, cell))
    if isinstance(ours, Exception):
        return f"error {type(ours).__name__}"
    theirs = attempt(case, made("interpreter", cell))
    if isinstance(theirs, Exception):
        return f"different: the interpreter has {theirs!r}"
    for a, b in zip(ours, theirs, strict=True):
        if a.shape != b.shape or a.dtype != b.dtype or a.device != b.device:
            return f"different: {a.shape} {a.dtype}, not {b.shape} {b.dtype}"
        plain = type(a) in (Tensor, Lying) and a.device.type == "cpu"
        if plain and not torch.allclose(a.detach().double(), b.detach().double(), 1e-9, 1e-9):
            return f"different: {a} is not {b}"
    return "equal"


def main(engine: str) -> None:
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    for cell in ("gru", "mut1"):
        for name, case in cases():
            if engine == "interpreter" and ("freed" in name or "without_memory" in name):
                continue  # torch's own functions read them
            print(f"{cell}; {name}", end="\t", flush=True)
            print(verdict(name, case, engine, cell).replace("\n", " "), flush=True)
    print("done\t")


if __name__ == "__main__":
    main(sys.argv[1])
