"""Kernels: what is element-wise between two levels of products, as text that the dialects print; no tensors here."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

When = Literal["row", "next", "step", "lane"]

WORD = re.compile(r"[a-z]\w*")


@dataclass(frozen=True, slots=True)
class Argument:
    """What a kernel reads or writes: an array, or H columns of one.

    Attributes:
        array: Its name; see `layout`.
        accumulator: Which H columns of a wide array.
        when: `row`: it has a row for every step and sequence, and this is the row at hand; `next`: the one a step later;
            `step`: it lives for a step; `lane`: it has one row per lane.
        narrow: Whether a row is a single number.
    """

    array: str
    accumulator: int = 0
    when: When = "row"
    narrow: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """One statement.

    Attributes:
        kind: `load` an argument into a variable, `number`: a constant into one, `let` a variable be an expression,
            `root` and `mean`: of whole rows, `store` an expression to an argument.
        name: The variable, or "" for a store.
        text: The expression; for `root` the variable that is squared, for `mean` one or a product of two; a number's value.
        argument: Position of the argument, where there is one.
    """

    kind: Literal["load", "number", "let", "root", "mean", "store"]
    name: str
    text: str = ""
    argument: int = -1


@dataclass(frozen=True, eq=False)
class Kernel:
    """Lines over all lanes and rows; each is itself alone, so that finding its function costs nothing.

    Attributes:
        name: Unique in its program, and the same every time.
        arguments: What it reads and writes.
        lines: In order; variables are `v7` for the value of node 7, `g7` for its gradient.
    """

    name: str
    arguments: tuple[Argument, ...]
    lines: tuple[Line, ...]

    @cached_property
    def variables(self) -> dict[str, Line]:
        """For each variable the line that makes it."""
        return {line.name: line for line in self.lines if line.name}

    def reads(self, line: Line) -> list[Line]:
        """Return the lines that make what a line reads, in the order of its text."""
        return [self.variables[word] for word in WORD.findall(line.text) if word in self.variables]

    def argument(self, line: Line) -> Argument:
        """Return what a line loads or stores."""
        return self.arguments[line.argument]

    @property
    def reduces(self) -> bool:
        """Whether it needs whole rows."""
        return any(line.kind in ("root", "mean") for line in self.lines)


@dataclass(frozen=True, slots=True)
class Multiply:
    """One product: forward added to its sums, backward the gradient of its input.

    Attributes:
        number: Its position in the plan.
        into: Where the gradient goes; None forward.
        adding: Whether something is there already.
    """

    number: int
    into: Argument | None = None
    adding: bool = True


Instruction = Multiply | Kernel
