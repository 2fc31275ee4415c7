"""The output layer with its loss as three products and two kernels, the gradient in the memory of the logits; in Triton."""

from __future__ import annotations

import torch
from torch import Tensor

from archsearch.compiler.stacked.triton_dialect import TILE, functions, launch, power
from archsearch.training.stacked.head import Head, OutputLayer

KERNELS = "archsearch.training.stacked.triton_loss"


class FusedHead(Head):
    """See `Head`, whose losses and gradients it gives to float32's precision; it judges as that does."""

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
            bias, weight = output.bias[lanes].unsqueeze(1), output.weight[lanes]
            delta = torch.baddbmm(bias, top[lanes], weight.transpose(1, 2))
            self._to_gradient(delta, targets, scored, gradient.bias[lanes], losses[lanes])
            torch.bmm(delta.transpose(1, 2), top[lanes], out=gradient.weight[lanes])
            torch.bmm(delta, weight, out=dtop[lanes])
        return losses, dtop

    def _to_gradient(
        self, logits: Tensor, targets: Tensor, scored: Tensor, bias: Tensor, losses: Tensor
    ) -> None:
        """Turn logits into the gradient of their losses, and fill the gradient of the bias and the losses."""
        lanes, rows, padded = logits.shape
        columns = min(TILE, power(padded))
        tile = {"ROWS": TILE // columns, "COLUMNS": columns}
        each, made = logits.new_empty(lanes, rows), functions(KERNELS)
        grid, sizes = (-(-rows // tile["ROWS"]), lanes), (rows, self.symbols, padded, self.batch)
        launch(made["cross_entropy"], grid, logits, targets, scored.view(torch.uint8), each, *sizes, **tile)
        grid, sizes = (-(-padded // columns), lanes), (rows, padded, bias.stride(0), self.batch)
        launch(made["added_up"], grid, logits, each, bias, losses, *sizes, **tile)
