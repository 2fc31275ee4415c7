"""IAM-OnDB: lines of handwriting, each with its text, in the features and parts of Greff et al. (2017).

A line is what one file of `lineStrokes` holds; its text is the line of that number under `CSR:` in the form's file of
`ascii`. Lines without strokes or text are left out and counted: the set has some.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from archsearch.errors import TaskError
from archsearch.studies.recordings.recording import Recording, RecordingSet, checked_set, entries, read_text
from archsearch.studies.recordings.strokes import read_line

LISTS = {"train": ("trainset.txt",), "valid": ("testset_v.txt", "testset_t.txt"), "test": ("testset_f.txt",)}
"""Which lists of forms make each part; Greff et al. have 5,355, 2,956 and 3,859 lines."""

FORM = re.compile(r"((\w+)-\d+)\w?")
"""A form's name: whole, and how its folders are named."""

DROPPED = {"z01-000z"}
"""Forms that published code leaves out."""


def load_iam(folder: Path) -> RecordingSet:
    """Return the set that lies in a folder: `lineStrokes`, `ascii` and the lists of forms.

    The alphabet is that of all lines in use.

    Raises:
        TaskError: A file is missing, cut, hostile or of another kind; the message names it.
        InputError: A package is not installed.
    """
    top = entries(folder)
    needed = ("linestrokes", "ascii", *(name for names in LISTS.values() for name in names))
    if missing := [name for name in needed if name not in top]:
        raise TaskError(
            f"{folder}: no {missing[0]}; name the folder that lineStrokes, ascii and the lists lie in"
        )
    left_out: Counter[str] = Counter()
    lines = {
        split: [line for name in names for line in _lines(top, top[name], left_out)]
        for split, names in LISTS.items()
    }
    alphabet = tuple(sorted({symbol for part in lines.values() for _, text in part for symbol in text}))
    number = {symbol: place for place, symbol in enumerate(alphabet)}
    parts = {
        split: [
            Recording(path.stem, read_line(path), np.array([number[symbol] for symbol in text]))
            for path, text in part
        ]
        for split, part in lines.items()
    }
    return checked_set("IAM-OnDB", alphabet, parts, is_text=True, left_out=left_out, folder=folder)


def _lines(top: dict[str, Path], listed: Path, left_out: Counter[str]) -> Iterator[tuple[Path, str]]:
    """Yield the stroke files of the forms in a list, each with its text; count those that are left out."""
    for number, line in enumerate(read_text(listed).splitlines(), 1):
        form = line.strip()
        if not form:
            continue
        match = FORM.fullmatch(form)
        if match is None:
            raise TaskError(f"{listed}:{number}: a form is called as a01-000u, not {form[:60]!r}")
        if form in DROPPED:
            left_out["forms known to be faulty"] += 1
            continue
        inner = Path(match[2], match[1])
        texts = _texts(top["ascii"] / inner / f"{form}.txt")
        strokes = sorted((top["linestrokes"] / inner).glob(f"{form}-[0-9][0-9].xml"))
        left_out["lines without strokes"] += max(0, len(texts) - len(strokes))
        for path in strokes:
            text = texts.get(int(path.stem[-2:]), "")
            if not text.strip("% "):
                left_out["strokes without a text"] += 1
                continue
            yield path, text
    left_out += Counter()  # reasons that nothing was left out for are none


def _texts(path: Path) -> dict[int, str]:
    """Return the transcribed lines of a form by their numbers, from 1 on; those that are empty are there too.

    Raises:
        TaskError: There is no file, or no transcription in it.
    """
    head, mark, body = read_text(path, "iso-8859-1").partition("CSR:")
    if not mark:
        raise TaskError(f"{path}: no line 'CSR:', after which the text is")
    lines = body.replace("\r\n", "\n").strip("\n").split("\n")
    return {number: line.strip() for number, line in enumerate(lines, 1)}
