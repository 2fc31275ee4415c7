"""On a network file system a run keeps a journal that needs no shared memory, and people are told."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from archsearch.store import RunStore, make_run
from archsearch.store.file_system import file_system, network_file_system, network_warning
from tests.helpers.plans import done, run_plan
from tests.store.test_run_store import trial


def mounted(monkeypatch: pytest.MonkeyPatch, kinds: dict[Path, str]) -> None:
    """Say that file systems of these types are mounted at these places."""
    parts = [SimpleNamespace(mountpoint=str(place), fstype=kind) for place, kind in kinds.items()]
    monkeypatch.setattr(psutil, "disk_partitions", lambda all: parts)


def journal(folder: Path) -> str:
    with closing(sqlite3.connect(f"file:{folder / 'run.db'}?mode=ro", uri=True)) as connection:
        return str(connection.execute("PRAGMA journal_mode").fetchone()[0])


@pytest.mark.parametrize("kind", ["nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs", "ceph", "lustre"])
def test_network_file_systems_are_known_by_the_nearest_place_that_is_mounted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: str
) -> None:
    mounted(monkeypatch, {Path("/"): "ext4", tmp_path / "far": kind, tmp_path / "far" / "near": "xfs"})
    assert network_file_system(tmp_path / "far" / "runs") == kind
    assert network_file_system(tmp_path / "far" / "near" / "runs") is None
    assert network_file_system(tmp_path) is None
    assert kind in str(network_warning(tmp_path / "far"))


@pytest.mark.parametrize("kind", ["ext4", "btrfs", "tmpfs", "overlay", "fuseblk", "apfs", ""])
def test_disks_of_this_machine_are_no_network(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: str
) -> None:
    mounted(monkeypatch, {tmp_path: kind})
    assert network_file_system(tmp_path) is None and network_warning(tmp_path) is None


def test_a_list_that_cannot_be_read_is_no_reason_to_stop(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def broken(all: bool) -> None:
        raise PermissionError("no /proc here")

    monkeypatch.setattr(psutil, "disk_partitions", broken)
    assert file_system(tmp_path) == ""


def test_a_run_on_a_network_keeps_no_log_that_needs_shared_memory(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    make_run(tmp_path / "local", run_plan())
    assert journal(tmp_path / "local") == "wal"
    shutil.copytree(tmp_path / "local", tmp_path / "far" / "moved")
    mounted(monkeypatch, {tmp_path / "far": "nfs4"})
    make_run(tmp_path / "far" / "made", run_plan())
    for name in ("made", "moved"):
        folder = tmp_path / "far" / name
        with RunStore.open(folder, write=True) as store:
            store.trials.take_over(trial(), done(0.5))
            assert not (folder / "run.db-shm").exists()
            with RunStore.open(folder) as reader:
                assert reader.trials.outcome(trial().key) == done(0.5)
        assert journal(folder) == "delete"
