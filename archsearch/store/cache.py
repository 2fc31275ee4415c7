"""Reference trials kept across runs: one small file per trial, named by the SHA-256 of its whole record.

Only trials that ended by themselves are kept, and none of a user's own `FILE.py` task.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

import msgspec

from archsearch.files import is_ours, make_private, write_whole
from archsearch.protocol.records import Outcome, Trial
from archsearch.resources import cache_folder
from archsearch.tasks import TaskName


class _Entry(msgspec.Struct, frozen=True):
    trial: Trial
    outcome: Outcome


def shareable(trial: Trial) -> bool:
    """Whether a trial may be kept for other runs: not if the code of a user's task decides it."""
    return not TaskName.parse(trial.task).is_code


def _folder() -> Path:
    return cache_folder() / "references"


def _path(trial: Trial) -> Path:
    return _folder() / trial.key[:2] / f"{trial.key}.json"


def recall(trial: Trial) -> Outcome | None:
    """Return a kept outcome; None if there is none, or none that can be read and trusted."""
    if not shareable(trial) or not is_ours(_folder()):
        return None
    try:
        entry = msgspec.json.decode(_path(trial).read_bytes(), type=_Entry)
    except (OSError, msgspec.DecodeError):
        return None
    return entry.outcome if entry.trial == trial and not entry.outcome.by_host else None


def keep(trial: Trial, outcome: Outcome) -> None:
    """Keep an outcome for other runs; a cache that cannot be written is no reason to stop."""
    if not shareable(trial) or outcome.by_host:
        return
    with contextlib.suppress(OSError):
        make_private(_path(trial).parent)
        if is_ours(_folder()):
            write_whole(_path(trial), msgspec.json.encode(_Entry(trial, outcome)))
