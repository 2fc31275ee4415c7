"""`python -m tests.scale search [CANDIDATES]`, `cells [COUNT]`, `processes|actors|stand-ins|timelines [WORKERS ...]`."""

import argparse
import importlib
import tempfile
from pathlib import Path


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.scale", description=__doc__)
    parser.add_argument("what", choices=["search", "cells", "processes", "actors", "stand-ins", "timelines"])
    parser.add_argument(
        "count", nargs="*", type=int, help="candidates (100,000), cells (20,000) or workers (2)"
    )
    parser.add_argument("--folder", help="where the run is made, and left; else it is removed at the end")
    given = parser.parse_args()
    name = given.what if given.what in ("search", "cells") else "workers"
    measured = importlib.import_module(f"tests.scale.{name}")  # a driver has no torch in its memory
    if given.what == "timelines":
        measured.report_timelines(given.count or [2])
    elif name == "workers":
        measured.report_rates(given.what, given.count or [2])
    elif given.what == "cells":
        measured.report(*given.count or [20_000])
    else:
        with tempfile.TemporaryDirectory() as folder:
            measured.report(Path(given.folder or folder) / "large", *given.count or [100_000])


if __name__ == "__main__":
    main()
