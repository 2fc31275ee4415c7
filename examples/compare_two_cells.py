"""Compare two cells on a task: train both beside the GRU under the same settings, and print them side by side.

    python examples/compare_two_cells.py mut1 mgu --task xml --settings 4

Equal settings and equal data make the comparison fair; one seed of the data makes it no proof. Try --seed 1, 2, 3.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from typing import Any


def trained(cell: str, arguments: argparse.Namespace) -> dict[str, Any]:
    """Return what `archsearch train --json` says of a cell."""
    command = [sys.executable, "-m", "archsearch", "train", cell, "--json"]
    for option in ("task", "preset", "settings", "seed"):
        command += [f"--{option}", str(getattr(arguments, option))]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def best(document: dict[str, Any], side: str) -> float:
    """Return the best skill over the settings; a setting without a score counts as the floor, 0."""
    return max(row[side].get("skill") or 0.0 for row in document["rows"])


def main() -> None:
    """Read the command line, train both cells, and print the best skill of each beside the GRU's."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cells", nargs=2, metavar="CELL", help="a library name or a .cell file")
    parser.add_argument("--task", default="xml")
    parser.add_argument("--preset", default="quick")
    parser.add_argument("--settings", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    documents = {cell: trained(cell, arguments) for cell in arguments.cells}
    print(f"best skill on {arguments.task} over {arguments.settings} settings, seed {arguments.seed}")
    for cell, document in documents.items():
        print(f"{cell:12} {best(document, 'cell'):.3f}   gru {best(document, 'gru'):.3f}")


if __name__ == "__main__":
    main()
