"""Where a printed loop over time finds things: the names of registers, and addresses in arrays."""

from __future__ import annotations

from archsearch.compiler.program.kernels import Argument, Multiply

PARTED = ("P", "D")
"""The arrays that have columns for every accumulator."""


class Places:
    """The arrays that a loop takes, each as a pointer and strides by lane, step and row.

    Attributes:
        arrays: An argument of each array, by name, in the order in which they were asked for.
    """

    def __init__(self) -> None:
        self.arrays: dict[str, Argument] = {}

    def address(self, argument: Argument, step: str, column: str = " + column") -> str:
        """Return where a tile of an argument lies.

        Args:
            argument: It.
            step: Of which step.
            column: What is added for the column.
        """
        name = argument.array
        self.arrays.setdefault(name, argument)
        first = f" + {argument.accumulator} * wide" if argument.accumulator else ""
        place = f"{name} + lane * {name}_by_lane + {step} * {name}_by_step + row * {name}_by_row{first}"
        return place if argument.narrow else place + column

    def load(self, argument: Argument, step: str, where: str = "") -> str:
        """Return what loads a tile.

        Args:
            argument: What is loaded.
            step: Of which step.
            where: A condition beside that of there being a number.
        """
        return f"tl.load({self.address(argument, step)}, mask={_mask(argument)}{where}, other=0.0)"

    def store(self, argument: Argument, value: str = "", step: str = "step") -> str:
        """Return what stores a tile.

        Args:
            argument: Where to.
            value: What; what lies in its registers if empty.
            step: Of which step.
        """
        place = self.address(argument, step)
        return f"tl.store({place}, {value or register(argument)}, mask={_mask(argument)})"


def matrix_place(multiply: Multiply, position: int, turned: bool) -> str:
    """Return where one of the matrices of a product lies, and its strides.

    Args:
        multiply: Which product.
        position: Which of its matrices, that lie side by side.
        turned: Whether it is transposed.
    """
    name = f"M{multiply.number}"
    strides = f"1, {name}_by_row" if turned else f"{name}_by_row, 1"
    return f"{name} + lane * {name}_by_lane + {position} * wide, {strides}"


def matrix_register(multiply: Multiply, position: int) -> str:
    """Return the variable that holds a matrix."""
    return f"M{multiply.number}_{position}"


def begins(step: str, where: str = "") -> str:
    """Return what loads whether a sequence begins at a step, where a condition holds."""
    return f"tl.load(resets + {step} * rows + row, mask=(row < rows){where}, other=0) != 0"


def register(argument: Argument) -> str:
    """Return the variable that holds an argument."""
    parts = [
        argument.array,
        *([str(argument.accumulator)] if argument.array in PARTED else []),
        argument.when,
    ]
    return "_".join(parts)


def _mask(argument: Argument) -> str:
    return "(row < rows)" if argument.narrow else "there"
