"""Texts from the outputs of a network that was trained by connectionist temporal classification (Graves et al. 2006)."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from archsearch.tasks.task import Symbols

BLANK = 0
"""The output that stands for no label; label k is output k + 1."""


def ctc_loss(outputs: Tensor, labels: Symbols) -> Tensor:
    """Return -ln of the chance that all alignments of a text have together, in nats; inf where the text is too long.

    Args:
        outputs: One sequence's output units before the softmax, shape (T, labels + 1).
        labels: The text, shape (L,).
    """
    targets = torch.from_numpy(labels + 1)
    lengths = torch.tensor([len(outputs)]), torch.tensor([len(labels)])
    return functional.ctc_loss(
        outputs.log_softmax(1)[:, None], targets[None], *lengths, blank=BLANK, reduction="sum"
    )


def best_path(outputs: Tensor) -> Symbols:
    """Return the text of the most active outputs: runs of one label are one, blanks none; shape (L,).

    Args:
        outputs: One sequence's output units, shape (T, labels + 1).
    """
    path: Symbols = outputs.argmax(1).numpy()
    starts = np.append(True, path[1:] != path[:-1])
    text: Symbols = path[starts & (path != BLANK)] - 1
    return text


def edit_distance(text: Symbols, other: Symbols) -> int:
    """Return the fewest insertions, deletions and substitutions between two texts (Levenshtein 1966).

    Args:
        text: Shape (L,).
        other: Shape (M,).
    """
    row = np.arange(len(other) + 1)
    columns = row.copy()
    for number, symbol in enumerate(text, 1):
        changed = np.minimum(row[1:] + 1, row[:-1] + (other != symbol))
        # An insertion costs one more than the entry to its left: the running minimum of entry minus column.
        row = np.minimum.accumulate(np.append(number, changed) - columns) + columns
    return int(row[-1])
