"""How closely an engine agrees with the interpreter, in values and gradients.

In float64 to 1e-10 of each tensor's norm, in float32 with an error against float64 of at most 1e-5, or else of four
times the interpreter's own error in that precision; not finite in the same places, in gradients those of the loss or of
a millionth of it. Gradients are as long as the loss is large, so the two differ where a gradient that float32 holds comes
out of numbers that it does not hold: torch's gradient of `norm` divides by the cube of a small root, ours by the root.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import product

import torch
from torch import Tensor

from archsearch.cell import Cell
from archsearch.compiler import Recurrent

STEPS, SCALE = 12, 0.7
DOUBLE, SINGLE, FACTOR = 1e-10, 1e-5, 4.0
LEAST = {torch.float64: DOUBLE, torch.float32: SINGLE}
CANCELLED = 1e-3
LARGEST = 1e6
"""Cells whose gradients are longer than this amplify rounding; they must only be finite in the same places."""

FAINT = 2.0**-20
"""What the loss is multiplied by, and its gradients are divided by: a power of two, so no number is rounded otherwise."""

JITTERS = 32
"""Cells such as h' = x - h / h divide rounding by what may be tiny: chance decides how large an error is. The interpreter's
own is the largest of so many runs, on numbers that differ by rounding."""


@dataclass(frozen=True)
class Shape:
    """What a layer is run on: with `carried`, states that are not zero and resets; else x of another width."""

    width: int
    batch: int
    carried: bool
    steps: int = STEPS

    @property
    def inputs(self) -> int:
        return self.width if self.carried else self.width + 2


SHAPES = [Shape(*of) for of in product((1, 7, 33, 96, 250), (1, 20), (False, True))]


@dataclass(frozen=True)
class Case:
    """One cell, its inputs in float64, and the weights of a layer."""

    cell: Cell
    shape: Shape
    seed: int

    def values(self, engine: str, dtype: torch.dtype, jitter: int = 0, loss: float = 1.0) -> list[Tensor]:
        """Return outputs, last states and all gradients, computed from the same float32 numbers.

        Args:
            engine: What computes them.
            dtype: In which precision.
            jitter: If not 0, all numbers are moved by about the rounding of `dtype`, this number's way; those of the
                loss as well, since a gradient that is their sum may cancel.
            loss: What the loss is multiplied by; gradients are divided by it again.
        """
        generator = torch.Generator().manual_seed(self.seed)
        layer = Recurrent(self.cell, self.shape.inputs, self.shape.width, dtype=dtype, engine=engine)
        layer.reset_parameters(SCALE, generator)

        def drawn(*shape: int) -> Tensor:
            return torch.randn(shape, generator=generator)

        x = drawn(self.shape.steps, self.shape.batch, self.shape.inputs)
        states, reset = [], None
        if self.shape.carried:
            states = [drawn(1, self.shape.batch, self.shape.width) for _ in self.cell.canonical().states]
            reset = torch.rand(self.shape.steps, self.shape.batch, generator=generator) < 0.2
        x, *states = (tensor.to(dtype).requires_grad_() for tensor in (x, *states))
        moved = torch.Generator().manual_seed(jitter)

        def move(tensors: Iterable[Tensor]) -> None:
            for tensor in tensors if jitter else ():
                factors = (
                    1 + torch.randn(tensor.shape, generator=moved, dtype=dtype) * 2 * torch.finfo(dtype).eps
                )
                tensor.data *= factors

        move([x, *states, *layer.parameters()])
        hx = None if not states else states[0] if len(states) == 1 else tuple(states)
        output, last = layer(x, hx, reset=reset)
        results = [output, *(last if isinstance(last, tuple) else [last])]
        weights = [drawn(*result.shape).to(dtype) for result in results]
        move(weights)
        total = torch.stack([(a * b).sum() for a, b in zip(results, weights, strict=True)]).sum()
        found = gradients(total * loss, [x, *states, *layer.parameters()])
        return [*results, *(gradient / loss for gradient in found)]

    def near(self, dtype: torch.dtype) -> list[list[Tensor]]:
        """Return what the interpreter computes from numbers that differ by rounding."""
        return [self.values("interpreter", dtype, jitter) for jitter in range(JITTERS)]


def gradients(total: Tensor, leaves: list[Tensor]) -> list[Tensor]:
    """Return a gradient for every leaf, of zeros where the total does not depend on it."""
    if not total.requires_grad:
        return [torch.zeros_like(leaf) for leaf in leaves]
    return list(torch.autograd.grad(total, leaves, allow_unused=True, materialize_grads=True))


def error(values: list[Tensor], exact: list[Tensor]) -> float:
    """Return the largest distance of a tensor from the exact one, in norms of that.

    The norm counts as at least a thousandth of all tensors' norm: where a sum cancels, noise is left.
    """
    least = CANCELLED * torch.cat([tensor.flatten() for tensor in exact]).norm().item() or 1e-300
    pairs = zip(values, exact, strict=True)
    return max((a.double() - b).norm().item() / max(b.norm().item(), least) for a, b in pairs)


def same_places(values: list[Tensor], *others: list[Tensor]) -> bool:
    """Whether every number is finite where it is in one of the others."""
    return all(
        torch.stack([a.isfinite() == b.isfinite() for b in rivals]).any(0).all()
        for a, *rivals in zip(values, *others, strict=True)
    )


def disagreements(
    case: Case, engine: str = "native", dtypes: Iterable[torch.dtype] = tuple(LEAST)
) -> Iterator[str]:
    """Yield what the contract forbids in some precisions."""
    exact = case.values("interpreter", torch.float64)
    for dtype in dtypes:
        name = str(dtype).removeprefix("torch.")
        theirs = exact if dtype is torch.float64 else case.values("interpreter", dtype)
        ours = case.values(engine, dtype)
        if not same_places(ours, theirs):
            faint = case.values("interpreter", dtype, loss=FAINT)
            if not same_places(ours, theirs, faint) and all(
                same_places(values, theirs) for values in case.near(dtype)
            ):
                yield f"{name}: not finite in other places"
        elif comparable([*exact, *theirs]) and (found := error(ours, exact)) > LEAST[dtype]:
            own = max(error(values, exact) for values in case.near(dtype))
            if not found <= FACTOR * own:
                yield f"{name}: {found:.1e} from the interpreter's float64, whose own error is {own:.1e}"


def comparable(values: list[Tensor]) -> bool:
    """Whether all is finite, and rounding not amplified beyond what the contract speaks of."""
    return all(value.norm().item() <= LARGEST for value in values)


def check(
    cell: Cell,
    shapes: list[Shape],
    seed: int = 0,
    engine: str = "native",
    dtypes: Iterable[torch.dtype] = tuple(LEAST),
) -> None:
    """Fail with all disagreements of a cell, and its text."""
    found = [
        f"{shape}: {words}"
        for shape in shapes
        for words in disagreements(Case(cell, shape, seed), engine, dtypes)
    ]
    assert not found, "\n".join([*found, cell.text()])
