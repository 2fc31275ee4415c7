"""Libraries leave memory with the last who holds them, so that a worker does not fill up with cells that are done."""

import gc
import shutil
import threading
from pathlib import Path

import pytest
import torch

from archsearch.compiler import Recurrent
from archsearch.compiler.native import build, call
from archsearch.compiler.native.call import compile_layer
from archsearch.compiler.native.toolchain import toolchain
from tests.scale.cells import copying_compiler, mappings, text_of, trained


@pytest.fixture
def copying(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A compiler that makes a library of its own for every source, at once."""
    monkeypatch.setenv("ARCHSEARCH_CACHE", str(tmp_path))
    monkeypatch.setattr(build, "run_compiler", copying_compiler(tmp_path))


@pytest.mark.usefixtures("copying")
def test_many_cells_take_no_more_mappings_than_some() -> None:
    counts = []
    for number in range(call.LAYERS + 150):
        trained(number)
        counts.append(mappings())
    some, all_of_them = counts[call.LAYERS + 10], counts[-1]
    assert some - counts[0] > call.LAYERS, "each has its own library"
    assert all_of_them - some < 50


@pytest.mark.usefixtures("copying")
def test_a_library_stays_while_one_of_its_functions_or_a_graph_that_needs_it_is_held() -> None:
    torch.manual_seed(0)
    layer, x = Recurrent("gru", 3, 4), torch.ones(2, 1, 3, requires_grad=True)
    layer._run.text = text_of(1)
    out = layer(x)[0]
    sizes = compile_layer(text_of(1), False, toolchain()).sizes
    del layer
    compile_layer.cache_clear()
    gc.collect()
    out.sum().backward()
    assert x.grad is not None and x.grad.abs().sum() > 0
    assert sizes(2, 1, 4, 3)[0] > 0
    before = mappings()
    del out, sizes
    x.grad = None
    assert mappings() < before, "and goes with the last of them"


@pytest.mark.usefixtures("copying")
def test_libraries_come_and_go_while_another_thread_trains() -> None:
    expected, done, found = trained(0), threading.Event(), []

    def train() -> None:
        while not done.is_set():
            found.append(trained(1))

    thread = threading.Thread(target=train)
    thread.start()
    for number in range(2, 300):
        compile_layer(text_of(number), False, toolchain())
        compile_layer.cache_clear()
    done.set()
    thread.join()
    assert found and all(out.shape == expected.shape and out.isfinite().all() for out in found)


def test_a_library_that_was_evicted_is_built_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARCHSEARCH_CACHE", str(tmp_path))
    answer = 'extern "C" int answer() { return 42; }'
    assert build.library(answer, double=False).answer() == 42
    shutil.rmtree(tmp_path / "kernels")
    assert build.library(answer, double=False).answer() == 42
