"""How many kernels a step of a stack launches on a GPU, counted where there is none.

The step runs on the device `meta`, which holds no numbers. Each operator of torch counts as one launch unless it only asks
for memory or looks at some in another way; torch itself takes two for a few, and one copy more where an operand is turned.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from archsearch.cell import Cell
from archsearch.compiler.stacked import triton_dialect
from archsearch.compiler.stacked.layer import Layer
from archsearch.compiler.stacked.shape import lanes
from archsearch.training.stacked import fused_head, fused_optimiser, fused_windows
from archsearch.training.stacked.fused_head import FusedHead
from archsearch.training.stacked.model import Lane, StackedModel, StepKind

BATCH, STEPS, SYMBOLS = 20, 35, 9
ELSE = "window, embedding"
PARTS: dict[tuple[type, str], str] = {
    (Layer, "forward"): "core forward",
    (FusedHead, "learn"): "head",
    (FusedHead, "judge"): "head",
    (Layer, "backward"): "core backward",
    (StackedModel, "_update"): "optimiser",
}
"""The methods whose launches are told apart; all other launches are `ELSE`."""


class Launches(TorchDispatchMode):
    """Counts what is launched within it, by part of the step."""

    def __init__(self) -> None:
        super().__init__()
        self.part, self.counts = ELSE, Counter[str]()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run an operation and count it."""
        name = func.overloadpacket.__name__
        if not (is_view(func) or name.startswith(("empty", "new_empty"))):
            self.launch()
        return func(*args, **(kwargs or {}))

    def launch(self, *_: object, **__: object) -> None:
        """Count one, of whatever kernel."""
        self.counts[self.part] += 1

    def within(self, part: str, method: Callable[..., Any]) -> Callable[..., Any]:
        """Return a method whose launches are those of a part."""

        def counted(*args: Any, **kwargs: Any) -> Any:
            self.part = part
            try:
                return method(*args, **kwargs)
            finally:
                self.part = ELSE

        return counted


def is_view(func: Any) -> bool:
    """Whether an operator only looks at memory in another way."""
    aliases = [result.alias_info for result in func._schema.returns]
    return any(alias is not None and not alias.is_write for alias in aliases)


def count_launches(cell: Cell, n: int, learns: bool = True) -> Counter[str]:
    """Return the launches of the parts of a step in the Triton dialect, one layer; it trains with AdamW, or judges."""
    counted, own, dialect = Launches(), [Lane(n, 5.0)] * lanes(n), triton_dialect.compile_kernel
    stack = StackedModel(cell, SYMBOLS, own, 1, BATCH, True, device="meta", dialect=dialect)
    kind, shape = StepKind(STEPS, learns, resets=False), (len(stack.flat), STEPS, BATCH, stack.layout.width)
    stack.tables[kind] = stack.parts.windows((STEPS, BATCH), SYMBOLS, stack.device)
    stack.layers_by_steps[STEPS] = [Layer(stack.program, dialect, shape, shape[3], stack.widths, stack.flat)]
    with torch.no_grad(), pytest.MonkeyPatch.context() as patch:
        for module in (triton_dialect, fused_optimiser, fused_head, fused_windows):
            patch.setattr(module, "launch", counted.launch)
        for (owner, name), part in PARTS.items():
            patch.setattr(owner, name, counted.within(part, getattr(owner, name)))
        with counted:
            (stack._learn if learns else stack._judge)(kind)
    return counted.counts
