"""The memory of a layer: arrays by name, and the parts of them that products and kernels are given; see `layout`."""

from __future__ import annotations

from collections.abc import Iterable

from torch import Tensor

from archsearch.compiler.program import Product
from archsearch.compiler.program.kernels import Argument


class Arrays:
    """Arrays [R, T, B, width] of one shape.

    Args:
        shape: R, T, B, H.
        like: A tensor of the type and on the device of all others.

    Attributes:
        shape: As given.
        like: As given.
        of: The arrays by name.
    """

    def __init__(self, shape: tuple[int, int, int, int], like: Tensor) -> None:
        self.shape, self.like = shape, like
        self.of: dict[str, Tensor] = {}

    def __contains__(self, name: str) -> bool:
        return name in self.of

    def __getitem__(self, name: str) -> Tensor:
        return self.of[name]

    def __setitem__(self, name: str, array: Tensor) -> None:
        self.of[name] = array

    def make(self, names: Iterable[str], width: int | None = None, more: int = 0) -> None:
        """Make arrays [R, T, B, H] that are not there yet.

        Args:
            names: Of the arrays.
            width: How wide they are, if not H.
            more: How many steps more than T they have.
        """
        lanes, steps, batch, wide = self.shape
        for name in names:
            if name not in self.of:
                self.of[name] = self.like.new_empty(lanes, steps + more, batch, width or wide)

    def make_for_a_step(self, names: Iterable[str]) -> None:
        """Make arrays [R, B, H] that are not there yet."""
        lanes, _, batch, wide = self.shape
        for name in names:
            if name not in self.of:
                self.of[name] = self.like.new_empty(lanes, batch, wide)

    def view(self, argument: Argument, step: int | None) -> Tensor:
        """Return an argument for a step, or for all of them: [R, rows, its width]."""
        if argument.when in ("lane", "step"):
            return self.of[argument.array]
        rows = self.rows(argument.array, step, argument.when == "next")
        return self.columns(rows, argument.accumulator) if argument.array in ("P", "D") else rows

    def rows(self, name: str, step: int | None, following: bool = False) -> Tensor:
        """Return rows of an array, [R, rows, width].

        Args:
            name: Of the array.
            step: Which step's, or None for all of them.
            following: Whether those of the step after it.
        """
        if step is not None:
            return self.of[name][:, step + following]
        return self.of[name][:, : self.shape[1]].flatten(1, 2)

    def columns(self, array: Tensor, accumulator: int, count: int = 1) -> Tensor:
        """Return the columns of neighbouring accumulators, [R, rows, count · H].

        Args:
            array: All columns, [R, rows, width].
            accumulator: The position of the first.
            count: How many.
        """
        wide = self.shape[3]
        return array[..., accumulator * wide : (accumulator + count) * wide]

    def columns_of(self, array: Tensor, product: Product) -> Tensor:
        """Return the columns of a product's accumulators, of all columns, [R, rows, width]."""
        return self.columns(array, product.first, len(product.linears))
