"""Search for a cell that predicts the next character of a text of yours, and take the best one away.

    python examples/search_own_text.py poems.txt --candidates 60 --output best.py

The text needs a thousand characters at least. What is found is written as a PyTorch module that needs nothing of
archsearch, if it is a finding or not: the leaderboard says which.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

ARCHSEARCH = [sys.executable, "-m", "archsearch"]


def search(text: Path, run: Path, preset: str, candidates: int) -> None:
    """Start a search in the folder `run`, or go on with it; prints its steps and its leaderboard."""
    limits = ["--max-candidates", str(candidates)]
    task = ["--task", f"text:{text}", "--preset", preset]
    subprocess.run([*ARCHSEARCH, "evolve", "--run", str(run), *task, *limits], check=True)


def main() -> None:
    """Read the command line, search, and export rank 1."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("text", type=Path, help="a text file")
    parser.add_argument("--candidates", type=int, default=60)
    parser.add_argument("--preset", default="quick")
    parser.add_argument("--run", type=Path, default=Path("runs/own-text"))
    parser.add_argument("--output", type=Path, default=Path("best.py"))
    arguments = parser.parse_args()
    search(arguments.text, arguments.run, arguments.preset, arguments.candidates)
    export = ["export", f"{arguments.run}/1", "--output", str(arguments.output)]
    subprocess.run([*ARCHSEARCH, *export], check=True)


if __name__ == "__main__":
    main()
