"""What every test stands on: one thread, repeatable examples, and a cache of its own."""

import json
import os
import shlex
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import hypothesis
import pytest
from filelock import FileLock

from tests.helpers import remembering_compiler
from tests.helpers.commands import TINY, Finished, Result, program
from tests.helpers.sources import ROOT

for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):  # read by torch when it is imported, here and in workers
    os.environ[name] = "1"
if "torch" in sys.modules:
    sys.modules["torch"].set_num_threads(1)

# Times vary between machines and examples must not: no deadline, no chance, no memory of earlier failures.
for profile, examples in {"quick": 100, "long": 1000}.items():
    hypothesis.settings.register_profile(
        profile, deadline=None, derandomize=True, database=None, max_examples=examples
    )
hypothesis.settings.load_profile("quick")


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the tests out of the user's cache and runs, and those out of the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ARCHSEARCH_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("XDG_DATA_HOME", str(tmp_path_factory.mktemp("data")))
        patch.delenv("ARCHSEARCH_RUNS", raising=False)
        yield


@pytest.fixture(scope="session", autouse=True)
def compiled_once() -> Iterator[None]:
    """Build equal libraries once for all tests, here and in all processes that they start."""
    folder, compiler = ROOT / ".pytest_cache" / "libraries", shlex.split(os.environ.get("CXX") or "c++")
    with pytest.MonkeyPatch.context() as patch:
        if shutil.which(compiler[0]):
            remembering_compiler.forget(folder)
            patch.setenv("CXX", shlex.quote(str(remembering_compiler.command(folder, compiler))))
        yield


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """A search of a few seconds to its end. Tests read it; those that write take a `copied` one.

    The first of pytest's processes that wants it searches; each reads a copy of its own.
    """
    base = tmp_path_factory.getbasetemp()
    made = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "finished"
    words = made / "search.json"
    with FileLock(f"{made}.lock"):
        if not words.exists():
            search = program("evolve", "--runs", made, "--preset", TINY, FORCE_COLOR="1")
            assert search.code == 0, search.err
            words.write_text(json.dumps(asdict(search)))
    runs = tmp_path_factory.mktemp("runs")
    shutil.copytree(made / "tiny-1", runs / "tiny-1")
    told = json.loads(words.read_text())
    return Finished(
        runs, Result(told["code"], *(told[name].replace(str(made), str(runs)) for name in ("out", "err")))
    )


@pytest.fixture
def copied(finished: Finished, tmp_path: Path) -> Finished:
    """A copy of the finished run that a test may spoil."""
    shutil.copytree(finished.folder, tmp_path / "runs" / "tiny-1")
    return Finished(tmp_path / "runs", finished.search)
