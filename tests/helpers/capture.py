"""What a CUDA graph does, on a CPU: notes down the operations of a step, and runs them again on the same memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

LOOKS = (
    "_local_scalar_dense",
    "nonzero",
    "masked_select",
    "unique",
    "lift_fresh",
    "is_nonzero",
    "_assert_async",
)
"""Operations that look at numbers, decide shapes by them, or bring numbers from the host: no graph may contain one."""


class Capture(TorchDispatchMode):
    """Notes down what is run within it; refuses what a graph could not hold."""

    def __init__(self) -> None:
        super().__init__()
        self.noted: list[tuple[Any, tuple[Any, ...], dict[str, Any], list[Tensor]]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run an operation and remember its operands and results."""
        name = func.overloadpacket.__name__
        assert not name.startswith(LOOKS), f"{name} within a step"
        small = [one for one in tree_leaves(args) if isinstance(one, Tensor) and not one.dim()]
        assert name != "where" or not small, "a number in a choice would be brought from the host"
        result = func(*args, **(kwargs or {}))
        self.noted.append(
            (func, args, kwargs or {}, [one for one in tree_leaves(result) if isinstance(one, Tensor)])
        )
        return result

    @torch.no_grad()
    def replay(self) -> None:
        """Run everything again; results go where they went."""
        for func, args, kwargs, results in self.noted:
            for old, new in zip(results, tree_leaves(func(*args, **kwargs)), strict=True):
                if old.untyped_storage().data_ptr() != new.untyped_storage().data_ptr():
                    old.copy_(new)


class Replayed:
    """Takes the place of `graph.Repeated`: the first calls run directly, one is captured, and all later ones replay it."""

    WARM = 2

    def __init__(self, step: Callable[[], None], device: torch.device) -> None:
        self.step, self.calls = step, 0
        self.capture: Capture | None = None

    def __call__(self) -> None:
        """Do it; on a CPU noting down runs the step too."""
        self.calls += 1
        if self.calls <= self.WARM:
            self.step()
        elif self.capture is None:
            self.capture = Capture()
            with self.capture:
                self.step()
        else:
            self.capture.replay()

    def drop(self) -> None:
        """Let go."""
        self.capture = None
