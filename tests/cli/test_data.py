"""Data sets are fetched or taken, believed by their SHA-256 alone, and then found without being named."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from archsearch.tasks import datasets
from archsearch.tasks.datasets import DATASETS, DataFile, DataSet
from tests.helpers.commands import Call
from tests.helpers.sources import ROOT

TEXT = b"one small text\n" * 40
DATA = ROOT.parent / "shared" / "data"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the data of this user are kept."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    return tmp_path / "home" / "archsearch" / "data"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that is served, with the only data set that there is, `small`, a file `text`."""
    served = tmp_path / "served"
    served.mkdir()
    (served / "text").write_bytes(TEXT)

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *words: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=served))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    file = DataFile(
        "text", f"http://127.0.0.1:{server.server_port}/text", hashlib.sha256(TEXT).hexdigest(), len(TEXT)
    )
    monkeypatch.setattr(
        datasets,
        "DATASETS",
        {"small": DataSet("A text", "free", "archsearch evolve --task text:{}/text", (file,))},
    )
    monkeypatch.setattr("archsearch.cli.data.DATASETS", datasets.DATASETS)
    yield served
    server.shutdown()
    server.server_close()


def test_a_data_set_is_fetched_once_and_kept(call: Call, site: Path, folder: Path) -> None:
    done = call("data", "get", "small")
    assert done.code == 0, done.err
    kept = folder / "small" / "text"
    assert kept.read_bytes() == TEXT and done.out.strip() == str(kept.parent)
    assert f"archsearch evolve --task text:{kept}" in done.err and "Terms: free" in done.err
    (site / "text").unlink()
    assert "is here already" in call("data", "get", "small").err
    assert "right" in call("data", "check").out
    assert [row["folder"] for row in json.loads(call("data", "list", "--json").out)["datasets"]] == [
        str(kept.parent)
    ]


@pytest.mark.parametrize("there", [b"another text", None])
def test_what_is_not_the_file_is_not_kept(call: Call, site: Path, folder: Path, there: bytes | None) -> None:
    (site / "text").unlink() if there is None else (site / "text").write_bytes(there)
    done = call("data", "get", "small")
    assert done.code == 2 and "--from-file PATH" in done.err.splitlines()[-1], done.err
    assert list((folder / "small").iterdir()) == []


def test_a_copy_is_taken_without_a_network(
    call: Call, site: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pooch", None)
    needs = call("data", "get", "small")
    assert needs.code == 2 and "pip install archsearch[data]" in needs.err
    (tmp_path / "mine").write_bytes(TEXT)
    assert (
        call("data", "get", "small", "--from-file", tmp_path / "mine", "--to", tmp_path / "there").code == 0
    )
    assert (tmp_path / "there" / "text").read_bytes() == TEXT
    told = call("data", "get", "small", "--to", tmp_path / "there").err
    assert f"Use it: archsearch evolve --task text:{tmp_path / 'there'}/text\n" in told
    (tmp_path / "mine").write_bytes(TEXT[1:])
    cut = call("data", "get", "small", "--from-file", tmp_path / "mine")
    assert cut.code == 2 and "599 bytes, not 600" in cut.err and not (folder / "small" / "text").exists()


def test_a_check_names_what_is_missing_or_another_file(call: Call, site: Path, tmp_path: Path) -> None:
    assert call("data", "check").code == 0, "nothing here, nothing wrong"
    missing = call("data", "check", "small")
    assert missing.code == 1 and "missing" in missing.out
    (tmp_path / "text").write_bytes(b"x")
    other = call("data", "check", "--to", tmp_path, "--json")
    assert other.code == 1 and "another file" in json.loads(other.out)["files"][0]["fault"]


def test_an_unknown_data_set_is_refused_with_those_that_there_are(call: Call) -> None:
    done = call("data", "get", "ptd")
    assert done.code == 2 and "did you mean 'ptb'" in done.err and "jsb_chorales" in done.err


@pytest.mark.skipif(not DATA.is_dir(), reason=f"no folder {DATA.name} with the real data here")
def test_the_table_names_the_real_files(call: Call, folder: Path) -> None:
    assert call("data", "get", "ptb", "--from-file", DATA / "ptb").code == 0
    assert call("data", "get", "warpeace", "--from-file", DATA / "charlm").code == 0
    assert call("data", "get", "tinyshakespeare", "--from-file", DATA / "charlm").code == 0
    music = DATA / "music" / "jsb_chorales_quarter.json"
    assert call("data", "get", "jsb_chorales", "--from-file", music).code == 0
    assert call("data", "check", *DATASETS).code == 0
    listed = call("tasks").out
    assert "ptb:small" in listed and "needs --data" not in listed
