"""What ends a search from outside: the first interrupt, hang-up or termination asks, the second one insists."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

from archsearch.workers.entry import STOPPING


@dataclass
class Stop:
    """What interrupts, hang-ups and terminations do.

    Attributes:
        asked: Whether one came.
        gently: Whether the first one only asks; otherwise, and with the second, the process ends at once.
        ending: Whether it ends; more of them would only disturb that.
    """

    asked: bool = False
    gently: bool = False
    ending: bool = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Handle a signal."""
        if not self.ending and (self.asked or not self.gently):
            self.ending = True
            raise KeyboardInterrupt
        self.asked = True


@contextmanager
def stop_signal() -> Iterator[Stop]:
    """Handle interrupts, terminations and, unless `nohup` says otherwise, hang-ups; outside the main thread none."""
    stop = Stop()
    if (
        threading.current_thread() is not threading.main_thread()
    ):  # Python hands signals to the main thread alone
        yield stop
        return
    before = {kind: signal.signal(kind, stop) for kind in STOPPING if not _is_ignored(kind)}
    try:
        yield stop
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)


def _is_ignored(kind: signal.Signals) -> bool:
    return kind == signal.SIGHUP and signal.getsignal(kind) is signal.SIG_IGN
