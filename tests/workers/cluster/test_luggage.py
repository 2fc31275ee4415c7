"""The files of tasks travel to nodes that do not see them, and to no others."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from archsearch.errors import InputError
from archsearch.tasks import TaskSource
from archsearch.workers.cluster import luggage
from archsearch.workers.cluster.letters import Luggage
from archsearch.workers.cluster.luggage import pack, unpack

SONG = "text:song.txt"


@pytest.fixture
def packed(tmp_path: Path) -> Luggage:
    home = tmp_path / "home"
    (home / "data" / "folder").mkdir(parents=True)
    (home / "data" / "ptb.train.txt").write_text("the cat")
    (home / "song.txt").write_text("la la")
    return pack(str(home / "data"), {SONG: TaskSource(str(home / "song.txt"), "abc")})


def test_a_node_that_sees_the_files_reads_them_where_they_are(packed: Luggage, tmp_path: Path) -> None:
    assert unpack(packed, tmp_path / "node") == (packed.folder, packed.sources)
    assert not (tmp_path / "node").exists()


def test_a_node_that_does_not_see_them_gets_them_once(packed: Luggage, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "home")
    folder, sources = unpack(packed, tmp_path / "node")
    assert folder is not None and Path(folder, "ptb.train.txt").read_text() == "the cat"
    path = Path(sources[SONG].path)
    assert (path.name, path.read_text(), sources[SONG].sha256) == ("song.txt", "la la", "abc")
    written = path.stat().st_mtime_ns
    assert unpack(packed, tmp_path / "node") == (folder, sources) and path.stat().st_mtime_ns == written


def test_another_file_at_the_same_place_is_not_taken_for_the_one_that_was_sent(
    packed: Luggage, tmp_path: Path
) -> None:
    (tmp_path / "home" / "song.txt").write_text("lo lo")
    _, sources = unpack(packed, tmp_path / "node")
    assert Path(sources[SONG].path).read_text() == "la la"


def test_no_data_folder_stays_none(tmp_path: Path) -> None:
    assert unpack(pack(None, {}), tmp_path) == (None, {})


def test_files_that_are_too_large_to_send_are_refused(
    packed: Luggage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(luggage, "MOST", 8 * 2**20)
    (tmp_path / "home" / "data" / "large").write_bytes(bytes(9 * 2**20))
    with pytest.raises(InputError, match=r"data/large: .*more than the 8 MiB .* --data a folder"):
        pack(packed.folder, {})
