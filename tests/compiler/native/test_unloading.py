"""Libraries leave memory with the last who holds them, so that a worker does not fill up with cells that are done."""

import gc
import shutil
import threading
from pathlib import Path

import pytest
import torch

from archsearch.cell import library
from archsearch.compiler import Recurrent
from archsearch.compiler.native import build, call
from archsearch.compiler.native.call import compile_layer
from archsearch.compiler.native.source import source
from archsearch.compiler.native.toolchain import toolchain

TEXT = source(library.load("gru").canonical())


def mappings() -> int:
    return len(Path("/proc/self/maps").read_text().splitlines())


@pytest.fixture
def copying(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A compiler that has built one cell and makes a library of its own for every source from it, at once."""
    monkeypatch.setenv("ARCHSEARCH_CACHE", str(tmp_path / "cache"))
    compile_layer.cache_clear()
    call.gemm(False)
    built = compile_layer(TEXT, False, toolchain())
    (first,) = [path for path in (tmp_path / "cache").rglob("*.so") if b"tape_size" in path.read_bytes()]
    template = first.read_bytes()
    del built

    def copied(arguments: list[str], text: str, seconds: float) -> tuple[int, str, str]:
        Path(arguments[-1]).write_bytes(template + text[-20:].encode())
        return 0, "", ""

    monkeypatch.setattr(build, "run_compiler", copied)


def trained(number: int) -> torch.Tensor:
    """Return what a cell of its own library computes, forward and backward."""
    layer = Recurrent("gru", 3, 4)
    layer._run.text = f"{TEXT}\n// {number:16}"
    out = layer(torch.ones(2, 1, 3))[0]
    out.sum().backward()
    return out.detach()


@pytest.mark.usefixtures("copying")
def test_many_cells_take_no_more_mappings_than_some() -> None:
    counts = []
    for number in range(2 * call.LAYERS + 100):
        trained(number)
        counts.append(mappings())
    some, all_of_them = counts[call.LAYERS + 10], counts[-1]
    assert some - counts[0] > call.LAYERS, "each has its own library"
    assert all_of_them - some < 50


@pytest.mark.usefixtures("copying")
def test_a_library_stays_while_one_of_its_functions_or_a_graph_that_needs_it_is_held() -> None:
    torch.manual_seed(0)
    layer, x = Recurrent("gru", 3, 4), torch.ones(2, 1, 3, requires_grad=True)
    layer._run.text = f"{TEXT}\n// held"
    out = layer(x)[0]
    held = compile_layer(layer._run.text, False, toolchain())
    forward, sizes = held.forward, held.sizes
    del held, layer
    compile_layer.cache_clear()
    gc.collect()
    out.sum().backward()
    assert x.grad is not None and x.grad.abs().sum() > 0
    assert sizes(2, 1, 4, 3)[0] > 0 and forward


@pytest.mark.usefixtures("copying")
def test_libraries_come_and_go_while_another_thread_trains() -> None:
    expected, done, found = trained(0), threading.Event(), []

    def train() -> None:
        while not done.is_set():
            found.append(trained(1))

    thread = threading.Thread(target=train)
    thread.start()
    for number in range(2, 300):
        compile_layer(f"{TEXT}\n// {number:16}", False, toolchain())
        compile_layer.cache_clear()
    done.set()
    thread.join()
    assert found and all(out.shape == expected.shape and out.isfinite().all() for out in found)


def test_a_library_that_was_evicted_is_loaded_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARCHSEARCH_CACHE", str(tmp_path))
    answer = 'extern "C" int answer() { return 42; }'
    assert build.library(answer, double=False).answer() == 42
    before = mappings()
    gc.collect()
    assert mappings() < before
    shutil.rmtree(tmp_path / "kernels")
    assert build.library(answer, double=False).answer() == 42
