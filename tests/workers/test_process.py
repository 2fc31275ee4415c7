"""What a worker makes of an error: an outcome of the trial, a death, or the end of the search."""

from __future__ import annotations

import errno
import subprocess
import sys

import pytest

from archsearch.compiler.native.toolchain import failure
from archsearch.errors import CompilerEnded, NoSpace
from archsearch.workers import process
from archsearch.workers.process import failed_outcome, missing_engine


def test_no_space_ends_the_search() -> None:
    with pytest.raises(NoSpace, match=r"bytes free; free some space and give the same command again"):
        failed_outcome(OSError(errno.ENOSPC, "No space left on device"))
    with pytest.raises(NoSpace, match="ld: final link failed: No space left on device"):
        failed_outcome(failure("g++", 1, "collect2\nld: final link failed: No space left on device\n"))


@pytest.mark.parametrize(
    ("status", "trouble"),
    [
        (-9, ""),
        (1, "g++: fatal error: Killed signal terminated program cc1plus"),
        (1, "collect2: fatal error: ld terminated with signal 7 [Bus error]"),
        (1, "virtual memory exhausted: Cannot allocate memory"),
    ],
)
def test_a_compiler_that_the_host_has_ended_is_a_death_and_the_trial_is_tried_again(
    status: int, trouble: str
) -> None:
    assert failed_outcome(failure("g++", status, trouble)).status == "crashed"


@pytest.mark.parametrize(
    ("trouble", "words"),
    [("Killed signal terminated program", "failed"), ("No space left on device", "free")],
)
def test_what_passes_binds_no_run_to_the_interpreter(
    monkeypatch: pytest.MonkeyPatch, trouble: str, words: str
) -> None:
    monkeypatch.delenv("ARCHSEARCH_ENGINE", raising=False)
    monkeypatch.setattr(process, "native_trouble", lambda: failure("g++", 1, trouble))
    with pytest.raises((NoSpace, CompilerEnded), match=words):
        missing_engine("cpu")


def test_why_there_is_no_native_engine_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ARCHSEARCH_ENGINE", raising=False)
    monkeypatch.setattr(process, "native_trouble", lambda: failure("g++", 1, "error:\nodd"))
    assert missing_engine("cpu") == "g++ failed (exit code 1): error: odd"


def test_a_source_that_does_not_compile_is_an_error() -> None:
    assert failed_outcome(failure("g++", 1, "error: expected ';'")).status == "error"


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(3), BaseException("odd")])
def test_what_a_task_raises_is_an_error_that_names_it(error: BaseException) -> None:
    outcome = failed_outcome(error)
    assert outcome.status == "error" and type(error).__name__ in outcome.reason


LIMITED = """
import resource, torch
from archsearch.workers.process import failed_outcome
held = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (held + 2**28, held + 2**28))
try:
    torch.empty(2**28)
except Exception as error:
    print(failed_outcome(error).status)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="no /proc")
def test_an_address_space_that_ends_is_out_of_memory() -> None:
    done = subprocess.run([sys.executable, "-c", LIMITED], capture_output=True, text=True)
    assert done.stdout == "oom\n", done.stderr
