"""Reference trials kept across runs: one small file per trial, named by the SHA-256 of its whole record.

Only trials that ended by themselves are kept, and none of a user's own `FILE.py` task.
"""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path

import msgspec

from archsearch.cache_folder import NoCache, cache_folder
from archsearch.files import make_private, open_folder, read_ours, write_whole
from archsearch.protocol.records import Outcome, Trial
from archsearch.tasks import TaskName


class _Entry(msgspec.Struct, frozen=True):
    """A trial and how it ended, with a checksum of both: what is damaged, or has none, is as good as none."""

    trial: Trial
    outcome: Outcome
    sha256: str = ""


def _sha256(trial: Trial, outcome: Outcome) -> str:
    return hashlib.sha256(msgspec.json.encode((trial, outcome))).hexdigest()


def shareable(trial: Trial) -> bool:
    """Whether a trial may be kept for other runs: not if the code of a user's task decides it."""
    return not TaskName.parse(trial.task).is_code


def _folder() -> Path:
    return cache_folder() / "references"


def _path(trial: Trial) -> Path:
    return _folder() / trial.key[:2] / f"{trial.key}.json"


def recall(trial: Trial) -> Outcome | None:
    """Return a kept outcome; None if there is none, or none that can be read and trusted."""
    if not shareable(trial):
        return None
    try:
        path = _path(trial)
        with open_folder(_folder().parent, _folder().name, path.parent.name) as opened:
            entry = msgspec.json.decode(read_ours(path.name, opened), type=_Entry)
    except (OSError, NoCache, msgspec.DecodeError):
        return None
    sound = entry.trial == trial and entry.sha256 == _sha256(trial, entry.outcome)
    return entry.outcome if sound and not entry.outcome.by_host else None


def keep(trial: Trial, outcome: Outcome) -> None:
    """Keep an outcome for other runs; a cache that cannot be written is no reason to stop."""
    if not shareable(trial) or outcome.by_host:
        return
    with contextlib.suppress(OSError, NoCache):
        path, entry = _path(trial), _Entry(trial, outcome, _sha256(trial, outcome))
        make_private(path.parent)
        with open_folder(_folder().parent, _folder().name, path.parent.name):
            write_whole(path, msgspec.json.encode(entry))
