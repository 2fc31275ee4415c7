"""The cache of references: what is kept comes back, and nothing that others may have written is believed."""

from __future__ import annotations

import stat
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from archsearch import cache_folder
from archsearch.protocol.records import Outcome
from archsearch.store.cache import keep, recall
from tests.helpers.plans import GRU, done, run_plan

PLAN = run_plan()
TRIAL = PLAN.trial(GRU, "xml", PLAN.settings["xml"][0])


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ARCHSEARCH_CACHE", str(tmp_path / "cache" / "deep"))
    return tmp_path / "cache" / "deep"


def files(cache: Path) -> list[Path]:
    return [path for path in cache.rglob("*") if path.is_file()]


def test_what_is_kept_comes_back_and_only_for_the_same_record() -> None:
    assert recall(TRIAL) is None
    keep(TRIAL, done(0.7))
    assert recall(TRIAL) == done(0.7)
    assert recall(replace(TRIAL, seed=1)) is None


def test_the_folders_are_for_their_owner_alone(cache: Path) -> None:
    keep(TRIAL, done(0.7))
    folders = [cache, *(path for path in cache.rglob("*") if path.is_dir())]
    assert {stat.S_IMODE(path.stat().st_mode) for path in folders} == {0o700}


def test_a_folder_that_others_may_write_is_not_believed(cache: Path) -> None:
    keep(TRIAL, done(0.7))
    (cache / "references").chmod(0o777)
    assert recall(TRIAL) is None


@pytest.mark.parametrize("status", ["oom", "timeout", "crashed", "error"])
def test_facts_of_the_host_are_not_kept(cache: Path, status: str) -> None:
    keep(TRIAL, Outcome(status))  # type: ignore[arg-type]
    assert not files(cache)


def test_tasks_of_ones_own_are_not_shared(cache: Path) -> None:
    keep(replace(TRIAL, task="echo.py:Echo"), done(0.7))
    assert not files(cache)


def test_a_file_cut_anywhere_is_as_good_as_none(cache: Path) -> None:
    keep(TRIAL, done(0.7))
    (file,) = files(cache)
    whole = file.read_bytes()
    for length in range(len(whole)):
        file.write_bytes(whole[:length])
        assert recall(TRIAL) is None, length
    file.write_bytes(whole)
    assert recall(TRIAL) == done(0.7)


def test_a_file_under_a_wrong_name_is_not_believed(cache: Path) -> None:
    other = replace(TRIAL, seed=1)
    keep(TRIAL, done(0.7))
    keep(other, done(0.1))
    first, second = sorted(files(cache), key=lambda path: path.stem == TRIAL.key)
    second.write_bytes(first.read_bytes())
    assert recall(TRIAL) is None


def test_one_flipped_bit_anywhere_never_gives_another_outcome(cache: Path) -> None:
    keep(TRIAL, done(0.7))
    (file,) = files(cache)
    whole = file.read_bytes()
    for place in range(len(whole)):
        for bit in (1, 4):
            file.write_bytes(whole[:place] + bytes([whole[place] ^ bit]) + whole[place + 1 :])
            assert recall(TRIAL) in (None, done(0.7)), place


def test_an_entry_without_a_checksum_is_as_good_as_none(cache: Path) -> None:
    keep(TRIAL, done(0.7))
    (file,) = files(cache)
    entry = msgspec.json.decode(file.read_bytes())
    file.write_bytes(msgspec.json.encode({**entry, "sha256": ""}))
    assert recall(TRIAL) is None
    del entry["sha256"]
    file.write_bytes(msgspec.json.encode(entry))
    assert recall(TRIAL) is None


@pytest.mark.parametrize("depth", [0, 1, 2])
def test_what_others_may_write_is_not_believed(depth: int, cache: Path) -> None:
    keep(TRIAL, done(0.7))
    (file,) = files(cache)
    [file, *file.parents][depth].chmod(0o770)
    assert recall(TRIAL) is None


def test_a_link_is_not_believed(cache: Path, tmp_path: Path) -> None:
    keep(TRIAL, done(0.7))
    (file,) = files(cache)
    file.rename(tmp_path / "theirs")
    file.symlink_to(tmp_path / "theirs")
    assert recall(TRIAL) is None


def test_without_any_folder_nothing_is_kept_and_nothing_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ARCHSEARCH_CACHE", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR"):
        monkeypatch.setenv(name, "/proc/nothing")
    monkeypatch.setattr(cache_folder, "_temporary", lambda: Path("/proc/nothing"))
    keep(TRIAL, done(0.7))
    assert recall(TRIAL) is None
