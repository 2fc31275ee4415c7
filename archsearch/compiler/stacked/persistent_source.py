"""The loop over time as one Triton kernel: the core of a program, all its kernels and products in one function.

A program instance has a tile of one lane's sequences, which do not depend on one another, and takes them through all steps
by itself. What a kernel stores for the next one stays in registers; memory gets what is read after the loop.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from archsearch.compiler.program.kernels import Argument, Instruction, Kernel, Multiply
from archsearch.compiler.program.plan import Zone
from archsearch.compiler.program.program import Program
from archsearch.compiler.stacked.persistent_places import (
    Places,
    begins,
    matrix_place,
    matrix_register,
    register,
)
from archsearch.compiler.stacked.triton_dialect import beginning, computed, stored

NAME = "over_time"


@dataclass(frozen=True)
class LoopKind:
    """What the loop does in one direction.

    Attributes:
        back: Whether it is the adjoint, from the last step to the first.
        resident: Whether matrices are loaded once before the loop, and all else a step ahead; else both at every step.
        resets: Whether states are zeroed before some steps.
    """

    back: bool
    resident: bool
    resets: bool


@dataclass(frozen=True)
class PrintedLoop:
    """A printed loop.

    Attributes:
        text: The function `over_time`.
        arguments: One of each array that it takes, in order: a pointer and strides by lane, step and row.
        products: Whose matrices it takes after them, in order: a pointer and strides by lane and row.
    """

    text: str
    arguments: tuple[Argument, ...]
    products: tuple[int, ...]


def printed_loop(program: Program, kind: LoopKind) -> PrintedLoop:
    """Return the loop of a program that has a state to carry."""
    return _Loop(program, kind).source()


class _Loop:
    """A loop that is being printed.

    Attributes:
        program: What is computed.
        plan: The program's.
        kind: What the loop does.
        instructions: Of a step.
        places: The arrays that the loop takes.
        held: What lies in registers at this point of a step.
        read: What a step reads that the loop before it did not write. It is loaded a step ahead, unless matrices come from
            cache, for which registers are needed.
        last: For what is written the position of the instruction that writes it last in a step. It is stored there alone:
            nothing orders two stores by different threads.
    """

    def __init__(self, program: Program, kind: LoopKind) -> None:
        self.program, self.kind, self.plan = program, kind, program.plan
        self.instructions = (program.backward if kind.back else program.forward)[Zone.CORE]
        self.places = Places()
        self.held: set[Argument] = set()
        self.read: list[Argument] = []
        self.last = {
            argument: turn
            for turn, instruction in enumerate(self.instructions)
            for argument in self.written(instruction)
        }

    def source(self) -> PrintedLoop:
        """Return all of it."""
        body = [f"    {line}" for line in self.step()]
        lines = [*beginning(), *self.before(), "for turn in range(steps):", *body, *self.after()]
        products = tuple(dict.fromkeys(multiply.number for multiply in self.products))
        taken = [f"{name}, {name}_by_lane, {name}_by_step, {name}_by_row" for name in self.places.arrays]
        taken += [f"M{number}, M{number}_by_lane, M{number}_by_row" for number in products]
        constants = ", ".join(f"{name}: tl.constexpr" for name in ("ROWS", "COLUMNS", "PRECISION", "CHUNK"))
        resets = "resets, " if self.kind.resets else ""
        head = f"def {NAME}(width, {resets}{', '.join(taken)}, rows, wide, steps, {constants}):"
        text = "\n    ".join([head, *lines]) + "\n"
        return PrintedLoop(text, tuple(self.places.arrays.values()), products)

    # -- the parts of the loop ----------------------------------------------------------------------------------------

    def before(self) -> Iterator[str]:
        """Yield what is loaded once: the first states, or the gradients of the last ones; learned vectors; matrices."""
        yield "end = lane * 0 + steps  # as wide as addresses are"
        for argument in (*self.ends, *self.vectors):
            yield f"{register(argument)} = {self.places.load(argument, '0')}"
        if self.kind.resident:
            yield from self.inputs("", "(end - 1)" if self.kind.back else "0")
            for multiply in self.products:
                for position in range(len(self.plan.products[multiply.number].linears)):
                    place = matrix_place(multiply, position, self.kind.back)
                    yield f"{matrix_register(multiply, position)} = matrix({place}, wide, COLUMNS)"

    def step(self) -> Iterator[str]:
        """Yield a step."""
        self.held = {*self.ends, *self.vectors}
        body = list(self.body())
        yield f"step = {'end - 1 - turn' if self.kind.back else 'lane * 0 + turn'}"
        if self.kind.resident:
            yield f"rows_ahead = tl.where({'step > 0' if self.kind.back else 'step + 1 < end'}, rows, 0)"
            yield from self.inputs(
                "_ahead", "(step - 1)" if self.kind.back else "(step + 1)", " & (row < rows_ahead)"
            )
        elif self.kind.resets:
            yield f"begins = {begins('step')}"
        yield from body
        if self.kind.resident:
            names = [*map(register, self.read), *(["begins"] if self.kind.resets else [])]
            yield from (f"{name} = {name}_ahead" for name in names)

    def inputs(self, suffix: str, step: str, where: str = "") -> Iterator[str]:
        """Yield what loads all that a step reads.

        Args:
            suffix: Of the registers.
            step: Which step.
            where: A condition for there being one.
        """
        for argument in self.read:
            yield f"{register(argument)}{suffix} = {self.places.load(argument, step, where)}"
        if self.kind.resets:
            yield f"begins{suffix} = {begins(step, where)}"

    def body(self) -> Iterator[str]:
        """Yield a step whose number is known."""
        yield from () if self.kind.back else self.begin()
        for turn, instruction in enumerate(self.instructions):
            if isinstance(instruction, Kernel):
                yield from self.kernel(instruction)
            else:
                yield from self.multiply(instruction, turn)
            for argument in self.written(instruction):
                if self.last[argument] == turn and self.remembers(argument):
                    yield self.places.store(argument)
        yield from self.finish()

    def begin(self) -> Iterator[str]:
        """Yield the states of a step: zeroed where a sequence begins, and stored."""
        for state in self.ends:
            if self.kind.resets:
                yield f"{register(state)} = tl.where(begins, 0.0, {register(state)})"
            yield self.places.store(state)

    def finish(self) -> Iterator[str]:
        """Yield how the next step is handed on to."""
        first = self.program.cell.state_nodes[0].handle
        if self.kind.resets and not self.kind.back and self.program.carries_output:
            yield self.places.store(Argument("Y"), register(Argument(f"E{first}", when="next")))
        for state, end in zip(self.plan.carried, self.ends, strict=True):
            yield f"{register(end)} = {self.handed(state)}"

    def handed(self, state: int) -> str:
        """Return the value of a state that the next step begins with, or its gradient."""
        if not self.kind.back:
            return register(Argument(f"E{state}", when="next"))
        before = register(Argument(f"N{state}", when="step"))
        return f"tl.where(begins, 0.0, {before})" if self.kind.resets else before

    def after(self) -> Iterator[str]:
        """Yield what is stored once: the last states, or the gradients of the first ones."""
        for end in self.ends:
            yield self.places.store(end, step="0" if self.kind.back else "end")

    # -- instructions -------------------------------------------------------------------------------------------------

    def kernel(self, kernel: Kernel) -> Iterator[str]:
        """Yield the lines of a kernel."""
        for line in kernel.lines:
            if line.kind == "load":
                yield from self.need(kernel.argument(line))
                yield f"{line.name} = {register(kernel.argument(line))}"
            elif line.kind == "store":
                argument = kernel.argument(line)
                self.held.add(argument)
                yield f"{register(argument)} = {stored(kernel, line)}"
            else:
                yield f"{line.name} = {computed(line)}"

    def multiply(self, multiply: Multiply, turn: int) -> Iterator[str]:
        """Yield the instruction of this position in a step, a product."""
        follows = turn > 0 and isinstance(self.instructions[turn - 1], Multiply)
        if not (self.kind.resident or follows):
            yield "tl.debug_barrier()  # what is multiplied was stored by other threads"
        yield from self.gradient(multiply) if self.kind.back else self.sums(multiply)

    def sums(self, multiply: Multiply) -> Iterator[str]:
        """Yield what a product adds to its sums."""
        product = self.plan.products[multiply.number]
        source = self.program.layout.source(product)
        yield from self.need(source)
        for position in range(len(product.linears)):
            into = Argument("P", product.first + position)
            yield from self.need(into)
            yield f"{register(into)} = {self.product(multiply, position, source, register(into))}"

    def gradient(self, multiply: Multiply) -> Iterator[str]:
        """Yield what a product passes to the gradient of its input."""
        assert multiply.into is not None
        product, into = self.plan.products[multiply.number], register(multiply.into)
        if not multiply.adding:
            self.held.add(multiply.into)
            yield f"{into} = tl.zeros([ROWS, COLUMNS], own.dtype)"
        for position in range(len(product.linears)):
            delta = Argument("D", product.first + position)
            yield f"{into} = {self.product(multiply, position, delta, into)}"

    def product(self, multiply: Multiply, position: int, left: Argument, added: str) -> str:
        """Return a product with one of the matrices that lie side by side, added to a sum.

        Args:
            multiply: Which product.
            position: Which of its matrices.
            left: What is multiplied.
            added: What it is added to.
        """
        if self.kind.resident:
            matrix = matrix_register(multiply, position)
            return f"tl.dot({register(left)}, {matrix}, {added}, input_precision=PRECISION)"
        rows = self.places.address(left, "step", "")
        matrix = matrix_place(multiply, position, self.kind.back)
        return f"product({added}, {rows}, row < rows, {matrix}, wide, PRECISION, CHUNK)"

    def written(self, instruction: Instruction) -> list[Argument]:
        """Return what an instruction writes, once each."""
        if isinstance(instruction, Kernel):
            stores = [instruction.argument(line) for line in instruction.lines if line.kind == "store"]
            return list(dict.fromkeys(stores))
        if instruction.into is not None:
            return [instruction.into]
        product = self.plan.products[instruction.number]
        return [Argument("P", product.first + position) for position in range(len(product.linears))]

    def remembers(self, argument: Argument) -> bool:
        """Whether something that a step writes is read outside of it; sums seldom are."""
        return argument.when == "row" and (argument.array != "P" or argument in self.program.read_after_core)

    def need(self, argument: Argument) -> Iterator[str]:
        """Yield how something comes into registers, unless it is there."""
        if argument in self.held:
            return
        self.held.add(argument)
        if self.kind.resident:
            self.read.append(argument)
        else:
            yield f"{register(argument)} = {self.places.load(argument, 'step')}"

    # -- what a step has ------------------------------------------------------------------------------------------------

    @property
    def ends(self) -> list[Argument]:
        """What passes from step to step: the states, or the gradients of those after a step."""
        if self.kind.back:
            return [Argument(f"D{state}", when="step") for state in self.plan.carried]
        return [Argument(f"E{state}") for state in self.plan.carried]

    @property
    def products(self) -> list[Multiply]:
        """The products of a step."""
        return [step for step in self.instructions if isinstance(step, Multiply)]

    @property
    def vectors(self) -> list[Argument]:
        """The learned vectors that a step reads."""
        kernels = [step for step in self.instructions if isinstance(step, Kernel)]
        found = [argument for kernel in kernels for argument in kernel.arguments if argument.when == "lane"]
        return list(dict.fromkeys(found))
