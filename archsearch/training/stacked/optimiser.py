"""One update of all lanes, as one kernel: clip, then SGD or AdamW as in torch, each lane with its own rate and clip."""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor

from archsearch.compiler.program.kernels import Argument, Kernel
from archsearch.compiler.program.writer import KernelWriter
from archsearch.compiler.stacked.lanes import Widths
from archsearch.compiler.stacked.layer import Dialect
from archsearch.training.stacked.layout import ROW
from archsearch.training.update import BETAS, CLIP_EPSILON, DECAY, EPSILON


class StackOptimiser:
    """Keeps what an optimiser remembers of a stack; nothing here leaves the device.

    Args:
        flat: All weights, [R, P].
        adaptive: AdamW, else SGD.
        clips: The largest global norm of each lane's gradient, [R, 1].
        reached: 1 where weights decay, [P].
        dialect: Turns kernels into functions.

    Attributes:
        clips: As given.
        adaptive: As given.
        decay: AdamW's decay of every weight, shape (R, P / ROW, ROW).
        weights: A view of all weights, alike.
        moments: AdamW's first and second, alike; none for SGD.
        run: The kernel as a function.
        widths: How long the rows are.
    """

    def __init__(
        self, flat: Tensor, adaptive: bool, clips: Tensor, reached: Tensor, dialect: Dialect
    ) -> None:
        self.clips, self.adaptive = clips, adaptive
        self.decay = _rows((reached * DECAY).unsqueeze(0)).expand(len(flat), -1, -1)
        self.weights = _rows(flat)
        self.moments = [torch.zeros_like(self.weights) for _ in range(2 if adaptive else 0)]
        self.run = dialect(adamw() if adaptive else sgd())
        self.widths = Widths.of([ROW] * len(flat), ROW, flat.dtype, flat.device)

    def norm(self, gradient: Tensor) -> Tensor:
        """Return the global norm of each lane's gradient, [R, 1]; padding is zero."""
        return gradient.square().sum(1, keepdim=True).sqrt()

    def update(self, gradient: Tensor, norm: Tensor, rates: Tensor, step: Tensor, alive: Tensor) -> None:
        """Move the weights of the lanes that are alive, and leave every bit of the others.

        Args:
            gradient: [R, P].
            norm: Of the gradient, [R, 1].
            rates: The learning rates, [R, 1].
            step: The number of this update, from 1; float64, [1].
            alive: Bool [R, 1].
        """
        factor = (self.clips / (norm + CLIP_EPSILON)).clamp(max=1.0)
        per_lane = factor, alive.to(norm.dtype), rates
        views = [self.weights, _rows(gradient), *(_lane(column) for column in per_lane)]
        if self.adaptive:
            first, second = ((1 - beta**step).to(norm.dtype) for beta in BETAS)
            views += [*self.moments, self.decay, _lane(rates / first), _lane(second.sqrt().expand_as(rates))]
        self.run(self.widths.outside, self.widths.width, *views)


@cache
def sgd() -> Kernel:
    """Return the kernel of plain gradient descent."""
    draft = _begun("sgd", ["weights", "gradient"], ["factor", "alive", "rate"])
    draft.store(Argument("weights"), "choose(alive, weights - rate * (gradient * factor), weights)")
    return _finished(draft)


@cache
def adamw() -> Kernel:
    """Return the kernel of AdamW (Loshchilov, Hutter 2019); `pace` and `spread` hold its corrections of the first steps."""
    draft = _begun("adamw", ["weights", "gradient"], ["factor", "alive", "rate"])
    _load(draft, ["first", "second", "decay"], ["pace", "spread"])
    draft.let("clipped", "gradient * factor")
    draft.let("m", f"first + {1 - BETAS[0]!r} * (clipped - first)")
    draft.let("v", f"{BETAS[1]!r} * second + {1 - BETAS[1]!r} * (clipped * clipped)")
    draft.let("moved", f"weights * (1 - rate * decay) - pace * (m / (sqrt_(v) / spread + {EPSILON!r}))")
    for name, value in (("weights", "moved"), ("first", "m"), ("second", "v")):
        draft.store(Argument(name), f"choose(alive, {value}, {name})")
    return _finished(draft)


def _begun(name: str, wide: list[str], lanes: list[str]) -> KernelWriter:
    draft = KernelWriter(name)
    _load(draft, wide, lanes)
    return draft


def _load(draft: KernelWriter, wide: list[str], lanes: list[str]) -> None:
    """Load arguments that have all rows, and those that have a number for each lane, under their own names."""
    for name in wide:
        draft.load(name, Argument(name))
    for name in lanes:
        draft.load(name, Argument(name, when="lane", narrow=True))


def _finished(draft: KernelWriter) -> Kernel:
    return Kernel(draft.name, tuple(draft.arguments), tuple(draft.lines))


def _rows(flat: Tensor) -> Tensor:
    return flat.view(len(flat), -1, ROW)


def _lane(column: Tensor) -> Tensor:
    return column.unsqueeze(-1)
