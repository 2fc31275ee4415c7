"""Small data of each kind, and what trains a model on them in a blink."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

import archsearch
from archsearch.actions.fit_result import Fit
from tests.helpers.commands import TINY

BOOK = "tra la la, said the lark to the larch; oh, said the larch to the lark: la!\n"
QUICK: dict[str, Any] = {"preset": str(TINY), "settings": 1, "steps": 40, "units": 6}


def book(folder: Path) -> Path:
    """Return a text."""
    path = folder / "book.txt"
    path.write_text(BOOK * 40, encoding="utf-8")
    return path


def waves(folder: Path) -> Path:
    """Return a table of two columns."""
    path = folder / "waves.csv"
    rows = (f"{20 + math.sin(step / 5):.5f},{math.cos(step / 3) + step % 2:.5f}" for step in range(1_500))
    path.write_text("\n".join(("level,flow", *rows)) + "\n", encoding="utf-8")
    return path


def gusts(folder: Path) -> Path:
    """Return a table of noise, and whether the next is rough."""
    path, rng, rows = folder / "gusts.csv", np.random.default_rng(1), 3_000
    is_rough = np.arange(rows + 1) // 6 % 2
    wind = 30 + np.where(is_rough, 8.0, 0.8) * rng.standard_normal(rows + 1)
    lines = (f"{one:.5f},{after}" for one, after in zip(wind[:-1], is_rough[1:], strict=True))
    path.write_text("\n".join(("wind,rough", *lines)) + "\n", encoding="utf-8")
    return path


def labelled(folder: Path) -> Path:
    """Return sequences of three steps with a label each."""
    path = folder / "few.csv"
    rows = (f"{step % 7},{step % 5 - 9.5},{step % 3},{'up' if step % 2 else 'down'}" for step in range(60))
    path.write_text("\n".join(("a,b,c,label", *rows)) + "\n", encoding="utf-8")
    return path


def fitted(task: str, folder: Path | None = None, cell: str = "gru", **options: Any) -> Fit:
    """Return a model of a few units, trained for a few steps."""
    return archsearch.fit(cell, task, folder, **{**QUICK, **options})


def contents(folder: Path) -> dict[str, bytes]:
    """Return the bytes of every file in a folder."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
