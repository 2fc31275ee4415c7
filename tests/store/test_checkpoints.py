"""The shelf: a place per trial whatever its steps, and nothing that can fail."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from archsearch.store import CheckpointFolder
from tests.helpers.plans import GRU, run_plan

PLAN = run_plan()
TRIAL = PLAN.trial(GRU, "xml", PLAN.settings["xml"][0])


def test_trials_that_differ_in_steps_alone_share_a_place(tmp_path: Path) -> None:
    shelf = CheckpointFolder(tmp_path / "paused")
    shelf.slot(replace(TRIAL, steps=10)).write(b"half way")
    assert shelf.slot(TRIAL).read() == b"half way"
    assert shelf.slot(replace(TRIAL, init_draw=1)).read() is None


def test_a_place_is_cleared_and_a_shelf_is_swept(tmp_path: Path) -> None:
    shelf = CheckpointFolder(tmp_path / "paused")
    shelf.sweep()
    slot = shelf.slot(TRIAL)
    slot.clear()
    slot.write(b"one")
    slot.write(b"two")
    assert slot.read() == b"two" and len(list(shelf.folder.iterdir())) == 1
    slot.clear()
    assert slot.read() is None
    slot.write(b"three")
    shelf.sweep()
    assert not shelf.folder.exists()


def test_a_disk_that_takes_nothing_only_costs_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, content: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("archsearch.store.checkpoints.write_whole", full)
    slot = CheckpointFolder(tmp_path / "paused").slot(TRIAL)
    slot.write(b"lost")
    assert slot.read() is None


def test_only_the_owner_reads_what_lies_there(tmp_path: Path) -> None:
    CheckpointFolder(tmp_path / "paused").slot(TRIAL).write(b"mine")
    assert (tmp_path / "paused").stat().st_mode & 0o077 == 0
