"""Use a cell in a training loop of your own: predict the next value of a noisy sine.

    python examples/training_loop.py gru
    python examples/training_loop.py my.cell --steps 500
    python examples/training_loop.py quick-1/3

The loop is plain PyTorch. `Recurrent` takes the arguments of `torch.nn.GRU`, so a cell goes where a GRU was.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import torch
from torch import Tensor, nn

import archsearch

STEPS, BATCH, WIDTH = 35, 20, 32


class Forecaster(nn.Module):
    """One layer of a cell, and a linear map from its output to the next value.

    Attributes:
        layer: The recurrent layer.
        head: From the layer's output to a value.
    """

    def __init__(self, cell: archsearch.Cell) -> None:
        super().__init__()
        self.layer = archsearch.Recurrent(cell, input_size=1, hidden_size=WIDTH)
        self.head = nn.Linear(WIDTH, 1)

    def forward(self, values: Tensor) -> Tensor:
        """Return the predicted next values, shape (T, B, 1), for values of the same shape."""
        output, _ = self.layer(values)
        return self.head(output)


def batches(seed: int) -> Iterator[Tensor]:
    """Yield noisy sines of random phase and period, each of shape (T + 1, B, 1)."""
    generator = torch.Generator().manual_seed(seed)
    time = torch.arange(STEPS + 1.0).unsqueeze(1)
    while True:
        phase, period = torch.rand(2, BATCH, generator=generator)
        noise = 0.05 * torch.randn(STEPS + 1, BATCH, generator=generator)
        yield (torch.sin(6.28 * (time / (10 + 10 * period) + phase)) + noise).unsqueeze(2)


def train(cell: archsearch.Cell, steps: int) -> list[float]:
    """Train a forecaster and return the mean squared error of every step."""
    torch.manual_seed(0)
    model = Forecaster(cell)
    optimiser = torch.optim.AdamW(model.parameters(), lr=0.01)
    errors = []
    for _, values in zip(range(steps), batches(seed=0), strict=False):
        loss = nn.functional.mse_loss(model(values[:-1]), values[1:])
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        errors.append(loss.item())
    return errors


def main() -> None:
    """Read the command line, train, and say how the error fell."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cell", nargs="?", default="gru", help="a library name, a .cell file, or RUN/3")
    parser.add_argument("--steps", type=int, default=200)
    arguments = parser.parse_args()
    errors = train(archsearch.load_cell(arguments.cell), arguments.steps)
    for step in range(0, len(errors), max(1, len(errors) // 5)):
        print(f"step {step:4d}  mean squared error {errors[step]:.4f}")
    print(f"in the end  mean squared error {errors[-1]:.4f}")


if __name__ == "__main__":
    main()
