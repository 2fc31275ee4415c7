"""Checks of what people hand to a layer; errors have the types and the words of torch.nn.GRU and nn.LSTM."""

from __future__ import annotations

import warnings
from collections.abc import Iterable

import torch
from torch import Tensor

from archsearch.words import did_you_mean


def check_sizes(input_size: int, hidden_size: int, num_layers: int) -> None:
    """Refuse sizes that are no positive integers.

    Args:
        input_size: Width of x.
        hidden_size: Width of every state.
        num_layers: How many layers.
    """
    sizes = {"input_size": input_size, "hidden_size": hidden_size, "num_layers": num_layers}
    for name, size in sizes.items():
        if not isinstance(size, int):
            raise TypeError(f"{name} should be of type int, got: {type(size).__name__}")
        if size <= 0:
            raise ValueError(f"{name} must be greater than zero")


def check_projection(proj_size: int) -> None:
    """Refuse an output narrower than the states."""
    if proj_size:
        raise ValueError(
            f"proj_size={proj_size}: a cell has one width for all its values, so no projection stands between steps; "
            "leave proj_size out, and put an nn.Linear after the layer for a narrower output"
        )


def check_switches(bias: bool, batch_first: bool) -> None:
    """Refuse switches that are no booleans."""
    for name, switch in {"bias": bias, "batch_first": batch_first}.items():
        if not isinstance(switch, bool):
            raise TypeError(f"{name} should be of type bool, got: {type(switch).__name__}")


def check_dropout(dropout: float, num_layers: int) -> None:
    """Refuse what is no probability; warn where there is nothing to drop."""
    if not isinstance(dropout, int | float) or isinstance(dropout, bool) or not 0 <= dropout <= 1:
        raise ValueError(
            "dropout should be a number in range [0, 1] representing the probability of an element being zeroed"
        )
    if dropout > 0 and num_layers == 1:
        warnings.warn(
            "dropout option adds dropout after all but last recurrent layer, so non-zero dropout expects "
            f"num_layers greater than 1, but got dropout={dropout} and num_layers={num_layers}",
            stacklevel=3,
        )


def check_name(kind: str, name: str, known: Iterable[str]) -> None:
    """Refuse a name that a table does not have.

    Args:
        kind: What is named, for the message.
        name: What was given.
        known: The names of the table.
    """
    known = list(known)
    if name not in known:
        raise ValueError(f"no {kind} {name!r} (known: {', '.join(known)}{did_you_mean(name, known)})")


def check_input(x: Tensor, dims: tuple[int, int]) -> None:
    """Refuse an `x` that is no tensor of `dims` dimensions: of shape (T, I) or (T, B, I), or without T."""
    if not isinstance(x, Tensor):
        raise TypeError(f"input should be a Tensor, got: {type(x).__name__}")
    if x.dim() not in dims:
        raise ValueError(f"Recurrent: Expected input to be {dims[0]}D or {dims[1]}D, got {x.dim()}D instead")


def check_sequence(x: Tensor, input_size: int, dtype: torch.dtype) -> None:
    """Refuse a batched sequence (T, B, I) that does not fit the layer.

    Args:
        x: The input, shape (T, B, I), or (rows, I) of packed sequences.
        input_size: I.
        dtype: The layer's.
    """
    if x.dtype != dtype and not torch.is_autocast_enabled(x.device.type):
        raise ValueError(
            f"RNN input dtype ({x.dtype}) does not match weight dtype ({dtype}). "
            f"Convert input: input.to({dtype}), or convert model: model.to({x.dtype})"
        )
    if x.size(-1) != input_size:
        raise RuntimeError(
            f"input.size(-1) must be equal to input_size. Expected {input_size}, got {x.size(-1)}"
        )
    if x.size(0) == 0:
        raise RuntimeError("Expected sequence length to be larger than 0 in RNN")


def as_states(hx: object, names: tuple[str, ...]) -> tuple[Tensor, ...]:
    """Return the tensors of a state, each of shape (L, B, n): one tensor for one state, a tuple of them for several."""
    if len(names) == 1:
        if not isinstance(hx, Tensor):
            raise TypeError(f"hx should be a Tensor, got: {type(hx).__name__}")
        return (hx,)
    wanted = f"hx should be a tuple of {len(names)} Tensors ({', '.join(names)})"
    if not isinstance(hx, tuple | list):
        raise TypeError(f"{wanted}, got: {type(hx).__name__}")
    if len(hx) != len(names):
        raise ValueError(f"{wanted}, got {len(hx)}")
    for state in hx:
        if not isinstance(state, Tensor):
            raise TypeError(f"{wanted}, got: {type(state).__name__}")
    return tuple(hx)


def check_state_dims(states: tuple[Tensor, ...], batched: bool, x_dim: int) -> None:
    """Refuse states that have a batch where the input has none, or the other way round.

    Args:
        states: The states as given, each of shape (L, B, n), or (L, n) without a batch.
        batched: Whether the input has a batch.
        x_dim: How many dimensions the input has.
    """
    expected = 3 if batched else 2
    found = [state.dim() for state in states]
    if any(dim != expected for dim in found):
        given = f"For {'batched' if batched else 'unbatched'} {x_dim}-D input"
        wanted = f"should {'also ' if x_dim == expected else ''}be {expected}-D"
        if len(states) == 1:
            raise RuntimeError(f"{given}, hx {wanted} but got {found[0]}-D tensor")
        subject = "hx and cx" if len(states) == 2 else "all states of hx"
        dims = ", ".join(f"{dim}-D" for dim in found)
        raise RuntimeError(f"{given}, {subject} {wanted} but got ({dims}) tensors")


def check_states(states: tuple[Tensor, ...], expected: tuple[int, int, int], x: Tensor) -> None:
    """Refuse states, (L, B, n) each, that do not fit the layer and its input.

    Args:
        states: Each of shape (L, B, n).
        expected: That shape.
        x: The input, shape (T, B, I), for its type and device.
    """
    for position, state in enumerate(states):
        if state.shape != expected:
            which = f"hidden[{position}]" if len(states) > 1 else "hidden"
            raise RuntimeError(f"Expected {which} size {expected}, got {list(state.shape)}")
        if state.device != x.device:
            raise RuntimeError(
                "Input and hidden tensors are not at the same device, "
                f"found input tensor at {x.device} and hidden tensor at {state.device}"
            )
        if state.dtype != x.dtype and not torch.is_autocast_enabled(x.device.type):
            raise RuntimeError(
                "Input and hidden tensors are not the same dtype, "
                f"found input tensor with dtype {x.dtype} and hidden tensor with dtype {state.dtype}"
            )


def check_no_reset(reset: Tensor | None) -> None:
    """Refuse a `reset`, shape (T, B), beside packed sequences."""
    if reset is not None:
        raise ValueError("reset is for padded input: a PackedSequence says itself where its sequences end")


def check_reset(reset: Tensor, expected: tuple[int, ...]) -> None:
    """Refuse a `reset`, shape (T, B), that does not say for every step and sequence whether states are zeroed."""
    if not isinstance(reset, Tensor) or reset.dtype != torch.bool:
        found = reset.dtype if isinstance(reset, Tensor) else type(reset).__name__
        raise TypeError(f"reset should be a Tensor of torch.bool, got: {found}")
    if tuple(reset.shape) != expected:
        raise RuntimeError(f"Expected reset size {expected}, got {list(reset.shape)}")
