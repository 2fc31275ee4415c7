"""One update of all lanes: clip, then SGD or AdamW as in torch, each lane with its own rate and clip; in plain torch."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from archsearch.compiler.program.kernels import Argument, Kernel
from archsearch.compiler.program.writer import KernelWriter
from archsearch.compiler.stacked import torch_dialect
from archsearch.compiler.stacked.lanes import Widths
from archsearch.training.stacked.layout import ROW
from archsearch.training.update import BETAS, CLIP_EPSILON, DECAY, EPSILON


@dataclass(frozen=True, slots=True)
class Standing:
    """How the lanes of a stack stand: numbers on the device, which are changed in place.

    Attributes:
        rates: The learning rates, shape (R, 1).
        clips: The largest global norm of each lane's gradient, shape (R, 1).
        alive: Which lanes learn, bool, shape (R, 1).
        failed: Step, loss and gradient norm at which lanes were frozen, float64, shape (R, 3).
        count: The number of the last training step, float64, shape (1,).
    """

    rates: Tensor
    clips: Tensor
    alive: Tensor
    failed: Tensor
    count: Tensor


class StackOptimiser:
    """Keeps what an optimiser remembers of a stack; nothing here leaves the device.

    Args:
        flat: All weights, [R, P].
        adaptive: AdamW, else SGD.
        standing: How each lane stands.
        reached: 1 where weights decay, [P].

    Attributes:
        standing: As given.
        adaptive: As given.
        kernel: What moves the weights.
        decay: AdamW's decay of every weight, shape (R, P / ROW, ROW).
        weights: A view of all weights, alike.
        moments: AdamW's first and second, alike; none for SGD.
        run: The kernel as a function of plain torch.
        widths: How long the rows are.
    """

    def __init__(self, flat: Tensor, adaptive: bool, standing: Standing, reached: Tensor) -> None:
        self.standing, self.adaptive = standing, adaptive
        self.decay = rows_of((reached * DECAY).unsqueeze(0)).expand(len(flat), -1, -1)
        self.weights = rows_of(flat)
        self.moments = [torch.zeros_like(self.weights) for _ in range(2 if adaptive else 0)]
        self.kernel = adamw() if adaptive else sgd()
        self.run = torch_dialect.compile_kernel(self.kernel)
        self.widths = Widths.of([ROW] * len(flat), ROW, flat.dtype, flat.device)

    def update(self, gradient: Tensor, losses: Tensor) -> None:
        """Move the weights of the lanes that are alive, and leave every bit of the others.

        A lane whose loss or gradient is not finite is frozen first, and when and why is noted.

        Args:
            gradient: [R, P]; padding is zero.
            losses: [R].
        """
        norm = gradient.square().sum(1, keepdim=True).sqrt()
        self._freeze(losses.unsqueeze(1), norm)
        standing = self.standing
        factor = (standing.clips / (norm + CLIP_EPSILON)).clamp(max=1.0)
        per_lane = factor, standing.alive.to(norm.dtype), standing.rates
        views = [self.weights, rows_of(gradient), *(_lane(column) for column in per_lane)]
        if self.adaptive:
            first, second = ((1 - beta**standing.count).to(norm.dtype) for beta in BETAS)
            pace, spread = standing.rates / first, second.sqrt().expand_as(standing.rates)
            views += [*self.moments, self.decay, _lane(pace), _lane(spread)]
        self.run(self.widths.outside, self.widths.width, *views)

    def _freeze(self, losses: Tensor, norm: Tensor) -> None:
        """Freeze lanes; both of shape (R, 1)."""
        standing = self.standing
        fine = losses.isfinite() & norm.isfinite()
        now = torch.cat([standing.count.expand(len(losses), 1), losses.double(), norm.double()], 1)
        standing.failed.copy_(torch.where(standing.alive & ~fine, now, standing.failed))
        standing.alive.logical_and_(fine)


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


def rows_of(flat: Tensor) -> Tensor:
    """Return a buffer [R, P] as rows, [R, P / ROW, ROW]."""
    return flat.view(len(flat), -1, ROW)


def _lane(column: Tensor) -> Tensor:
    return column.unsqueeze(-1)
