"""Search for a cell that predicts the next character of a text of yours, and take the best one away.

    python examples/search_own_text.py poems.txt --candidates 60 --output best.py

The text needs a thousand characters at least. What is found is written as a PyTorch module that needs nothing of
archsearch, if it is worth confirming.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import archsearch


def say(event: object) -> None:
    """Print what is meant for people, and how every step ended."""
    if isinstance(event, str):
        print(event)
    elif verdict := getattr(event, "verdict", None):
        print("step", event.step.number, event.step.cell[:9], verdict.fate)


def line(row: dict[str, Any]) -> str:
    """Return a row of the leaderboard for people."""
    made_by = "published" if row["reference"] else f"{row['parent'][:9]} + {', '.join(row['mutations'])}"
    return f"{row['rank'] or 'ref':>4}  {row['id'][:9]}  {row['fitness']:.3f}  {made_by}"


def main() -> None:
    """Read the command line, search, print the leaderboard, and export rank 1."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("text", type=Path, help="a text file")
    parser.add_argument("--candidates", type=int, default=60)
    parser.add_argument("--preset", default="quick")
    parser.add_argument("--output", type=Path, default=Path("best.py"))
    arguments = parser.parse_args()
    run = archsearch.evolve(
        arguments.preset, own=[f"text:{arguments.text}"], max_candidates=arguments.candidates, listener=say
    )
    print(*map(line, run.leaderboard(top=8)), sep="\n")
    noise = run.as_document()["noise"]
    print(f"the best of {noise['clones']} clones of the GRU would reach {noise['luck']:.2f} by luck")
    print("written:", run.export(1, arguments.output))


if __name__ == "__main__":
    main()
