"""One layer over a stack: what a program says, on tensors [R, T, B, H], forward and backward."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from archsearch.compiler.plan import X_AS_IT_CAME, Product, Zone
from archsearch.compiler.stacked.elementwise import Run
from archsearch.compiler.stacked.forward import fed_numbers
from archsearch.compiler.stacked.kernels import Argument, Instruction, Kernel
from archsearch.compiler.stacked.layout import home, source
from archsearch.compiler.stacked.program import Program

Dialect = Callable[[Kernel], Run]


@dataclass(frozen=True)
class Weights:
    """What a layer learns, or its gradients.

    Attributes:
        products: Per product of the plan the matrices side by side, [R, K, N]; `y = x · W`.
        biases: By handle of a linear node, [R, 1, H].
        vectors: By handle of a node with a learned vector, [R, 1, H].
    """

    products: Sequence[Tensor]
    biases: dict[int, Tensor]
    vectors: dict[int, Tensor]


@dataclass(frozen=True)
class Widths:
    """The lanes' own widths.

    Attributes:
        outside: Bool [R, 1, H], true where a column lies beyond the lane's width.
        width: The width as a number of the layer's type, [R, 1, 1].
    """

    outside: Tensor
    width: Tensor

    @staticmethod
    def of(widths: Sequence[int], padded: int, dtype: torch.dtype, device: torch.device) -> Widths:
        """Return these widths in lanes that are `padded` wide."""
        width = torch.tensor(widths, device=device).view(-1, 1, 1)
        return Widths(torch.arange(padded, device=device).view(1, 1, -1) >= width, width.to(dtype))


class Layer:
    """A program with memory for one shape.

    Args:
        program: What is computed.
        dialect: Turns kernels into functions.
        shape: R, T, B, H.
        inputs: Width of x.
        widths: The lanes' own widths.
        like: A tensor of the type and on the device of all others.
    """

    def __init__(
        self, program: Program, dialect: Dialect, shape: tuple[int, int, int, int], inputs: int, widths: Widths, like: Tensor
    ) -> None:
        self.program, self.plan, self.widths = program, program.plan, widths
        self.shape, self.inputs, self.like = shape, inputs, like
        self.functions = {kernel: dialect(kernel) for kernel in program.kernels}
        self.arrays: dict[str, Tensor] = {}
        lanes, steps, batch, wide = shape
        sums = len(self.plan.slots) * wide
        rows = [f"K{handle}" for handle in sorted(self.plan.kept | {*fed_numbers(self.plan)})]
        self._make(["P"], steps, sums)
        self._make([f"E{state}" for state in self.plan.carried], steps + 1, wide)
        self._make(rows, steps, wide)
        self._make([f"R{node.handle}" for node in program.cell.ops if node.op == "norm"], steps, 1)
        self.separate = like.new_empty(lanes, steps, batch, wide) if program.carries_output else None

    def _make(self, names: Iterable[str], steps: int, width: int) -> None:
        lanes, _, batch, _ = self.shape
        for name in names:
            if name not in self.arrays:
                self.arrays[name] = self.like.new_empty(lanes, steps, batch, width)

    # -- forward ------------------------------------------------------------------------------------------------------

    def forward(
        self, weights: Weights, x: Tensor, wide: Tensor | None, states: Sequence[Tensor], reset: Tensor | None
    ) -> tuple[Tensor, list[Tensor]]:  # fmt: skip
        """Run over a sequence.

        Args:
            weights: The parameters.
            x: Input, [R, T, B, I], contiguous.
            wide: x as wide as the layer, [R, T, B, H], where the cell reads it so.
            states: Those before the first step, in canonical order, [R, B, H] each.
            reset: Where states are zeroed before a step, bool [T, B], or None.

        Returns:
            The output, [R, T, B, H], and the states after the last step: memory that the next call writes over.
        """
        self.arrays["X"] = x
        if wide is not None:
            self.arrays["XR"] = wide
        for handle, vector in weights.vectors.items():
            self.arrays[f"V{handle}"] = vector
        for state in self.plan.carried:
            self.arrays[f"E{state}"][:, 0] = states[self.plan.state[state]]
        self._sums_of_x(weights)
        self._run(self.program.forward[Zone.PROLOGUE], weights, None)
        for step in range(self.shape[1]) if self.plan.carried else ():
            if reset is not None:
                self._before_reset(step, reset[step])
            self._run(self.program.forward[Zone.CORE], weights, step)
        self._run(self.program.forward[Zone.EPILOGUE], weights, None)
        output = self._output(reset is not None)
        return output, [self._last(state, output) for state in self.plan.state]

    def _sums_of_x(self, weights: Weights) -> None:
        """Begin every sum with its biases and what x adds."""
        bias = self.like.new_zeros(self.shape[0], 1, self.arrays["P"].shape[-1])
        for position, slot in enumerate(self.plan.slots):
            for linear in slot.linears:
                if linear in weights.biases:
                    self._columns(bias, position).add_(weights.biases[linear])
        sums = self.arrays["P"].flatten(1, 2)
        sums.copy_(bias.expand_as(sums))
        for number, product in enumerate(self.plan.products):
            if product.source == X_AS_IT_CAME:
                self._wide(sums, product).baddbmm_(self.arrays["X"].flatten(1, 2), weights.products[number])

    def _before_reset(self, step: int, reset: Tensor) -> None:
        """Put the last step's output away, then zero the states where a sequence begins."""
        if self.separate is not None and step:
            self.separate[:, step - 1] = self.arrays[f"E{self.program.cell.state_nodes[0].handle}"][:, step]
        for state in self.plan.carried:
            self.arrays[f"E{state}"][:, step].masked_fill_(reset.view(1, -1, 1), 0)

    def _output(self, put_away: bool) -> Tensor:
        """Return the first state after every step."""
        cell, steps = self.program.cell, self.shape[1]
        if self.separate is None:
            rows = self._view(home(self.plan, cell.output), None)
            return rows.view(*rows.shape[:1], *self.shape[1:3], -1)
        found = self.arrays[f"E{cell.state_nodes[0].handle}"][:, 1:]
        if not put_away:
            return found
        self.separate[:, steps - 1] = found[:, steps - 1]
        return self.separate

    def _last(self, state: int, output: Tensor) -> Tensor:
        return self.arrays[f"E{state}"][:, self.shape[1]] if state in self.plan.carried else output[:, -1]

    # -- backward -----------------------------------------------------------------------------------------------------

    def backward(
        self, weights: Weights, gradients: Weights, dout: Tensor | None, dlast: Sequence[Tensor | None], reset: Tensor | None
    ) -> tuple[Tensor, Tensor | None, list[Tensor]]:
        """Run back over the sequence that `forward` was given last.

        Args:
            weights: The parameters.
            gradients: Memory for theirs.
            dout: Gradient of the output, [R, T, B, H], or None.
            dlast: Of the last states, [R, B, H] each, or None.
            reset: As in `forward`.

        Returns:
            The gradients of x, of `wide` and of the first states.
        """
        lanes, steps, batch, wide = self.shape
        self._make(["D"], steps, self.arrays["P"].shape[-1])
        self._make(sorted(name for name in self.program.written if name.startswith(("GR", "L"))), steps, wide)
        for name in (argument.array for kernel in self.program.kernels for argument in kernel.arguments):
            if name.startswith("GC") and name not in self.arrays:
                self.arrays[name] = self.like.new_empty(lanes, batch, wide)
        for state in self.plan.carried:
            given = dlast[self.plan.state[state]]
            self.arrays[f"D{state}"] = self.like.new_zeros(lanes, batch, wide) if given is None else given.clone()
            self.arrays[f"N{state}"] = self.like.new_empty(lanes, batch, wide)
        self.arrays["O"] = self.like.new_zeros(self.shape) if dout is None else dout
        if not self.program.carries_output:
            self._begin(dlast[0])
        self._run(self.program.backward[Zone.EPILOGUE], weights, None)
        for step in reversed(range(steps)) if self.plan.carried else ():
            self._step_back(weights, reset, step)
        self._run(self.program.backward[Zone.PROLOGUE], weights, None)
        self._deferred(gradients)
        dstates = [
            self.arrays[f"D{state}"] if state in self.plan.carried else self.like.new_zeros(lanes, batch, wide)
            for state in self.plan.state
        ]
        return self._dx(weights), self._dwide(), dstates

    def _begin(self, dlast: Tensor | None) -> None:
        """Begin with the gradient of an output that is no carried state."""
        found = self.arrays[f"GR{self.program.cell.output}"]
        found.copy_(self.arrays["O"])
        if dlast is not None:
            found[:, -1] += dlast

    def _step_back(self, weights: Weights, reset: Tensor | None, step: int) -> None:
        self._run(self.program.backward[Zone.CORE], weights, step)
        for state in self.plan.carried:
            before, after = f"N{state}", f"D{state}"
            if reset is not None:
                self.arrays[before].masked_fill_(reset[step].view(1, -1, 1), 0)
            self.arrays[before], self.arrays[after] = self.arrays[after], self.arrays[before]

    def _deferred(self, gradients: Weights) -> None:
        """Compute the gradients of the parameters, each one product or one sum over all rows."""
        deltas = self.arrays["D"].flatten(1, 2)
        for number, product in enumerate(self.plan.products):
            rows = self._view(source(self.plan, product), None)
            torch.bmm(rows.transpose(1, 2), self._wide(deltas, product), out=gradients.products[number])
            for position in range(len(product.linears)):
                if product.first + position in self.program.unreached:
                    self._columns(gradients.products[number], position).zero_()
        sums = deltas.sum(1, keepdim=True)
        for position, slot in enumerate(self.plan.slots):
            for linear in slot.linears:
                if linear in gradients.biases:
                    gradients.biases[linear].copy_(self._columns(sums, position))
        for handle, into in gradients.vectors.items():
            if (rows_of := self.arrays.get(f"L{handle}")) is None:
                into.zero_()
            else:
                into.copy_(rows_of.flatten(1, 2).sum(1, keepdim=True))

    def _dx(self, weights: Weights) -> Tensor:
        """Return the gradient of x from the products that read it."""
        deltas = self.arrays["D"].flatten(1, 2)
        found = self.like.new_zeros(*self.shape[:3], self.inputs)
        rows = found.flatten(1, 2)
        for number, product in enumerate(self.plan.products):
            if product.source == X_AS_IT_CAME:
                rows.baddbmm_(self._wide(deltas, product), weights.products[number].transpose(1, 2))
        return found

    def _dwide(self) -> Tensor | None:
        """Return the gradient of x as wide as the layer, where the cell reads it so."""
        if not self.program.cell.needs_projection:
            return None
        found = self.arrays.get(f"GR{self.program.cell.x.handle}")
        return self.like.new_zeros(self.shape) if found is None else found

    # -- instructions -------------------------------------------------------------------------------------------------

    def _run(self, instructions: Sequence[Instruction], weights: Weights, step: int | None) -> None:
        """Carry out instructions for one step, or for all rows."""
        for instruction in instructions:
            if isinstance(instruction, Kernel):
                views = [self._view(argument, step) for argument in instruction.arguments]
                self.functions[instruction](self.widths.outside, self.widths.width, *views)
                continue
            product = self.plan.products[instruction.number]
            weight = weights.products[instruction.number]
            if instruction.into is None:
                sums = self._rows("P", step)
                self._wide(sums, product).baddbmm_(self._view(source(self.plan, product), step), weight)
                continue
            deltas, into = self._wide(self._rows("D", step), product), self._view(instruction.into, step)
            if instruction.adding:
                into.baddbmm_(deltas, weight.transpose(1, 2))
            else:
                torch.bmm(deltas, weight.transpose(1, 2), out=into)

    def _view(self, argument: Argument, step: int | None) -> Tensor:
        """Return an argument, [R, rows, its width]."""
        array = self.arrays[argument.array]
        if argument.when in ("lane", "step"):
            return array
        rows = self._rows(argument.array, step, argument.when == "next")
        return self._columns(rows, argument.slot) if argument.array in ("P", "D") else rows

    def _rows(self, name: str, step: int | None, following: bool = False) -> Tensor:
        """Return the rows of a step, or of all steps, [R, rows, width]."""
        if step is not None:
            return self.arrays[name][:, step + following]
        return self.arrays[name][:, : self.shape[1]].flatten(1, 2)

    def _columns(self, array: Tensor, slot: int) -> Tensor:
        return array[..., slot * self.shape[3] : (slot + 1) * self.shape[3]]

    def _wide(self, array: Tensor, product: Product) -> Tensor:
        """Return the columns of a product's slots."""
        return array[..., product.first * self.shape[3] : (product.first + len(product.linears)) * self.shape[3]]
