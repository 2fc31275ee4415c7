"""`python -m tests.scale search [CANDIDATES]` and `python -m tests.scale cells [COUNT]`."""

import argparse
import importlib
import tempfile
from pathlib import Path


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.scale", description=__doc__)
    parser.add_argument("what", choices=["search", "cells"])
    parser.add_argument("count", nargs="?", type=int, help="candidates (100,000) or cells (20,000)")
    parser.add_argument("--folder", help="where the run is made, and left; else it is removed at the end")
    given = parser.parse_args()
    measured = importlib.import_module(f"tests.scale.{given.what}")  # a driver has no torch in its memory
    if given.what == "cells":
        measured.report(given.count or 20_000)
        return
    with tempfile.TemporaryDirectory() as folder:
        measured.report(Path(given.folder or folder) / "large", given.count or 100_000)


if __name__ == "__main__":
    main()
