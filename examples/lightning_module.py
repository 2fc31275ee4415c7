"""Train a cell with Lightning: predict the next value of a noisy sine.

    pip install lightning
    python examples/lightning_module.py mut1 --max-steps 300

The layer is the exported class, which needs torch alone: `archsearch export mut1 -o mut1.py` writes it as a file, and then
`from mut1 import Mut1` stands where `exported` is called here.
"""

from __future__ import annotations

import argparse

import lightning
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

import archsearch

STEPS, WIDTH = 35, 32


def exported(name: str) -> nn.Module:
    """Return the exported class of a cell, one layer for one input."""
    return archsearch.Recurrent(archsearch.load_cell(name), 1, WIDTH, batch_first=True).to_module()


class Forecaster(lightning.LightningModule):
    """A recurrent layer, and a linear map from its output to the next value.

    Attributes:
        layer: The recurrent layer.
        head: From the layer's output to a value.
    """

    def __init__(self, layer: nn.Module, rate: float = 0.01) -> None:
        super().__init__()
        self.layer = layer
        self.head = nn.Linear(WIDTH, 1)
        self.rate = rate

    def forward(self, values: Tensor) -> Tensor:
        """Return the predicted next values, shape (B, T, 1), for values of the same shape."""
        output, _ = self.layer(values)
        return self.head(output)

    def training_step(self, batch: list[Tensor], index: int) -> Tensor:
        """Return the mean squared error on sequences of shape (B, T + 1, 1)."""
        (values,) = batch
        loss = nn.functional.mse_loss(self(values[:, :-1]), values[:, 1:])
        self.log("loss", loss, prog_bar=True)
        return loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return what updates the weights."""
        return torch.optim.AdamW(self.parameters(), lr=self.rate)


def sines(count: int, seed: int) -> Tensor:
    """Return noisy sines of random phase and period, shape (count, T + 1, 1)."""
    generator = torch.Generator().manual_seed(seed)
    phase, period = torch.rand(2, count, 1, generator=generator)
    noise = 0.05 * torch.randn(count, STEPS + 1, generator=generator)
    return (torch.sin(6.28 * (torch.arange(STEPS + 1.0) / (10 + 10 * period) + phase)) + noise).unsqueeze(2)


def main() -> None:
    """Read the command line, train, and say how far predictions of other sines are off."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cell", nargs="?", default="gru", help="a library name, a .cell file, or RUN/3")
    parser.add_argument("--max-steps", type=int, default=300)
    arguments = parser.parse_args()
    torch.manual_seed(0)
    model = Forecaster(exported(arguments.cell))
    data = DataLoader(TensorDataset(sines(2000, seed=0)), batch_size=20, shuffle=True)
    trainer = lightning.Trainer(max_steps=arguments.max_steps, gradient_clip_val=1.0, accelerator="cpu")
    trainer.fit(model, data)
    others = sines(100, seed=1)
    with torch.no_grad():
        error = nn.functional.mse_loss(model(others[:, :-1]), others[:, 1:])
    print(f"mean squared error {error:.4f}")


if __name__ == "__main__":
    main()
