"""One layer over a stack: what a program says, on tensors [R, T, B, H], forward and backward."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from archsearch.compiler.program import X_AS_IT_CAME, Zone
from archsearch.compiler.program.kernels import Instruction, Kernel
from archsearch.compiler.program.program import Program
from archsearch.compiler.stacked import triton_dialect
from archsearch.compiler.stacked.arrays import Arrays
from archsearch.compiler.stacked.lanes import Weights, Widths
from archsearch.compiler.stacked.persistent import PersistentLoop
from archsearch.compiler.stacked.persistent_choice import asked_for, obstacle
from archsearch.compiler.stacked.torch_dialect import Run

Dialect = Callable[[Kernel], Run]


class Layer:
    """A program with memory for one shape.

    Args:
        program: What is computed.
        dialect: Turns kernels into functions.
        shape: R, T, B, H.
        inputs: Width of x.
        widths: The lanes' own widths.
        like: A tensor of the type and on the device of all others.
        persistent: Whether the loop over time is one launch each way where it can be; None if the environment says so.

    Attributes:
        program: As given.
        plan: The program's.
        widths: As given.
        shape: As given.
        inputs: As given.
        like: As given.
        functions: Of each kernel.
        arrays: The memory.
        loop: Runs all steps at once; None where each has launches of its own.
    """

    def __init__(
        self,
        program: Program,
        dialect: Dialect,
        shape: tuple[int, int, int, int],
        inputs: int,
        widths: Widths,
        like: Tensor,
        persistent: bool | None = None,
    ) -> None:
        self.program, self.plan, self.widths = program, program.plan, widths
        self.shape, self.inputs, self.like = shape, inputs, like
        self.functions = {kernel: dialect(kernel) for kernel in program.kernels}
        self.arrays = Arrays(shape, like)
        self.arrays.make(["P"], len(self.plan.accumulators) * shape[3])
        self.arrays.make([f"E{state}" for state in self.plan.carried], more=1)
        self.arrays.make(f"K{handle}" for handle in program.layout.kept)
        self.arrays.make([f"R{node.handle}" for node in program.cell.ops if node.op == "norm"], 1)
        self.loop = (
            PersistentLoop(program, self.arrays, widths) if self._persistent(dialect, persistent) else None
        )

    def _persistent(self, dialect: Dialect, asked: bool | None) -> bool:
        """Whether the loop over time is one kernel, which is Triton's."""
        if dialect is not triton_dialect.compile_kernel or obstacle(self.program, self.shape[3]):
            return False
        return asked_for() if asked is None else asked

    # -- forward ------------------------------------------------------------------------------------------------------

    def forward(
        self, weights: Weights, x: Tensor, wide: Tensor | None, states: Sequence[Tensor], reset: Tensor | None
    ) -> tuple[Tensor, list[Tensor]]:
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
        self._over_time(weights, reset)
        self._run(self.program.forward[Zone.EPILOGUE], weights, None)
        output = self._output(reset)
        return output, [self._last(state, output) for state in self.plan.state]

    def _sums_of_x(self, weights: Weights) -> None:
        """Begin every sum with its biases and what x adds."""
        bias = self.like.new_zeros(self.shape[0], 1, self.arrays["P"].shape[-1])
        for position, accumulator in enumerate(self.plan.accumulators):
            for linear in accumulator.linears:
                if linear in weights.biases:
                    self.arrays.columns(bias, position).add_(weights.biases[linear])
        sums = self.arrays["P"].flatten(1, 2)
        sums.copy_(bias.expand_as(sums))
        for number, product in enumerate(self.plan.products):
            if product.source == X_AS_IT_CAME:
                self.arrays.columns_of(sums, product).baddbmm_(
                    self.arrays["X"].flatten(1, 2), weights.products[number]
                )

    def _over_time(self, weights: Weights, reset: Tensor | None) -> None:
        if self.loop is not None:
            self.loop.run(weights, reset, back=False)
            return
        for step in range(self.shape[1]) if self.plan.carried else ():
            if reset is not None:
                self._reset(step, reset[step])
            self._run(self.program.forward[Zone.CORE], weights, step)

    def _reset(self, step: int, reset: Tensor) -> None:
        """Put the last step's output away, then zero the states where a sequence begins."""
        if self.program.carries_output and step:
            self.arrays.make(["Y"])
            self.arrays["Y"][:, step - 1] = self.arrays[self.output][:, step]
        for state in self.plan.carried:
            self.arrays[f"E{state}"][:, step].masked_fill_(reset.view(1, -1, 1), 0)

    def _output(self, reset: Tensor | None) -> Tensor:
        """Return the first state after every step."""
        if not self.program.carries_output:
            rows = self.arrays.view(self.program.layout.home(self.program.cell.output), None)
            return rows.view(len(rows), *self.shape[1:3], -1)
        outputs, last = self.arrays[self.output][:, 1:], self.shape[1] - 1
        if reset is None:
            return outputs
        self.arrays.make(["Y"])
        self.arrays["Y"][:, last] = outputs[:, last]
        return self.arrays["Y"]

    @property
    def output(self) -> str:
        """The array of the first state."""
        return f"E{self.program.cell.state_nodes[0].handle}"

    def _last(self, state: int, output: Tensor) -> Tensor:
        return self.arrays[f"E{state}"][:, self.shape[1]] if state in self.plan.carried else output[:, -1]

    # -- backward -----------------------------------------------------------------------------------------------------

    def backward(
        self,
        weights: Weights,
        gradients: Weights,
        dout: Tensor | None,
        dlast: Sequence[Tensor | None],
        reset: Tensor | None,
    ) -> tuple[Tensor, Tensor | None, list[Tensor]]:
        """Run back over the sequence that `forward` was given last.

        Args:
            weights: The parameters.
            gradients: Memory for theirs.
            dout: Gradient of the output, [R, T, B, H], or None.
            dlast: Of the last states, [R, B, H] each, or None.
            reset: As in `forward`.

        Returns:
            The gradients of x, of `wide` and of the first states: memory that the next call writes over.
        """
        self.arrays.make(["D"], self.arrays["P"].shape[-1])
        self.arrays.make(sorted(name for name in self.program.written if name.startswith(("GR", "L"))))
        self.arrays.make_for_a_step(
            sorted(name for name in self.program.written if name.startswith(("GC", "N")))
        )
        self.arrays.make_for_a_step(f"{kind}{state}" for state in self.plan.carried for kind in "DN")
        for state in self.plan.carried:
            gradient = dlast[self.plan.state[state]]
            self.arrays[f"D{state}"].copy_(self.like.new_zeros(()) if gradient is None else gradient)
        self.arrays["O"] = self.like.new_zeros(self.shape) if dout is None else dout
        if not self.program.carries_output:
            self._begin(dlast[0])
        self._run(self.program.backward[Zone.EPILOGUE], weights, None)
        self._back_over_time(weights, reset)
        self._run(self.program.backward[Zone.PROLOGUE], weights, None)
        self._deferred(gradients)
        nothing = self.like.new_zeros(1).expand(self.shape[0], *self.shape[2:])
        dstates = [
            self.arrays[f"D{state}"] if state in self.plan.carried else nothing for state in self.plan.state
        ]
        return self._dx(weights), self._dwide(), dstates

    def _begin(self, dlast: Tensor | None) -> None:
        """Begin with the gradient of an output that is no carried state."""
        gradient = self.arrays[f"GR{self.program.cell.output}"]
        gradient.copy_(self.arrays["O"])
        if dlast is not None:
            gradient[:, -1] += dlast

    def _back_over_time(self, weights: Weights, reset: Tensor | None) -> None:
        if self.loop is not None:
            self.loop.run(weights, reset, back=True)
            return
        for step in reversed(range(self.shape[1])) if self.plan.carried else ():
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
            rows = self.arrays.view(self.program.layout.source(product), None)
            torch.bmm(
                rows.transpose(1, 2), self.arrays.columns_of(deltas, product), out=gradients.products[number]
            )
            for position in range(len(product.linears)):
                if product.first + position in self.program.unreached:
                    self.arrays.columns(gradients.products[number], position).zero_()
        sums = deltas.sum(1, keepdim=True)
        for position, accumulator in enumerate(self.plan.accumulators):
            for linear in accumulator.linears:
                if linear in gradients.biases:
                    gradients.biases[linear].copy_(self.arrays.columns(sums, position))
        for handle, into in gradients.vectors.items():
            if f"L{handle}" in self.arrays:
                into.copy_(self.arrays.rows(f"L{handle}", None).sum(1, keepdim=True))
            else:
                into.zero_()

    def _dx(self, weights: Weights) -> Tensor:
        """Return the gradient of x from the products that read it."""
        deltas = self.arrays["D"].flatten(1, 2)
        dx = self.like.new_zeros(*self.shape[:3], self.inputs)
        rows = dx.flatten(1, 2)
        for number, product in enumerate(self.plan.products):
            if product.source == X_AS_IT_CAME:
                rows.baddbmm_(
                    self.arrays.columns_of(deltas, product), weights.products[number].transpose(1, 2)
                )
        return dx

    def _dwide(self) -> Tensor | None:
        """Return the gradient of x as wide as the layer, where the cell reads it so."""
        if not self.program.cell.needs_projection:
            return None
        name = f"GR{self.program.cell.x.handle}"
        return self.arrays[name] if name in self.arrays else self.like.new_zeros(self.shape)

    # -- instructions -------------------------------------------------------------------------------------------------

    def _run(self, instructions: Sequence[Instruction], weights: Weights, step: int | None) -> None:
        """Carry out instructions for one step, or for all rows."""
        for instruction in instructions:
            if isinstance(instruction, Kernel):
                views = [self.arrays.view(argument, step) for argument in instruction.arguments]
                self.functions[instruction](self.widths.outside, self.widths.width, *views)
                continue
            product, weight = self.plan.products[instruction.number], weights.products[instruction.number]
            sums = self.arrays.columns_of(self.arrays.rows("D" if instruction.into else "P", step), product)
            if instruction.into is None:
                sums.baddbmm_(self.arrays.view(self.program.layout.source(product), step), weight)
            elif instruction.adding:
                self.arrays.view(instruction.into, step).baddbmm_(sums, weight.transpose(1, 2))
            else:
                torch.bmm(sums, weight.transpose(1, 2), out=self.arrays.view(instruction.into, step))
