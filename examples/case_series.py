"""Write what a pulse sensor measured as a table: two minutes of heart beats, 117 rows a second.

    pip install --no-deps heartpy
    python examples/case_series.py pulse.csv

The recording lies in the package heartpy (van Gent and others 2019). What to do with the table is told in docs/cases.md.
"""

from __future__ import annotations

import argparse
from importlib.util import find_spec
from pathlib import Path

RECORDING = "data/data2.csv"


def recording() -> str:
    """Return the table, a time in milliseconds and a value a row; heartpy is not imported, nor what it needs."""
    package = find_spec("heartpy")
    if package is None or package.origin is None:
        raise SystemExit("the recording lies in the package heartpy: pip install --no-deps heartpy")
    return (Path(package.origin).parent / RECORDING).read_text("utf-8")


def main() -> None:
    """Read the command line, write the table, and say how large it is."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("table", type=Path, help="the .csv file to write")
    arguments = parser.parse_args()
    table = recording()
    arguments.table.write_text(table, "utf-8")
    columns, *rows = table.splitlines()
    print(f"{arguments.table}: {len(rows):,} rows of {columns}")


if __name__ == "__main__":
    main()
