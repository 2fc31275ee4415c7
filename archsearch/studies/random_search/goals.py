"""What a network of the random search learns to say, how its outputs are scored, and in which directions it reads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from archsearch.studies.recordings.transcription import best_path, ctc_loss, edit_distance


@dataclass(frozen=True)
class Goal:
    """One row of GOALS.

    Attributes:
        score: What the score is called; less is better.
        both_ways: Whether the layer also reads backwards: not where the next step is to be said.
        losses: (output units, what is wanted) -> nats of each step, shape (T,), or of the whole, shape ().
        wrong: (output units, what is wanted) -> the sum of what is scored, and what it is divided by.
    """

    score: str
    both_ways: bool
    losses: Callable[[Tensor, Tensor], Tensor]
    wrong: Callable[[Tensor, Tensor], tuple[float, int]]


def note_losses(outputs: Tensor, wanted: Tensor) -> Tensor:
    """Return the cross-entropy of each step, summed over its notes, in nats.

    Args:
        outputs: Shape (..., notes), before the logistic function.
        wanted: Which notes sound, the same shape.

    Returns:
        Shape (...).
    """
    return binary_cross_entropy_with_logits(outputs, wanted, reduction="none").sum(-1)


def _wrong_notes(outputs: Tensor, wanted: Tensor) -> tuple[float, int]:
    return float(note_losses(outputs, wanted).double().sum()), len(wanted)


def _frame_losses(outputs: Tensor, wanted: Tensor) -> Tensor:
    return cross_entropy(outputs, wanted, reduction="none")


def _wrong_frames(outputs: Tensor, wanted: Tensor) -> tuple[float, int]:
    return float((outputs.argmax(-1) != wanted).sum()), len(wanted)


def _wrong_characters(outputs: Tensor, wanted: Tensor) -> tuple[float, int]:
    return float(edit_distance(best_path(outputs), wanted.numpy())), len(wanted)


GOALS = {
    "notes": Goal("NLL per step, nats", False, note_losses, _wrong_notes),
    "frames": Goal("share of wrong frames", True, _frame_losses, _wrong_frames),
    "text": Goal(
        "edits a character",
        True,
        lambda outputs, wanted: ctc_loss(outputs, wanted.numpy()),
        _wrong_characters,
    ),
}
"""Kind of material -> what is learned of it: music, speech, handwriting."""
