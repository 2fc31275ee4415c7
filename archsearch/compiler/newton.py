"""The Newton engine: all states of a sequence at once, for cells whose Jacobian is diagonal or block-diagonal.

The states solve s_t = f(x_t, s_(t-1)). Newton's method puts in place of f its tangent at a guess g of all states,

    s_t = f(x_t, g_(t-1)) + J_t (s_(t-1) - g_(t-1)),  J_t = df / ds at g_(t-1),

a linear recurrence, which a scan solves in log2 T passes (DEER: Lim et al. 2024; ParaRNN: Danieli et al. 2025). An affine
cell needs one step. Backward, the gradients of the states are one linear recurrence, the other way. So a sequence costs a
few passes over all its steps side by side and not T calls one after another, which pays on a device with room for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from archsearch.cell import Cell, jacobian_class
from archsearch.cell.jacobian import keeps_gradients_back
from archsearch.compiler.differentiable import Gradients, Inputs, differentiated, interpreted
from archsearch.compiler.generated import Generated
from archsearch.compiler.scan import scanned

MOST = 64
"""Newton steps at most; states that are not found by then are computed one after another."""

NEAR = 0.75
"""States are found that the cell repeats to eps to this power; the step that is taken from there squares what is missing."""


class _Tangent(NamedTuple):
    """A cell at a guess of its states, S of them.

    Attributes:
        before: What each step starts from, shape (S, T, B, n); its gradients are those of the states before.
        after: What it comes to, shape (S, T, B, n).
        slopes: d after / d before of each unit, shape (S, S, T, B, n).
    """

    before: Tensor
    after: Tensor
    slopes: Tensor


class Newton(Generated):
    """A cell whose units do not mix, for any device; the interpreter runs other cells, and those that keep gradients back.

    Attributes:
        suits: Whether it is such a cell.
        affine: Whether the tangent is the cell itself.
    """

    devices = ("cpu", "cuda")

    def __init__(self, cell: Cell) -> None:
        super().__init__(cell)
        form = jacobian_class(cell)
        self.suits = form.structure != "dense" and not keeps_gradients_back(cell)
        self.affine = form.affine

    def reads(self, inputs: Inputs) -> bool:
        """Whether it may compute with these.

        Args:
            inputs: See `Generated.reads`.
        """
        return super().reads(inputs) and self.suits

    def forward(self, inputs: Inputs) -> tuple[tuple[Tensor, ...], Any]:
        """Return output (T, B, n) and last states (B, n), and all states, (S, T, B, n); None where they were not found."""
        with torch.no_grad():
            found = self._solved(inputs) if len(inputs.x) > 1 else None
            if found is None:
                out, after = interpreted(self, inputs)
                return (out, *after), None
        return (
            found[0].clone(),
            *[state[-1].clone() for state in found],
        ), found  # who has them may change them

    def _solved(self, inputs: Inputs) -> Tensor | None:
        """Return the states after every step, shape (S, T, B, n); None where Newton's method does not find them."""
        inputs = Inputs.of(self.cell, inputs.reset, [tensor.detach() for tensor in inputs.tensors])
        steps = len(inputs.x)
        guess = torch.stack(inputs.states)[:, None].expand(-1, steps, -1, -1)
        if self.affine:
            # one step is all there, with an error of the guess's size, and states may be far smaller
            guess = torch.zeros_like(guess)
        near = torch.finfo(guess.dtype).eps ** NEAR
        for _ in range(min(MOST, steps)):
            tangent = self._tangent(inputs, guess)
            missing = tangent.after - guess
            found = bool((missing.abs() <= near * (1.0 + guess.abs())).all())
            step = scanned(tangent.slopes, missing)
            guess = torch.where(step.isfinite(), guess + step, tangent.after)
            if found or self.affine:
                return guess if bool(guess.isfinite().all()) else None
        return None

    def _tangent(self, inputs: Inputs, guess: Tensor) -> _Tangent:
        """Return the cell at a guess of the states after every step, shape (S, T, B, n), as a graph of what it is given."""
        with torch.enable_grad():
            first = torch.stack([state.detach() for state in inputs.states])[:, None]
            before = torch.cat([first, guess[:, :-1]], 1).requires_grad_()
            after = self._at_once(inputs, before)
            rows = [
                torch.autograd.grad(state.sum(), before, retain_graph=True, allow_unused=True)[0]
                if state.requires_grad
                else None
                for state in after
            ]
        slopes = torch.stack([torch.zeros_like(before) if row is None else row for row in rows])
        return _Tangent(before, after, slopes)

    def _at_once(self, inputs: Inputs, before: Tensor) -> Tensor:
        """Return the states after each step from those before it, both of shape (S, T, B, n): steps as so many streams."""
        if inputs.reset is not None:
            before = before.masked_fill(inputs.reset[..., None], 0.0)
        streams = Inputs(
            reset=None,
            x=inputs.x.flatten(0, 1)[None],
            wide=None if inputs.wide is None else inputs.wide.flatten(0, 1)[None],
            states=before.flatten(1, 2).unbind(),
            weights=inputs.weights,
        )
        return torch.stack(interpreted(self, streams)[1]).view_as(before)

    def backward(
        self, inputs: Inputs, memory: Any, gradients: Gradients, needed: Sequence[bool]
    ) -> Gradients:
        """Return the gradients.

        Args:
            inputs: See `Generated.backward`, as for all others.
            memory: The states after every step, or None.
            gradients: See there.
            needed: See there.
        """
        made = None if memory is None else self._gradients(inputs, memory, gradients, needed)
        if made is None or not all(bool(each.isfinite().all()) for each in made if each is not None):
            return differentiated(self, inputs, gradients, needed)
        return made

    def _gradients(
        self, inputs: Inputs, states: Tensor, gradients: Gradients, needed: Sequence[bool]
    ) -> Gradients | None:
        """Return the gradients by one linear recurrence from the last step to the first; None where nothing leads back.

        Args:
            inputs: What the layer was given.
            states: After every step, (S, T, B, n).
            gradients: Of the output and the last states; None where there is none.
            needed: For each of `inputs.tensors` whether its gradient is wanted.
        """
        pairs = zip(inputs.tensors, needed, strict=True)
        tensors = [tensor.detach().requires_grad_(need) for tensor, need in pairs]
        tangent = self._tangent(Inputs.of(self.cell, inputs.reset, tensors), states)
        if not tangent.after.requires_grad:
            return None
        dout, *dlast = gradients
        wanted = torch.zeros_like(states)
        if dout is not None:
            wanted[0] += dout
        for of_state, last in zip(wanted, dlast, strict=True):
            if last is not None:
                of_state[-1] += last
        later = tangent.slopes.transpose(0, 1)[:, :, 1:].flip(
            2
        )  # backward, step t leads on to t - 1 by J_t transposed
        none_before = torch.zeros_like(later[:, :, :1])
        adjoint = scanned(torch.cat([none_before, later], 2), wanted.flip(1)).flip(1)
        offset, leaves = 1 + (inputs.wide is not None), [each for each in tensors if each.requires_grad]
        made = torch.autograd.grad(
            tangent.after, [tangent.before, *leaves], adjoint, allow_unused=True, materialize_grads=False
        )
        dbefore, remaining = made[0], iter(made[1:])
        all_made = [next(remaining) if tensor.requires_grad else None for tensor in tensors]
        for place, need in enumerate(needed[offset : offset + len(states)], offset):
            all_made[place] = dbefore[place - offset, 0] if need and dbefore is not None else None
        return all_made
