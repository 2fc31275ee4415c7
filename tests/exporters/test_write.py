"""Files appear complete or not at all, and replace nothing unasked."""

import os
import re
import stat
from pathlib import Path
from typing import Any

import pytest

from archsearch.cell import library
from archsearch.errors import ArchsearchError, InputError, NoSpace
from archsearch.exporters import EXPORTERS, export
from archsearch.exporters.formats import Exporter
from tests.exporters.cells import TEXTS

GRU = library.load("gru")


@pytest.mark.parametrize("format", TEXTS)
def test_an_export_writes_what_its_format_renders(format: str, tmp_path: Path) -> None:
    path = tmp_path / f"gru{EXPORTERS[format].suffix}"
    assert export(GRU, format, path) == path
    assert path.read_text(encoding="utf-8") == EXPORTERS[format].render(GRU, None)
    assert os.listdir(tmp_path) == [path.name]


def test_an_existing_file_stays_without_force(tmp_path: Path) -> None:
    path = tmp_path / "gru.cell"
    path.write_text("mine")
    with pytest.raises(InputError, match=r"gru\.cell exists; --force overwrites it"):
        export(GRU, "cell", path)
    assert path.read_text() == "mine"
    export(GRU, "cell", path, force=True)
    assert path.read_text() == GRU.text()


def test_a_file_that_appears_meanwhile_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "gru.cell"

    def slow(cell: Any, scores: Any) -> str:
        path.write_text("theirs")
        return "ours"

    monkeypatch.setitem(EXPORTERS, "cell", Exporter(slow, ".cell", "slow"))
    with pytest.raises(InputError, match="exists"):
        export(GRU, "cell", path)
    assert path.read_text() == "theirs" and os.listdir(tmp_path) == ["gru.cell"]


@pytest.mark.parametrize("step", ["os.replace", "os.fsync", "os.open"])
@pytest.mark.parametrize(
    "error", [OSError(5, "Input/output error"), KeyboardInterrupt()], ids=["error", "Ctrl-C"]
)
def test_a_failure_leaves_the_folder_as_it_was(
    step: str, error: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "old.cell").write_text("old")

    def fail(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(step, fail)
    with pytest.raises(KeyboardInterrupt if isinstance(error, KeyboardInterrupt) else InputError):
        export(GRU, "cell", tmp_path / "old.cell", force=True)
    monkeypatch.undo()
    assert os.listdir(tmp_path) == ["old.cell"]
    assert (tmp_path / "old.cell").read_text() == "old"


def test_a_failed_check_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    row = EXPORTERS["python"]
    monkeypatch.setitem(
        EXPORTERS, "python", Exporter(lambda *_: "import os\n", row.suffix, row.about, row.check)
    )
    with pytest.raises(ArchsearchError, match="imports os; nothing was written"):
        export(GRU, "python", tmp_path / "gru.py")
    assert not os.listdir(tmp_path)


def test_a_full_disk_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(NoSpace, match="No space left"):
        export(GRU, "cell", tmp_path / "gru.cell")


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("", "is a folder; name a file in it, such as .*cell.svg"),
        ("missing/gru.svg", "no folder .*missing; make it first"),
        ("pipe", "no ordinary file"),
        ("a\0b", "is no file name"),
        ("x" * 300, "File name too long"),
    ],
    ids=["folder", "missing", "pipe", "nul", "long"],
)
def test_a_place_that_takes_no_file_is_refused(path: str, message: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match=message):
        export(GRU, "svg", tmp_path / path, force=True)
    assert os.listdir(tmp_path) == ["pipe"]


def test_a_folder_without_permission_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("os.open", refuse)
    with pytest.raises(
        InputError, match=re.escape(f"{tmp_path / 'gru.svg'}: Permission denied; nothing was written")
    ):
        export(GRU, "svg", tmp_path / "gru.svg")


def test_an_unknown_format_names_a_near_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no export format 'pyhton' .*did you mean 'python'\?"):
        export(GRU, "pyhton", tmp_path / "gru.py")


def test_the_file_gets_the_usual_permissions(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        path = export(GRU, "cell", tmp_path / "gru.cell")
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_link_stays_a_link_and_what_it_leads_to_is_written(tmp_path: Path) -> None:
    (tmp_path / "real.cell").write_text("old")
    (tmp_path / "link.cell").symlink_to("real.cell")
    with pytest.raises(InputError, match="exists"):
        export(GRU, "cell", tmp_path / "link.cell")
    export(GRU, "cell", tmp_path / "link.cell", force=True)
    assert (tmp_path / "link.cell").is_symlink()
    assert (tmp_path / "real.cell").read_text() == GRU.text()


def test_a_link_into_nowhere_is_refused(tmp_path: Path) -> None:
    (tmp_path / "link.cell").symlink_to("missing/real.cell")
    with pytest.raises(InputError, match="leads to .*missing/real.cell, whose folder is not there"):
        export(GRU, "cell", tmp_path / "link.cell", force=True)


@pytest.mark.parametrize("linked", [False, True])
def test_a_pipe_is_never_replaced(linked: bool, tmp_path: Path) -> None:
    pipe = target = tmp_path / "pipe"
    os.mkfifo(pipe)
    if linked:
        target = tmp_path / "link"
        target.symlink_to(pipe)
    with pytest.raises(InputError, match="no ordinary file; '-o -' writes to standard output"):
        export(GRU, "cell", target, force=True)
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert target.is_symlink() == linked
