"""Checkpoints: where trials that paused at a rung lie until a longer one goes on from them, or nobody will.

What lies there only saves time. A trial that does not find what it could go on from begins anew and gets the same bits.
"""

from __future__ import annotations

import contextlib
import hashlib
import shutil
from pathlib import Path

import msgspec

from archsearch.files import make_private, write_whole
from archsearch.protocol.records import Trial


class CheckpointFile:
    """The checkpoint of trials that differ in nothing but their steps.

    Args:
        path: Its file, which need not be there.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> bytes | None:
        """Return what lies there, None if nothing can be read."""
        try:
            return self.path.read_bytes()
        except OSError:
            return None

    def write(self, content: bytes) -> None:
        """Put something there; a disk without space keeps nothing."""
        with contextlib.suppress(OSError):
            make_private(self.path.parent)
            write_whole(self.path, content)

    def clear(self) -> None:
        """Take away what lies there."""
        with contextlib.suppress(OSError):
            self.path.unlink(missing_ok=True)


class CheckpointFolder:
    """The paused trials of one session of a run.

    Args:
        folder: Where they lie; it need not be there.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def slot(self, trial: Trial) -> CheckpointFile:
        """Return the place of a trial, the same whatever its steps."""
        stem = msgspec.structs.replace(trial, steps=0)
        return CheckpointFile(
            self.folder / f"{hashlib.sha256(msgspec.json.encode(stem)).hexdigest()}.safetensors"
        )

    def sweep(self) -> None:
        """Take away everything."""
        shutil.rmtree(self.folder, ignore_errors=True)
