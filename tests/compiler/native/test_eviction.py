"""The folder of compiled libraries stays within its size; what goes is what nobody has used for longest."""

import os
import time
from pathlib import Path

import pytest

from archsearch.compiler.native import build, eviction
from archsearch.compiler.native.eviction import RECENT, evict, limit
from archsearch.errors import InputError

ANSWER = 'extern "C" int answer() { return 42; }'


def filled(folder: Path, count: int) -> list[Path]:
    """Return libraries of 8 KiB, the first used longest ago; the last was used a minute ago."""
    paths = [folder / f"key{number}" / f"{number:064}.so" for number in range(count)]
    now = time.time()
    for number, path in enumerate(paths):
        path.parent.mkdir(parents=True)
        path.write_bytes(b"x" * 8192)
        used = now - 60 - (count - 1 - number) * 2 * RECENT
        os.utime(path, (used, used))
        os.utime(path.parent, (used, used))
    return paths


def there(paths: list[Path]) -> list[bool]:
    return [path.exists() for path in paths]


def test_those_that_were_not_used_for_longest_go_until_the_others_fit(tmp_path: Path) -> None:
    paths = filled(tmp_path, 6)
    assert evict(tmp_path, 6 * 8192) == 0 and all(there(paths))
    assert evict(tmp_path, 4 * 8192) == 3 * 8192
    assert there(paths) == [False, False, False, True, True, True]


def test_what_was_used_of_late_stays_whatever_the_limit(tmp_path: Path) -> None:
    paths = filled(tmp_path, 3)
    evict(tmp_path, 0)
    assert there(paths) == [False, False, True], "the last was used a moment ago, as libraries go"


def test_places_that_stay_empty_go_later_and_half_made_libraries_are_left_alone(tmp_path: Path) -> None:
    paths = filled(tmp_path, 3)
    half = paths[0].with_name(".archsearch-half.so")
    half.write_bytes(b"")
    evict(tmp_path, 8192)
    assert half.exists() and paths[1].parent.exists(), "somebody may be about to put something there"
    os.utime(paths[1].parent, (0, 0))
    (tmp_path / "big").mkdir()
    (tmp_path / "big" / "1.so").write_bytes(b"x" * 20_000)
    evict(tmp_path, 8192)
    assert half.exists() and not paths[1].parent.exists()


def test_a_library_that_is_loaded_again_counts_as_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARCHSEARCH_CACHE", str(tmp_path))
    build.library(ANSWER, double=False)
    (path,) = (tmp_path / "kernels").rglob("*.so")
    os.utime(path, (0, 0))
    assert build.library(ANSWER, double=False)["answer"]() == 42
    assert path.stat().st_mtime > time.time() - 60


def test_a_loaded_library_goes_on_when_its_file_is_evicted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARCHSEARCH_CACHE", str(tmp_path))
    monkeypatch.setenv("ARCHSEARCH_CACHE_LIMIT", "0")
    monkeypatch.setattr(eviction, "RECENT", -1.0)
    monkeypatch.setattr(build, "EVERY", 1)
    loaded = build.library(ANSWER, double=False)
    assert not list((tmp_path / "kernels").rglob("*.so"))
    assert loaded["answer"]() == 42 and build.library(ANSWER, double=False)["answer"]() == 42


@pytest.mark.parametrize(
    ("text", "size"),
    [("", 2 * 1024**3), ("0", 0), ("500M", 500 * 1024**2), ("3 g", 3 * 1024**3), ("2GiB", 2**31)],
)
def test_the_limit_is_a_size(text: str, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARCHSEARCH_CACHE_LIMIT", text)
    assert limit() == size


@pytest.mark.parametrize("text", ["much", "-1", "1.5G", "2T", "9" * 30])
def test_a_limit_that_is_no_size_is_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARCHSEARCH_CACHE_LIMIT", text)
    with pytest.raises(InputError, match=f"ARCHSEARCH_CACHE_LIMIT is '{text}'; it must be a size such as"):
        limit()
