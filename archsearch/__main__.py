"""The program: what `archsearch` and `python -m archsearch` start. An interrupt while it loads ends it like any other."""

import importlib
import os
import signal
from types import FrameType

from archsearch.errors import INTERRUPTED


def run_program() -> None:
    """Load the command line and run it; ends the process with the documented exit code."""
    heeded = (
        signal.getsignal(signal.SIGINT) is signal.default_int_handler
    )  # else it is ignored, as under nohup
    if heeded:
        signal.signal(signal.SIGINT, _end)
    main = importlib.import_module("archsearch.cli").main
    if heeded:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    main()


def _end(_signal: int, _frame: FrameType | None) -> None:
    """End at once: nothing has begun, and an exception would land wherever a module is half loaded."""
    os.write(2, b"\nInterrupted.\n")
    os._exit(INTERRUPTED)


if __name__ == "__main__":
    run_program()
