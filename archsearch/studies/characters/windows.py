"""n-NN: a network that sees the last n symbols, one-hot, through one hidden layer of tanh units; a baseline.

The paper says no more of it; width, optimiser and budget are chosen here.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from archsearch.protocol.seeds import seed_of
from archsearch.studies.characters.ngram_scores import Rows
from archsearch.studies.characters.text import Bytes, CharText

WIDEST = 6
"""The most symbols that the paper's see."""
HIDDEN = 200
"""Hidden units."""
BATCH = 1_000
"""Places of a training step, drawn at random."""
RATE, KEEP, BOUND = 2e-3, 0.95, 0.08
"""Of RMSProp and of the initial weights: those of the recurrent models; the rate falls to nothing, linearly."""
AT_ONCE = 10_000
"""Places that are predicted at once."""


class WindowNetwork(nn.Module):
    """Predicts the next symbol from the last n.

    Attributes:
        n: Symbols that it sees.
        symbols: V.
        read: For each of them a matrix, all in one, shape (n · V, hidden).
        bias: Of the hidden units.
        out: To the logits.
    """

    def __init__(self, n: int, symbols: int, generator: torch.Generator) -> None:
        """Draw the weights.

        Args:
            n: Symbols that it sees, at least 1.
            symbols: V.
            generator: Where the weights come from.
        """
        super().__init__()
        self.n, self.symbols = n, symbols
        self.read = nn.EmbeddingBag(n * symbols, HIDDEN, mode="sum")
        self.bias = nn.Parameter(torch.zeros(HIDDEN))
        self.out = nn.Linear(HIDDEN, symbols)
        with torch.no_grad():
            for matrix in (self.read.weight, self.out.weight):
                matrix.uniform_(-BOUND, BOUND, generator=generator)
            self.out.bias.zero_()

    def forward(self, seen: Tensor) -> Tensor:
        """Return the logits, shape (B, V), after the last n symbols of each place, int64, shape (B, n)."""
        rows = seen + torch.arange(self.n) * self.symbols
        logits: Tensor = self.out(torch.tanh(self.read(rows) + self.bias))
        return logits


def trained_window(train: Bytes, symbols: int, n: int, steps: int, seed: int = 0) -> WindowNetwork:
    """Return a network that has learned from a text.

    Args:
        train: The text, shape (length,).
        symbols: V.
        n: Symbols that it sees.
        steps: Updates, each on `BATCH` places.
        seed: Of weights and places.
    """
    chance = torch.Generator().manual_seed(seed_of("inside", "window", n, seed))
    network = WindowNetwork(n, symbols, chance)
    optimiser = torch.optim.RMSprop(network.parameters(), lr=RATE, alpha=KEEP)
    text = torch.from_numpy(train.astype(np.int64))
    for step in range(steps):
        optimiser.param_groups[0]["lr"] = RATE * (1 - step / steps)
        places = torch.randint(n, len(text), (BATCH,), generator=chance)
        loss = nn.functional.cross_entropy(network(_seen(text, places, n)), text[places])
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
    return network


def trained_windows(text: CharText, steps: int, told: Callable[[str], None]) -> dict[int, WindowNetwork]:
    """Return networks that see the last 1 to 6 symbols, as the paper's do, by n; none if they have no steps.

    Args:
        text: Of which they learn the training part.
        steps: Updates of each.
        told: Told of progress.
    """
    networks = {}
    for n in range(1, WIDEST + 1 if steps else 1):
        told(f"network of the last {n}")
        networks[n] = trained_window(text.train, len(text.alphabet), n, steps)
    return networks


@torch.no_grad()
def window_distributions(network: WindowNetwork, text: Bytes, places: NDArray[np.int64]) -> Rows:
    """Return the distributions of a network at some places of a text, shape (places, V).

    Args:
        network: What predicts.
        text: Symbols, shape (length,).
        places: Numbers of the symbols to predict, each at least n, shape (places,).
    """
    symbols = torch.from_numpy(text.astype(np.int64))
    parts = torch.from_numpy(places).split(AT_ONCE)
    rows: Rows = torch.cat([network(_seen(symbols, part, network.n)).softmax(-1) for part in parts]).numpy()
    return rows


def window_loss(network: WindowNetwork, text: Bytes, before: int) -> float:
    """Return the mean loss on a text but for its first symbols, in nats.

    Args:
        network: What predicts.
        text: Symbols, shape (length,).
        before: How many are only seen, at least n.
    """
    places = np.arange(before, len(text))
    rows = window_distributions(network, text, places)
    return -float(np.log(rows[np.arange(len(places)), text[before:]]).mean())


def _seen(text: Tensor, places: Tensor, n: int) -> Tensor:
    """Return the n symbols before each place, the latest first, shape (places, n)."""
    return text[places[:, None] - 1 - torch.arange(n)]
