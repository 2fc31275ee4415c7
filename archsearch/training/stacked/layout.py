"""Where the parameters of a model lie in the flat buffer of a stack, [R, P], and what they are called in the torch model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from archsearch.compiler.parameters import bias_name, titles, weight_name
from archsearch.compiler.program.program import Program
from archsearch.compiler.stacked.lanes import Weights
from archsearch.training.flat import flat_layout

ALIGNED = 32
"""Parameters begin at multiples of so many numbers, and the alphabet is padded to one: all lanes are aligned alike."""

ROW = 128
"""The whole buffer is also rows of so many numbers."""


def whole(size: int) -> int:
    """Return the next multiple of ALIGNED."""
    return -(-size // ALIGNED) * ALIGNED


@dataclass(frozen=True)
class StackLayout:
    """The parameters of one stack.

    Attributes:
        program: The cell's.
        symbols: Size of the alphabet, V.
        width: H, as wide as the lanes are.
        layers: How many.
    """

    program: Program
    symbols: int
    width: int
    layers: int

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The parts of a lane, in order: embedding and output layer, then each layer's products, biases, vectors."""
        alphabet = whole(self.symbols)
        shapes: dict[str, tuple[int, ...]] = {
            "embedding": (alphabet, self.width),
            "weight": (alphabet, self.width),
            "bias": (alphabet,),
        }
        for layer in range(self.layers):
            for number, product in enumerate(self.program.plan.products):
                shapes[f"product {number} of {layer}"] = self.width, len(product.linears) * self.width
            for node in self.program.cell.ops:
                if node.has_bias:
                    shapes[f"{bias_name(node.handle)} of {layer}"] = (self.width,)
                if node.op == "scale":
                    shapes[f"{weight_name(node.handle)} of {layer}"] = (self.width,)
        return shapes

    @property
    def size(self) -> int:
        """P, a multiple of ROW."""
        return -(-sum(whole(torch.Size(shape).numel()) for shape in self.shapes.values()) // ROW) * ROW

    def views(self, flat: Tensor) -> dict[str, Tensor]:
        """Return all parts of a buffer [R, P] as [R, …]."""
        views, start = {}, 0
        for name, shape in self.shapes.items():
            size = torch.Size(shape).numel()
            views[name] = flat[:, start : start + size].view(flat.shape[0], *shape)
            start += whole(size)
        return views

    def layer(self, views: dict[str, Tensor], layer: int) -> Weights:
        """Return what one layer learns, from the views of a buffer, each of shape (R, …)."""
        count, ops = len(self.program.plan.products), self.program.cell.ops
        biases = {node.handle: views[f"{bias_name(node.handle)} of {layer}"] for node in ops if node.has_bias}
        vectors = {
            node.handle: views[f"{weight_name(node.handle)} of {layer}"] for node in ops if node.op == "scale"
        }
        return Weights(
            [views[f"product {number} of {layer}"] for number in range(count)],
            {handle: bias.unsqueeze(1) for handle, bias in biases.items()},
            {handle: vector.unsqueeze(1) for handle, vector in vectors.items()},
        )

    def share(self, views: dict[str, Tensor]) -> None:
        """Copy every shared matrix from the map that has it to the others, whose products have it too.

        Args:
            views: Those of the weights, each of shape (R, …).
        """
        for owner, copy in self._copies(views):
            copy.copy_(owner)

    def add_up(self, views: dict[str, Tensor]) -> None:
        """Move what maps add to the gradient of a matrix that they share to the map that has it; theirs is zero then.

        Args:
            views: Those of the gradients, each of shape (R, …).
        """
        for owner, copy in self._copies(views):
            owner.add_(copy)
            copy.zero_()

    def _copies(self, views: dict[str, Tensor]) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield the place of a shared matrix, (R, H, H), with each of its other places, turned as it lies there."""
        for layer in range(self.layers):
            places = dict(self._matrices(views, layer))
            for handle, place in places.items():
                node = self.program.cell.node(handle)
                if not node.owns:
                    yield places[node.owner], place.transpose(1, 2) if node.transposed else place

    def _matrices(self, views: dict[str, Tensor], layer: int) -> Iterator[tuple[int, Tensor]]:
        """Yield each linear map with the place of its matrix, transposed, (…, H, H).

        Args:
            views: Those of a buffer, each of shape (R, …), or those of a lane, without R.
            layer: Which layer's.
        """
        for number, product in enumerate(self.program.plan.products):
            for position, linear in enumerate(product.linears):
                start = position * self.width
                yield linear, views[f"product {number} of {layer}"][..., start : start + self.width]

    def named(self, views: dict[str, Tensor], lane: int, n: int) -> Iterator[tuple[str, Tensor]]:
        """Yield the parameters of a lane without padding, named and shaped as in the torch model.

        Args:
            views: Those of the buffer, each of shape (R, …).
            lane: Which one.
            n: Its width.
        """
        parts = {name: view[lane] for name, view in views.items()}
        title = titles(self.program.cell)
        yield "embedding", parts["embedding"][: self.symbols, :n]
        yield "weight", parts["weight"][: self.symbols, :n]
        yield "bias", parts["bias"][: self.symbols]
        for layer in range(self.layers):
            for linear, place in self._matrices(parts, layer):
                if self.program.cell.node(linear).owns:
                    yield f"layers.{title[weight_name(linear)]}_l{layer}", place[:n, :n].t()
            for node in self.program.cell.ops:
                if node.has_bias:
                    name = bias_name(node.handle)
                    yield f"layers.{title[name]}_l{layer}", parts[f"{name} of {layer}"][:n]
                if node.op == "scale":
                    name = weight_name(node.handle)
                    yield f"layers.{title[name]}_l{layer}", parts[f"{name} of {layer}"][:n]

    def reached(self, like: Tensor) -> Tensor:
        """Return 1 where a gradient reaches a parameter and 0 elsewhere, [P]: behind a `stop` nothing decays either."""
        placed, moved = flat_layout(self.program.cell, self.symbols, self.width, self.layers)
        still = {parameter.name for parameter in placed if parameter.start >= moved}
        flat = like.new_ones(1, self.size)
        for name, view in self.named(self.views(flat), 0, self.width):
            if name in still:
                view.zero_()
        return flat[0]
