"""Who ends what a worker has started, where the worker ends before anybody looks; other ends stand in test_pool.py."""

from __future__ import annotations

import os
import subprocess
import sys

from archsearch.workers import guard


def test_a_process_that_has_ended_is_waited_for_no_more() -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert guard._opened(ended.pid) is None


def test_one_that_lives_is_watched() -> None:
    descriptor = guard._opened(os.getpid())
    assert descriptor is not None
    os.close(descriptor)
