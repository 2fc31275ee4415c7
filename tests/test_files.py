"""Files that are written whole or not at all."""

import errno
import os
import stat
from pathlib import Path

import pytest

from archsearch.errors import BuildError, is_full
from archsearch.files import NotOurs, is_ours, make_private, open_folder, sweep, temporary_file, write_whole


def test_a_pipe_is_not_replaced_by_a_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="no regular file"):
        write_whole(tmp_path / "pipe", b"new")
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)
    assert os.listdir(tmp_path) == ["pipe"]


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"old and longer")
    write_whole(tmp_path / "file", b"new")
    assert (tmp_path / "file").read_bytes() == b"new" and os.listdir(tmp_path) == ["file"]


@pytest.mark.parametrize("step", ["os.replace", "os.fsync", "os.open"])
def test_a_failure_keeps_the_old_file_and_leaves_nothing_else(
    step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    (tmp_path / "file").write_bytes(b"old")
    monkeypatch.setattr(step, fail)
    with pytest.raises(OSError, match="No space"):
        write_whole(tmp_path / "file", b"new")
    assert (tmp_path / "file").read_bytes() == b"old" and os.listdir(tmp_path) == ["file"]


def test_a_refusal_at_the_last_moment_keeps_the_old_file(tmp_path: Path) -> None:
    def refuse() -> None:
        raise FileExistsError

    with pytest.raises(FileExistsError):
        write_whole(tmp_path / "file", b"new", refuse)
    assert not os.listdir(tmp_path)


def test_a_temporary_file_is_hidden_and_gone_at_the_end(tmp_path: Path) -> None:
    with temporary_file(tmp_path, ".so") as path:
        path.touch()
        assert path.name.startswith(".") and path.suffix == ".so"
    assert not os.listdir(tmp_path)


def test_a_private_folder_is_ours_until_others_may_write(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    make_private(folder)
    assert {path.stat().st_mode & 0o777 for path in (folder, folder.parent)} == {0o700}
    with open_folder(tmp_path, "a", "b"):
        pass
    folder.chmod(0o720)
    with (
        pytest.raises(NotOurs, match="others may write to .*/a/b: delete it"),
        open_folder(tmp_path, "a", "b"),
    ):
        pass
    assert is_ours(folder.parent) and not is_ours(folder) and not is_ours(tmp_path / "missing")
    with pytest.raises(FileNotFoundError), open_folder(tmp_path, "missing"):
        pass


def test_half_made_files_and_folders_of_killed_processes_are_swept_after_a_day(tmp_path: Path) -> None:
    place = tmp_path / "kernels" / "abc"
    place.mkdir(parents=True)
    names = [".archsearch-12.so", ".archsearch-34.so", "whole.so", ".other"]
    for name in names:
        (place / name).touch()
    old, young = tmp_path / "kernels" / ".new-1", tmp_path / "kernels" / ".new-2"
    for folder in (old, young):
        folder.mkdir()
        (folder / "run.db").touch()
    for path in (place / names[0], place / names[2], place / names[3], old):
        os.utime(path, (0, 0))
    sweep(tmp_path / "kernels")
    assert {path.name for path in place.iterdir()} == set(names[1:])
    assert young.is_dir() and not old.exists()
    sweep(tmp_path / "missing")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_no_space_is_known_by_its_number_in_a_chain_and_in_the_words_of_a_linker(number: int) -> None:
    assert is_full(OSError(number, "x")) and not is_full(OSError(errno.EACCES, os.strerror(number)))
    assert is_full(BuildError(f"ld: final link failed: {os.strerror(number)}"))
    assert not is_full(BuildError("ld: undefined symbol")) and not is_full(ValueError(os.strerror(number)))
    try:
        try:
            raise OSError(number, "x")
        except OSError as error:
            raise RuntimeError("a task's own") from error
    except RuntimeError as error:
        assert is_full(error)
