"""The output layer with its loss in Triton: three products and two kernels to learn, one product and two kernels to judge.

The gradient takes the place of the logits.
"""

from __future__ import annotations

import torch
from torch import Tensor

from archsearch.compiler.stacked.triton_dialect import TILE, functions, launch, power
from archsearch.training.stacked.head import Head, OutputLayer

KERNELS = "archsearch.training.stacked.triton_loss"


class FusedHead(Head):
    """See `Head`, whose losses, gradients and scores it gives to float32's precision."""

    def learn(
        self, top: Tensor, output: OutputLayer, gradient: OutputLayer, targets: Tensor, scored: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return the losses, shape (R,), and the gradient of `top`; fills that of the output layer.

        Args:
            top: The last layer's output, shape (R, rows, H).
            output: The output layer.
            gradient: Memory for its gradient.
            targets: Symbols, shape (rows,).
            scored: Where they count, bool, shape (rows,).
        """
        losses, dtop = top.new_zeros(top.shape[0]), torch.zeros_like(top)
        for lanes in self.chunks(top, output.weight.shape[1]):
            delta = self.logits(top, output, lanes)
            self._to_gradient(delta, targets, scored, gradient.bias[lanes], losses[lanes])
            torch.bmm(delta.transpose(1, 2), top[lanes], out=gradient.weight[lanes])
            torch.bmm(delta, output.weight[lanes], out=dtop[lanes])
        return losses, dtop

    def _to_gradient(
        self, logits: Tensor, targets: Tensor, scored: Tensor, bias: Tensor, losses: Tensor
    ) -> None:
        """Turn logits into the gradient of their losses, and fill the gradient of the bias and the losses."""
        lanes, rows, padded = logits.shape
        tile, each, made = tile_of(padded), logits.new_empty(lanes, rows), functions(KERNELS)
        grid, sizes = (-(-rows // tile["ROWS"]), lanes), (rows, self.symbols, padded, self.batch)
        launch(made["cross_entropy"], grid, logits, targets, scored.view(torch.uint8), each, *sizes, **tile)
        grid, sizes = (-(-padded // tile["COLUMNS"]), lanes), (rows, padded, bias.stride(0), self.batch)
        launch(made["added_up"], grid, logits, each, bias, losses, *sizes, **tile)

    def judge(self, top: Tensor, output: OutputLayer, targets: Tensor, scored: Tensor, score: Tensor) -> None:
        """Add each lane's right answers and its NLL to the score.

        Args:
            top: The last layer's output, shape (R, rows, H).
            output: The output layer.
            targets: Symbols, shape (rows,).
            scored: Where they count, bool, shape (rows,).
            score: Right answers and summed NLL, float64, shape (R, 2), contiguous.
        """
        made = functions(KERNELS)
        for lanes in self.chunks(top, output.weight.shape[1]):
            logits = self.logits(top, output, lanes)
            count, rows, padded = logits.shape
            tile, each = tile_of(padded), logits.new_empty(count, 2, rows)
            grid, sizes = (-(-rows // tile["ROWS"]), count), (rows, self.symbols, padded)
            launch(made["judged"], grid, logits, targets, scored.view(torch.uint8), each, *sizes, **tile)
            launch(made["added_to_score"], (2, count), each, score[lanes], rows, TILE=TILE)


def tile_of(padded: int) -> dict[str, int]:
    """Return how many rows of so many logits, and how many of these, a kernel reads at once."""
    columns = min(TILE, power(padded))
    return {"ROWS": TILE // columns, "COLUMNS": columns}
