"""What Karpathy, Johnson and Fei-Fei (2015) report, by summaries: test losses in nats a symbol, shares of errors."""

from __future__ import annotations

from dataclasses import dataclass, field

from archsearch.studies.characters.text import CharText


@dataclass(frozen=True)
class Reported:
    """The figures for one text.

    Attributes:
        name: What the paper calls it.
        size: Its bytes, and how many different ones there are.
        models: Losses by (cell, units), for one, two and three layers.
        ngrams: Losses of n-gram models by n.
        windows: Losses of networks that see the last n symbols, by n.
        errors: Shares of the errors by what removes them.
        gains: Shares of the errors that a model of 26 times the parameters no longer makes.
    """

    name: str
    size: tuple[int, int]
    models: dict[tuple[str, int], tuple[float, float, float]]
    ngrams: dict[int, float]
    windows: dict[int, float]
    errors: dict[str, float] = field(default_factory=dict)
    gains: dict[str, float] = field(default_factory=dict)

    def model(self, cell: str, units: int, layers: int) -> float | None:
        """Return the loss of a model, None where there is none.

        Args:
            cell: Its name.
            units: Width of a layer.
            layers: How many.
        """
        losses = self.models.get((cell, units), ())
        return losses[layers - 1] if layers <= len(losses) else None


WAR_AND_PEACE = Reported(
    "War and Peace",
    (3_258_246, 87),
    models={
        ("lstm", 64): (1.449, 1.442, 1.540),
        ("lstm", 128): (1.277, 1.227, 1.279),
        ("lstm", 256): (1.189, 1.137, 1.141),
        ("lstm", 512): (1.161, 1.092, 1.082),
        ("tanh_rnn", 64): (1.446, 1.401, 1.396),
        ("tanh_rnn", 128): (1.417, 1.286, 1.277),
        ("tanh_rnn", 256): (1.342, 1.256, 1.239),
        ("gru", 64): (1.398, 1.373, 1.472),
        ("gru", 128): (1.230, 1.226, 1.253),
        ("gru", 256): (1.198, 1.164, 1.138),
        ("gru", 512): (1.170, 1.201, 1.077),
    },
    ngrams={
        1: 2.399,
        2: 1.928,
        3: 1.521,
        4: 1.314,
        5: 1.232,
        6: 1.203,
        7: 1.194,
        8: 1.194,
        9: 1.194,
        20: 1.195,
    },
    windows={1: 2.399, 2: 1.931, 3: 1.553, 4: 1.451, 5: 1.339, 6: 1.321},
    errors={"n-gram": 0.18, "memory": 0.06, "rare word": 0.09, "word boundary": 0.37},
    gains={"n-gram": 0.81},
)

LINUX = Reported(
    "Linux kernel",
    (6_206_996, 101),
    models={
        ("lstm", 64): (1.355, 1.331, 1.366),
        ("lstm", 128): (1.149, 1.128, 1.177),
        ("lstm", 256): (1.026, 0.972, 0.998),
        ("lstm", 512): (0.952, 0.840, 0.846),
        ("tanh_rnn", 64): (1.407, 1.371, 1.383),
        ("tanh_rnn", 128): (1.241, 1.120, 1.220),
        ("tanh_rnn", 256): (1.171, 1.116, 1.116),
        ("gru", 64): (1.335, 1.298, 1.357),
        ("gru", 128): (1.154, 1.125, 1.150),
        ("gru", 256): (1.039, 0.991, 1.026),
        ("gru", 512): (0.943, 0.861, 0.829),
    },
    ngrams={
        1: 2.702,
        2: 1.954,
        3: 1.440,
        4: 1.213,
        5: 1.097,
        6: 1.027,
        7: 0.982,
        8: 0.953,
        9: 0.933,
        20: 0.889,
    },
    windows={1: 2.707, 2: 1.974, 3: 1.505, 4: 1.395, 5: 1.256, 6: 1.376},
)

ANOTHER = Reported("", (0, 0), {}, {}, {})


def reported_for(text: CharText) -> Reported:
    """Return the paper's figures for a text, which its size names; none for any other text."""
    size = len(text.symbols), len(text.alphabet)
    return next((one for one in (WAR_AND_PEACE, LINUX) if one.size == size), ANOTHER)
