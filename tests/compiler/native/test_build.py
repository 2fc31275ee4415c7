"""Compiling, caching and loading: faults of compilers, files and folders."""

import ctypes
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
import warnings
from pathlib import Path

import psutil
import pytest
import torch

from archsearch.cell import Cell, library
from archsearch.compiler import Recurrent, default_engine
from archsearch.compiler.engines import identity
from archsearch.compiler.native import build, toolchain
from archsearch.compiler.native.source import source
from archsearch.errors import BuildError
from tests.compiler.native.processors import OTHERS, use
from tests.helpers.sources import PACKAGE

ANSWER = 'extern "C" int answer() { return 42; }'


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, in a folder with a space and a letter beyond ASCII."""
    path = tmp_path / "my cäche"
    monkeypatch.setenv("ARCHSEARCH_CACHE", str(path))
    return path


def compiler(folder: Path, script: str) -> str:
    """Return a compiler that does what a shell script says; `$REAL` is the real one."""
    path = folder / "c++"
    path.write_text(f"#!/bin/sh\nREAL={shutil.which('c++')}\n{script}\n")
    path.chmod(0o755)
    return str(path)


def built(text: str = ANSWER) -> int:
    found: int = build.library(text, double=False).answer()
    return found


def entries(cache: Path) -> list[Path]:
    return sorted((cache / "kernels").rglob("*.so"))


@pytest.mark.parametrize("missing", ["/bin/false", "/no/such/compiler", "'' x"])
def test_without_a_compiler_cells_run_in_the_interpreter_which_is_said_once(
    missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CXX", missing)
    with pytest.warns(RuntimeWarning, match="no native engine: .*; cells run in the interpreter"):
        assert Recurrent("gru", 3, 4).engine == "interpreter"
    with warnings.catch_warnings(action="error"):
        layer = Recurrent("gru", 3, 4)
    layer(torch.zeros(2, 1, 3))
    with pytest.raises(BuildError):
        identity("native")


def test_a_compiler_with_arguments_is_called_with_them(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "c++ -DTHREE=3")
    assert build.library('extern "C" int answer() { return THREE; }', double=False).answer() == 3


@pytest.mark.timing
def test_a_compiler_that_hangs_is_ended_with_all_that_it_started(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CXX", compiler(tmp_path, f"sleep 1000 & echo $! > '{tmp_path}/sleeper'; wait"))
    monkeypatch.setattr(toolchain, "PROBE_SECONDS", 1.0)
    start = time.monotonic()
    with pytest.warns(RuntimeWarning, match="did not finish within 1 s"):
        assert default_engine() == "interpreter"
    assert time.monotonic() - start < 10
    sleeper = int((tmp_path / "sleeper").read_text())
    until = time.monotonic() + 5  # a killed process takes a moment to be gone
    while lives(sleeper) and time.monotonic() < until:
        time.sleep(0.05)
    assert not lives(sleeper)


def lives(process: int) -> bool:
    try:
        return psutil.Process(process).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_compiler_that_fails_or_hangs_later_is_an_error_and_no_silent_change(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = f"""
        [ -e '{tmp_path}/hang' ] && sleep 1000
        [ -e '{tmp_path}/fail' ] && {{ echo 'no space left' >&2; exit 1; }}
        exec $REAL "$@" """
    monkeypatch.setenv("CXX", compiler(tmp_path, script))
    layer, x = Recurrent("gru", 3, 4), torch.zeros(2, 1, 3)
    assert layer.engine == "native"
    (tmp_path / "fail").touch()
    with pytest.raises(BuildError, match=r"failed \(exit code 1\):\nno space left"):
        layer(x)
    (tmp_path / "fail").unlink()
    (tmp_path / "hang").touch()
    with monkeypatch.context() as hurried:  # a second is little for a true compiler on a busy machine
        hurried.setattr(build, "SECONDS", 1.0)
        with pytest.raises(BuildError, match="did not finish within 1 s"):
            layer(x)
    (tmp_path / "hang").unlink()
    assert layer(x)[0].shape == (2, 1, 4)
    assert not list((cache / "kernels").rglob(".*.so"))


DAMAGES = {
    "cut": lambda data: data[: len(data) // 2],
    "empty": lambda data: b"",
    "one bit": lambda data: data[:5000] + bytes([data[5000] ^ 1]) + data[5001:],
    "text": lambda data: b"no library\n",
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_library_is_built_again_and_never_loaded(
    damage: str, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert built() == 42
    (path,) = entries(cache)
    damaged = path.with_suffix(".new")
    damaged.write_bytes(DAMAGES[damage](path.read_bytes()))  # type: ignore[no-untyped-call]
    damaged.replace(path)
    loaded: list[str] = []
    monkeypatch.setattr(
        build, "_loaded", lambda path: loaded.append(path.read_bytes()) or ctypes.CDLL(str(path))
    )
    assert built() == 42
    assert [hashlib.sha256(data).hexdigest() for data in loaded] == [path.stem for path in entries(cache)]


def test_a_sound_file_that_is_no_library_is_passed_over(cache: Path) -> None:
    assert built() == 42
    (path,) = entries(cache)
    path.unlink()
    foreign = path.with_name(f"{hashlib.sha256(b'foreign').hexdigest()}.so")
    foreign.write_bytes(b"foreign")
    assert built() == 42 and path.exists()


def test_a_library_is_built_once(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert built() == 42
    monkeypatch.setattr(build, "run_compiler", lambda *_: pytest.fail("built again"))
    assert built() == 42


def test_another_source_precision_or_processor_is_another_library(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built()
    built(ANSWER + "\n// changed")
    build.library(ANSWER, double=True)
    assert len(entries(cache)) == 3
    use(OTHERS[-1], monkeypatch)
    built()
    assert len(entries(cache)) == 4


def test_processes_that_build_the_same_cell_at_once_all_get_it(cache: Path) -> None:
    code = f"from archsearch.compiler.native import build; print(build.library({ANSWER!r}, False).answer())"
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE.parent)}
    starts = [
        subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE)
        for _ in range(4)
    ]
    assert [(start.communicate()[0], start.returncode) for start in starts] == [(b"42\n", 0)] * 4
    assert len({path.parent for path in entries(cache)}) == 1
    assert all(hashlib.sha256(path.read_bytes()).hexdigest() == path.stem for path in entries(cache))


def test_the_folder_of_libraries_is_the_users_alone(cache: Path) -> None:
    built()
    folder = cache / "kernels"
    assert folder.stat().st_mode & 0o777 == 0o700
    folder.chmod(0o770)
    with pytest.raises(BuildError, match=r"others may write to .*/kernels: delete it"):
        built()


@pytest.mark.parametrize("part", ["library", "folder", "kernels"])
@pytest.mark.parametrize("owner", ["group", "stranger"])
def test_a_planted_library_is_never_loaded(part: str, owner: str, cache: Path) -> None:
    assert built() == 42
    (path,) = entries(cache)
    evil = build.library('extern "C" int answer() { return 666; }', double=False)
    (theirs,) = [other for other in entries(cache) if other != path]
    path.unlink()
    path = path.with_name(theirs.name)
    shutil.copy(theirs, path)
    assert evil.answer() == 666 and built() == 666, "what the user alone may write is believed"
    planted = {"library": path, "folder": path.parent, "kernels": cache / "kernels"}[part]
    _give_away(planted, owner)
    if part == "library":
        assert built() == 42 and not path.exists()
    else:
        with pytest.raises(BuildError, match=f"others may write to {planted}: delete it"):
            built()


def _give_away(path: Path, owner: str) -> None:
    """Let others write to a file or folder, or make it somebody else's."""
    if owner == "group":
        path.chmod(0o770)
    elif os.getuid() == 0:
        os.chown(path, 12345, -1)
    else:
        pytest.skip("only root can give a file away")


@pytest.mark.parametrize("part", ["library", "folder"])
def test_a_link_in_the_cache_is_not_followed(part: str, cache: Path, tmp_path: Path) -> None:
    assert built() == 42
    (path,) = entries(cache)
    linked = path if part == "library" else path.parent
    linked.rename(tmp_path / "elsewhere")
    linked.symlink_to(tmp_path / "elsewhere")
    if part == "library":
        assert built() == 42 and not path.is_symlink()
    else:
        with pytest.raises(BuildError, match="Not a directory"):
            built()


def test_a_folder_swapped_after_it_was_checked_is_not_what_is_loaded(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "_loaded", lambda path: _swapped(cache / "kernels", path))
    assert built() == 42, "built and loaded, for the first time in this process"


def _swapped(kernels: Path, path: Path) -> ctypes.CDLL:
    """Put another folder in the place of one, just before a library of it is loaded."""
    kernels.rename(kernels.with_name("moved"))
    kernels.mkdir()
    return ctypes.CDLL(str(path))


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="only root can give a folder away")
def test_a_folder_of_somebody_else_is_refused(cache: Path) -> None:
    built()
    os.chown(cache / "kernels", 12345, -1)
    with pytest.raises(BuildError, match="others may write to .*: delete it"):
        built()


def test_a_folder_that_cannot_be_made_is_named(cache: Path) -> None:
    built()
    shutil.rmtree(cache / "kernels")
    (cache / "kernels").touch()
    with pytest.raises(BuildError, match="kernels: (File exists|Not a directory)"):
        built()


def test_a_compiler_with_a_quote_too_many_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "c++ '")
    with pytest.raises(BuildError, match="CXX is .*which is no command: No closing quotation"):
        toolchain.toolchain()


def test_headers_are_found_in_a_path_with_spaces(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "some where"
    here.mkdir()
    shutil.copy(build.HERE / "kernels.h", here)
    monkeypatch.setattr(build, "HERE", here)
    assert built(f'#include "kernels.h"\n{ANSWER}') == 42


def test_the_identity_names_compiler_and_instructions() -> None:
    assert re.fullmatch(
        r"native \d+ \((g|clang)\+\+ \d+\.\d+\.\d+, (AVX-512|AVX2|NEON|plain)\)", identity("native")
    )
    assert re.fullmatch(r"reference \d+", identity("interpreter"))
    assert identity("stacked") == "stacked 3 (float32, torch, lanes 1)"
    assert re.fullmatch(
        r"stacked \d+ \(tf32, (torch|triton [\d.]+), lanes \d+\)", identity("stacked", "cuda:0")
    )


def test_gpus_get_stacks_and_other_devices_the_interpreter() -> None:
    assert {default_engine(device) for device in ("cuda", 0, torch.device("cuda:1"))} == {"stacked"}
    assert default_engine("meta") == "interpreter"
    assert {default_engine(device) for device in ("cpu", torch.device("cpu"), None)} == {"native"}


def test_no_name_of_a_user_reaches_the_compiler() -> None:
    text = """
cell system_exit(include_x, define_h):
    asm_volatile = tanh(linear(include_x) + linear(define_h))
    define_h' = asm_volatile"""
    printed = source(Cell.parse(text).canonical())
    assert not [name for name in ("system_exit", "include_x", "define_h", "asm_volatile") if name in printed]


@pytest.mark.parametrize("name", library.names())
def test_sources_are_the_same_every_time(name: str) -> None:
    cell = library.load(name)
    assert source(cell.canonical()) == source(Cell.parse(cell.text()).canonical())
