"""Checkpoints: all that decides how a paused trial goes on, as bytes that nothing unpickles."""

from __future__ import annotations

import hashlib
from typing import Protocol

import msgspec
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from archsearch.protocol.records import Trial, Validation


class CheckpointStorage(Protocol):
    """Where the checkpoint of a trial lies."""

    def read(self) -> bytes | None:
        """Return what lies there, None if nothing does."""

    def write(self, content: bytes) -> None:
        """Put something there."""


class Checkpoint(msgspec.Struct, frozen=True):
    """A trial between two epochs.

    Attributes:
        trial: The record, up to its steps.
        curve: Its validations so far; the last one is where it paused.
        tensors: What the learner needs to go on.
    """

    trial: Trial
    curve: tuple[Validation, ...]
    tensors: dict[str, Tensor]


class _Facts(msgspec.Struct, frozen=True):
    """What a checkpoint says besides its tensors; see `Checkpoint`.

    Attributes:
        trial: The record.
        curve: Its validations.
    """

    trial: Trial
    curve: tuple[Validation, ...]


DIGEST = 32
"""Bytes of the SHA-256 in front: numbers that a disk has changed would change a score."""

HEADER = 8
"""Bytes before the header of a safetensors file: its length."""


def packed_checkpoint(checkpoint: Checkpoint) -> bytes:
    """Return a checkpoint as bytes."""
    facts = msgspec.json.encode(_Facts(checkpoint.trial, checkpoint.curve)).decode()
    body: bytes = save(
        {name: tensor.contiguous() for name, tensor in checkpoint.tensors.items()}, {"facts": facts}
    )
    return hashlib.sha256(body).digest() + body


def unpacked_checkpoint(content: bytes, trial: Trial) -> Checkpoint | None:
    """Return the checkpoint that a trial can go on from; None if these bytes are none."""
    digest, body = content[:DIGEST], content[DIGEST:]
    if hashlib.sha256(body).digest() != digest:
        return None
    try:
        length = int.from_bytes(body[:HEADER], "little")
        header = msgspec.json.decode(body[HEADER : HEADER + length])
        facts = msgspec.json.decode(header["__metadata__"]["facts"], type=_Facts)
        tensors = load(body)
    except (SafetensorError, msgspec.DecodeError, KeyError, TypeError, ValueError):
        return None
    return Checkpoint(facts.trial, facts.curve, tensors) if _can_resume(facts, trial) else None


def _can_resume(facts: _Facts, trial: Trial) -> bool:
    """Whether a trial goes on where another paused: a shorter one of the same record."""
    is_same = msgspec.structs.replace(facts.trial, steps=trial.steps) == trial
    is_shorter = facts.trial.steps <= trial.steps
    return is_same and is_shorter and bool(facts.curve) and facts.curve[-1].step == facts.trial.steps


def stored_checkpoint(storage: CheckpointStorage, trial: Trial) -> Checkpoint | None:
    """Return the checkpoint that lies somewhere, if a trial can go on from it."""
    content = storage.read()
    return None if content is None else unpacked_checkpoint(content, trial)
