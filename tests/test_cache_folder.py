"""Where the cache lies: the first folder that can be written and is the user's alone; why not elsewhere is one sentence."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from archsearch import cache_folder as module
from archsearch.cache_folder import NoCache, cache_folder, cache_trouble
from tests.helpers.commands import TINY, program
from tests.helpers.sources import ROOT


@pytest.fixture(autouse=True)
def surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home and a folder of the session; nothing is chosen."""
    monkeypatch.delenv("ARCHSEARCH_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "session"))
    (tmp_path / "file").touch()
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    return tmp_path


def test_the_cache_lies_where_the_environment_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARCHSEARCH_CACHE", str(tmp_path / "said"))
    assert cache_folder() == tmp_path / "said" and not cache_trouble()
    assert stat.S_IMODE((tmp_path / "said").stat().st_mode) == 0o700


@pytest.mark.parametrize("value", [None, ""])
def test_the_cache_lies_in_the_users_cache_folder_otherwise(
    value: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if value is not None:
        monkeypatch.setenv("ARCHSEARCH_CACHE", value)
    assert cache_folder() == tmp_path / "home" / "archsearch" and not cache_trouble()


BAD = {
    "TMP/file": "TMP/file: File exists",
    "TMP/file/deep": "Not a directory",
    "/proc/x": "/proc/x: No such file or directory",
    "TMP/open": "others may write to TMP/open: delete it, or give a folder of yours alone",
    "~nobody-of-this-name/x": "Could not determine home directory",
}


@pytest.mark.parametrize("chosen", BAD)
def test_what_cannot_be_used_is_said_with_what_is_used_instead(
    chosen: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARCHSEARCH_CACHE", chosen.replace("TMP", str(tmp_path)))
    assert cache_folder() == tmp_path / "home" / "archsearch"
    assert BAD[chosen].replace("TMP", str(tmp_path)) in cache_trouble()
    assert f"it is in {tmp_path}/home/archsearch; ARCHSEARCH_CACHE names another" in cache_trouble()
    assert "\n" not in cache_trouble() and "chmod" not in cache_trouble()


@pytest.mark.parametrize("home", ["TMP/file", "TMP/open", "/proc/x"])
def test_the_folder_of_the_session_comes_after_that_of_the_home(
    home: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = home.replace("TMP", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", home)
    if home.endswith("open"):
        (tmp_path / "open" / "archsearch").mkdir()
        (tmp_path / "open" / "archsearch").chmod(0o777)
    assert cache_folder() == tmp_path / "session" / "archsearch" and cache_trouble()


@pytest.mark.parametrize("part", ["kernels", "references"])
def test_a_cache_with_a_part_that_others_may_write_is_not_used(part: str, tmp_path: Path) -> None:
    (tmp_path / "home" / "archsearch" / part).mkdir(parents=True)
    (tmp_path / "home" / "archsearch" / part).chmod(0o770)
    assert cache_folder() == tmp_path / "session" / "archsearch"
    assert f"others may write to {tmp_path}/home/archsearch/{part}: delete it" in cache_trouble()


NO_HOME = """
import os, pwd
def nobody(uid): raise KeyError(uid)
pwd.getpwuid = nobody
from archsearch import cache_folder
from archsearch.resources import user_folder
print(cache_folder.cache_folder(), user_folder(), cache_folder.cache_trouble(), sep="\\n")
import subprocess, sys
code = "import pwd; pwd.getpwuid = {}.__getitem__; from archsearch.cache_folder import *; print(cache_folder())"
subprocess.run([sys.executable, "-c", code])
"""


def test_a_user_without_home_and_entry_gets_a_private_temporary_folder_shared_with_what_it_starts() -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    for name in ("HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR"):
        environment.pop(name, None)
    done = subprocess.run(
        [sys.executable, "-c", NO_HOME], env=environment, capture_output=True, text=True, cwd="/"
    )
    folder, users, trouble, child = done.stdout.splitlines()
    assert Path(folder).name.startswith("archsearch-") and users == "None" and child.strip() == folder
    assert f"it is in {folder} until this ends, so cells are compiled anew each time" in trouble
    assert not Path(folder).exists() and not done.stderr


def test_where_no_folder_can_be_used_that_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ARCHSEARCH_CACHE", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR"):
        monkeypatch.setenv(name, f"/proc/{name}")
    monkeypatch.setattr(module, "_temporary", lambda: Path("/proc/temporary"))
    with pytest.raises(
        NoCache,
        match="no folder for the cache: /proc/A.*; /proc/X.*; /proc/X.*; /proc/t.*. Set ARCHSEARCH_CACHE",
    ):
        cache_folder()
    assert cache_trouble().startswith("no folder for the cache")


@pytest.mark.slow
def test_a_search_without_a_cache_compiles_in_a_temporary_folder_and_says_why_once(tmp_path: Path) -> None:
    nowhere = {"ARCHSEARCH_CACHE": "/proc/x", "XDG_CACHE_HOME": str(tmp_path / "file"), "XDG_RUNTIME_DIR": ""}
    search = program(
        "evolve",
        "--runs",
        tmp_path / "runs",
        "--preset",
        TINY,
        "--workers",
        2,
        "--max-candidates",
        5,
        ARCHSEARCH_CORES="2",
        **nowhere,
    )
    assert search.code == 0 and "engine native" in search.err and "compiler" not in search.err
    assert search.err.count("the cache cannot be used (/proc/x: No such file or directory; ") == 1
