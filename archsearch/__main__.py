"""The program: what `archsearch` and `python -m archsearch` start. An interrupt while it loads ends it like any other."""

from __future__ import annotations

import importlib
import os


def _end(*_: object) -> None:
    """End at once: nothing has begun, and an exception would land wherever a module is half loaded."""
    os.write(2, b"\nInterrupted.\n")
    os._exit(130)  # errors.INTERRUPTED, which is not loaded yet


try:
    import signal
except KeyboardInterrupt:
    _end()


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


if __name__ == "__main__":
    run_program()
